//! The HSMs of a group, as tokens come and go: a thread of its own looks for them again and again.

use super::access::Access;
use super::hsm::{Hsm, Token};
use super::line::Mode;
use super::{HealthStatus, HsmStatus, log, worker};
use crate::failure::Failure;
use crate::xks_proxy::settings::{HsmGroupSettings, TokenChoice};
use arc_swap::ArcSwap;
use cryptoki::error::Error;
use cryptoki::slot::Slot;
use parking_lot::{Condvar, Mutex};
use std::collections::HashMap;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};
use vhsm_keystore::{Fault, Module};

/// How long a start waits to be told which tokens there are, or that a module cannot be loaded.
const LOADING: Duration = Duration::from_secs(2);
const EVERY: Duration = Duration::from_secs(10);
/// Where one is missing or does not work.
const SOON: Duration = Duration::from_secs(1);
/// An HSM whose token is gone for so long is forgotten, if the group has others.
const FORGOTTEN: Duration = Duration::from_secs(600);

pub(super) struct Group {
    pub access: Arc<Access>,
    hsms: ArcSwap<Vec<Arc<Hsm>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    stop: Arc<Stop>,
    /// Why there is no HSM. Held by who changes `hsms`.
    trouble: Mutex<String>,
    /// Since when tokens are gone, by serial number.
    gone: Mutex<HashMap<String, Instant>>,
}

#[derive(Default)]
struct Stop {
    is_told: Mutex<bool>,
    changed: Condvar,
}

impl Group {
    /// Does not wait for HSMs. Errors: the module cannot be loaded; the system has no room for a thread.
    pub fn start(settings: HsmGroupSettings) -> Result<Arc<Self>, Failure> {
        let group = Arc::new(Self {
            access: Arc::new(Access::new(settings)),
            hsms: ArcSwap::default(),
            threads: Mutex::default(),
            stop: Arc::default(),
            trouble: Mutex::new("its tokens are still looked for".into()),
            gone: Mutex::default(),
        });
        let (tell, told) = channel();
        let own = Arc::downgrade(&group);
        let (access, stop) = (Arc::clone(&group.access), Arc::clone(&group.stop));
        let seek = move || seek(&own, &access, &stop, &tell);
        let thread = Builder::new().name("hsm-finder".into()).spawn(seek);
        let failed = |error| Failure::new(format!("no thread that looks for HSMs: {error}"));
        group.threads.lock().push(thread.map_err(failed)?);
        match told.recv_timeout(LOADING) {
            Ok(Err(failure)) => Err(failure),
            // What takes longer may come yet.
            Ok(Ok(())) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Ok(group),
        }
    }

    pub fn name(&self) -> &str {
        &self.access.settings.name
    }

    pub fn hsms(&self) -> arc_swap::Guard<Arc<Vec<Arc<Hsm>>>> {
        self.hsms.load()
    }

    /// Why there is no HSM.
    pub fn trouble(&self) -> String {
        self.trouble.lock().clone()
    }

    /// Of each HSM; where there is none, of the group as if it were one.
    pub fn status(&self) -> Vec<HsmStatus> {
        let hsms = self.hsms();
        if !hsms.is_empty() {
            return hsms.iter().map(|hsm| hsm.status()).collect();
        }
        vec![HsmStatus {
            id: self.name().into(),
            group: self.name().into(),
            manufacturer: String::new(),
            model: String::new(),
            health: HealthStatus::Unavailable,
            trouble: self.trouble(),
            hanging: 0,
            sessions: 0,
            queued: 0,
            operations: 0,
            failures: 0,
            probed: None,
        }]
    }

    /// Threads end when they have done what they have to do; those that hang, when their calls end.
    pub fn stop(&self) {
        *self.stop.is_told.lock() = true;
        self.stop.changed.notify_all();
        // Who adds HSMs looks at `is_told` under this lock.
        let _changing = self.trouble.lock();
        self.hsms().iter().for_each(|hsm| hsm.line.stop());
    }

    /// Whether all its threads have ended.
    pub fn has_ended(&self) -> bool {
        self.threads.lock().iter().all(JoinHandle::is_finished)
    }

    /// Takes over what was found. `true`: all HSMs there are work.
    fn follow(&self, found: Result<Vec<Token>, String>) -> bool {
        let mut trouble = self.trouble.lock();
        if *self.stop.is_told.lock() {
            return true;
        }
        let found = found.unwrap_or_else(|error| {
            *trouble = error;
            Vec::new()
        });
        let now = Instant::now();
        let mut hsms = Vec::clone(&self.hsms());
        for token in &found {
            match hsms.iter().find(|hsm| hsm.serial == token.serial) {
                Some(hsm) => hsm.moved_to(token.slot_id),
                None => hsms.push(self.add(token)),
            }
        }
        let mut gone = self.gone.lock();
        gone.retain(|serial, _| found.iter().all(|token| token.serial != *serial));
        let some = !found.is_empty();
        hsms.retain(|hsm| {
            let is_gone = found.iter().all(|token| token.serial != hsm.serial);
            let since = if is_gone { *gone.entry(hsm.serial.clone()).or_insert(now) } else { now };
            let stays = !some || hsm.line.mode() != Mode::Failed || now < since + FORGOTTEN;
            if !stays {
                log(&format!("HSM {} is gone, and forgotten", hsm.id));
                hsm.line.stop();
            }
            stays
        });
        let all_work = !hsms.is_empty() && hsms.iter().all(|hsm| hsm.line.mode() == Mode::Working);
        self.hsms.store(Arc::new(hsms));
        all_work
    }

