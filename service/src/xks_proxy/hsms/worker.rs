//! The threads of an HSM: each owns one session, and takes from the queue what it does next.
//!
//! All calls of the module but the search for tokens are made here. A call that hangs keeps its thread, and nothing else.

use super::access::is_user;
use super::fail::Fail;
use super::hsm::{ENTRY, Hsm};
use super::line::{Next, NotReady};
use super::ticket::Attempt;
use super::work::{Desk, Ivs};
use super::{HsmFailure, Outcome, log};
use cryptoki::error::Error;
use cryptoki::session::Session;
use cryptoki::slot::Slot;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{Builder, JoinHandle};
use std::time::Instant;
use vhsm_keystore::Fault;

/// Starts an HSM's threads; those that the system has no room for are told by the log.
pub(super) fn start(hsm: &Arc<Hsm>) -> Vec<JoinHandle<()>> {
    let spawn = |number| {
        let own = Arc::clone(hsm);
        let started = Builder::new().name(format!("hsm-{number}")).spawn(move || live(&own, number));
        started.inspect_err(|error| log(&format!("HSM {}: a thread less: {error}", hsm.id))).ok()
    };
    (0..hsm.threads()).filter_map(spawn).collect()
}

fn live(hsm: &Arc<Hsm>, number: usize) {
    // A fault of this program shall cost a request, and not the thread.
    while catch_unwind(AssertUnwindSafe(|| Worker::new(hsm, number).serve())).is_err() {
        hsm.ends(number);
        hsm.line.doubt(None, "a fault of this program");
    }
}

struct Worker<'a> {
    hsm: &'a Arc<Hsm>,
    number: usize,
    own: Option<Own>,
    /// When it tries again to get a session, where others have theirs.
    not_before: Option<Instant>,
}

struct Own {
    hsm: Arc<Hsm>,
    session: Session,
    ivs: Ivs,
    /// `None`: it is to be replaced.
    epoch: Option<u64>,
}

impl Drop for Own {
    fn drop(&mut self) {
        self.hsm.sessions.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts work and its thread out, however it ends.
struct Busy<'a>(&'a Hsm, usize);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.ends(self.1);
        self.0.line.done();
    }
}

impl<'a> Worker<'a> {
    fn new(hsm: &'a Arc<Hsm>, number: usize) -> Self {
        Self { hsm, number, own: None, not_before: None }
    }

    fn serve(mut self) {
        loop {
            let epoch = self.own.as_ref().and_then(|own| own.epoch);
            match self.hsm.line.next(self.number, epoch, self.not_before) {
                Next::Attempt(attempt) => self.work(attempt),
                Next::Renew(epoch) => self.renew(epoch),
                Next::Stop => return,
            }
        }
    }

    fn work(&mut self, mut attempt: Attempt) {
        let begun = Instant::now();
        let busy = Busy(self.hsm, self.number);
        let Some(own) = self.own.as_mut().filter(|_| attempt.begin(begun)) else { return };
        let deadline = attempt.ticket.deadline;
        self.hsm.begins(self.number, begun, deadline);
        let mut desk = Desk { hsm: self.hsm, session: &own.session, ivs: &mut own.ivs };
        let result = match desk.perform(&attempt.ticket.job) {
            // It does nothing else either: it is the session or the HSM, and not the request.
            Err(Fail::Doubtful(text)) if !desk.answers() => Err(Fail::Hsm(text)),
            result => result,
        };
        let ended = Instant::now();
        drop(busy);
        self.judge(&result, begun, ended, deadline);
        attempt.report(result, begun, ended);
    }

    /// What is to be concluded about session and HSM.
    fn judge(&mut self, result: &Result<Outcome, Fail>, begun: Instant, ended: Instant, deadline: Instant) {
        let vitals = &self.hsm.vitals;
        match result {
            Err(Fail::Hsm(text)) => {
                vitals.failed(ended, text);
                let epoch = self.lose();
                self.hsm.keys.forget_all();
                self.hsm.line.doubt(epoch, text);
            }
            Err(Fail::Doubtful(text)) => {
                vitals.failed(ended, text);
                self.replace();
            }
            Err(Fail::Settled(HsmFailure::Failed(_))) => self.replace(),
            _ if ended > deadline => vitals.failed(ended, "a call took longer than its request could wait"),
            _ => vitals.worked(ended - begun),
        }
    }

    /// The session serves no more.
    fn lose(&mut self) -> Option<u64> {
        self.own.as_mut().and_then(|own| own.epoch.take())
    }

    /// The session shall be another one: what it was in the midst of is not known.
    fn replace(&mut self) {
        if let Some(epoch) = self.lose() {
            self.hsm.line.closed(epoch);
        }
    }

    fn renew(&mut self, epoch: u64) {
        let now = Instant::now();
        self.hsm.begins(self.number, now, now + ENTRY);
        let entered = self.enter(epoch);
        self.hsm.ends(self.number);
        match entered {
            Ok(()) => {
                self.not_before = None;
                self.hsm.vitals.entered();
                if self.hsm.line.ready(self.number, epoch) {
                    log(&format!("HSM {} works", self.hsm.id));
                }
            }
            Err(fault) => self.has_none(epoch, &fault.to_string()),
        }
    }

    fn has_none(&mut self, epoch: u64, trouble: &str) {
        match self.hsm.line.not_ready(self.number, epoch, trouble) {
            NotReady::Again => {}
            NotReady::Alone(time) => self.not_before = Some(time),
            NotReady::Failed { attempts, is_news } => {
                for attempt in attempts {
                    attempt.refuse(Fail::Hsm(trouble.into()));
                }
                if is_news {
                    log(&format!("HSM {} does not work: {trouble}", self.hsm.id));
                }
            }
        }
    }

    /// Sees to it that its session is logged in, by a new one if need be.
    fn enter(&mut self, epoch: u64) -> Result<(), Fault> {
        let is_good = |own: &Own| own.epoch.is_some() && matches!(is_user(&own.session), Ok(true));
        if let Some(own) = self.own.as_mut().filter(|own| is_good(own)) {
            own.epoch = Some(epoch);
            return Ok(());
        }
        self.own = match self.entered(epoch) {
            // The old one may be what it has no room beside.
            Err(Fault::Full) if self.own.take().is_some() => Some(self.entered(epoch)?),
            // Until here the old one, if it lives, kept the login.
            entered => Some(entered?),
        };
        Ok(())
    }

    fn entered(&self, epoch: u64) -> Result<Own, Fault> {
        self.is_it()?;
        let session = self.hsm.access.session(self.hsm.slot_id())?;
        self.hsm.keys.forget_all();
        self.hsm.sessions.fetch_add(1, Ordering::Relaxed);
        Ok(Own { hsm: Arc::clone(self.hsm), session, ivs: Ivs::default(), epoch: Some(epoch) })
    }

    /// Whether the slot still has this token.
    fn is_it(&self) -> Result<(), Fault> {
        let Some(module) = self.hsm.access.module() else { return Ok(()) };
        match module.pkcs11().get_token_info(Slot::try_from(self.hsm.slot_id())?) {
            Ok(token) if token.serial_number() != self.hsm.serial => {
                Err(Fault::Gone(format!("its slot has another token now, {}", token.serial_number())))
            }
            Err(error @ Error::Pkcs11(..)) => Err(error.into()),
            // The token is there, but tells something that the PKCS#11 crate does not take.
            Ok(_) | Err(_) => Ok(()),
        }
    }
}