    fn add(&self, token: &Token) -> Arc<Hsm> {
        let hsm = Arc::new(Hsm::new(&self.access, token));
        log(&format!("HSM {} found: {} {}, slot {}", hsm.id, token.manufacturer, token.model, token.slot_id));
        let mut threads = self.threads.lock();
        threads.retain(|thread| !thread.is_finished());
        threads.extend(worker::start(&hsm));
        hsm
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Stop {
    /// `true`: it is told to.
    fn wait(&self, time: Duration) -> bool {
        let mut is_told = self.is_told.lock();
        self.changed.wait_while_for(&mut is_told, |is_told| !*is_told, time);
        *is_told
    }
}

/// What the finder does. Holds no group over calls of the module: they may hang.
fn seek(group: &Weak<Group>, access: &Access, stop: &Stop, tell: &Sender<Result<(), Failure>>) {
    loop {
        let found = match access.module() {
            Some(module) => {
                let Some(known) = group.upgrade().map(|group| group.hsms.load_full()) else { return };
                tokens(module, &access.settings.tokens, &known)
            }
            None => match access.load() {
                Ok(()) => continue,
                Err(failure) => {
                    let text = failure.to_string();
                    if tell.send(Err(failure)).is_ok() {
                        return;
                    }
                    Err(text)
                }
            },
        };
        let Some(group) = group.upgrade() else { return };
        let all_work = group.follow(found);
        drop(group);
        // Nobody listens any more where it took long, or this was not the first time.
        let _ = tell.send(Ok(()));
        if stop.wait(if all_work { EVERY } else { SOON }) {
            return;
        }
    }
}

/// The tokens of the choice. An HSM that works is believed to be where it was, and one that hangs is not asked: its answer would be
/// waited for. Errors: why there is none.
fn tokens(module: &Module, choice: &TokenChoice, known: &[Arc<Hsm>]) -> Result<Vec<Token>, String> {
    let told = |error: Error| Fault::of(&error).to_string();
    let slots = match choice {
        TokenChoice::Slots(ids) => ids.iter().filter_map(|id| Slot::try_from(*id).ok()).collect(),
        TokenChoice::Label(_) | TokenChoice::Serial(_) => {
            module.pkcs11().get_slots_with_token().map_err(told)?
        }
    };
    let mut found: Vec<Token> = Vec::new();
    let mut trouble = None;
    for slot in slots {
        let token = match known.iter().find(|hsm| hsm.slot_id() == slot.id() && is_believed(hsm)) {
            Some(hsm) => Some(Token { slot_id: slot.id(), serial: hsm.serial.clone(), ..Token::default() }),
            None => token(module, choice, slot).unwrap_or_else(|error| {
                trouble = Some(format!("slot {}: {}", slot.id(), told(error)));
                None
            }),
        };
        // Of several slots with one token, the first.
        found.extend(token.filter(|token| found.iter().all(|other| other.serial != token.serial)));
    }
    match found.is_empty() {
        true => Err(trouble.unwrap_or_else(|| none(choice))),
        false => Ok(found),
    }
}

fn is_believed(hsm: &Hsm) -> bool {
    hsm.line.mode() == Mode::Working || hsm.hanging(Instant::now()) > 0
}

/// The token in a slot, if it is one of the choice.
fn token(module: &Module, choice: &TokenChoice, slot: Slot) -> Result<Option<Token>, Error> {
    let info = match (module.pkcs11().get_token_info(slot), choice) {
        (Ok(info), _) => info,
        // It tells something that the PKCS#11 crate does not take, a time of day say.
        (Err(error), TokenChoice::Slots(_)) if !matches!(error, Error::Pkcs11(..)) => {
            let serial = format!("slot-{}", slot.id());
            return Ok(Some(Token { slot_id: slot.id(), serial, ..Token::default() }));
        }
        (Err(error), _) => return Err(error),
    };
    let is_chosen = match choice {
        TokenChoice::Label(label) => info.label() == label,
        TokenChoice::Serial(serial) => info.serial_number() == serial,
        TokenChoice::Slots(_) => true,
    };
    Ok((is_chosen && info.token_initialized()).then(|| Token {
        slot_id: slot.id(),
        serial: info.serial_number().to_owned(),
        manufacturer: info.manufacturer_id().to_owned(),
        model: info.model().to_owned(),
    }))
}

fn none(choice: &TokenChoice) -> String {
    match choice {
        TokenChoice::Label(label) => format!("the module has no token with the label {label:?}"),
        TokenChoice::Serial(serial) => format!("the module has no token with the serial number {serial:?}"),
        TokenChoice::Slots(slots) => format!("the module has no token in slots {slots:?}"),
    }
}
