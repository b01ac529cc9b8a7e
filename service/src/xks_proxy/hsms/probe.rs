//! The probe of each HSM: it encrypts and decrypts with a key that is no KMS key's.

use super::fail::Fail;
use super::group::Group;
use super::hsm::Hsm;
use super::line::Refusal;
use super::ticket::{Job, Ticket};
use super::{HsmFailure, log};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long an HSM may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Probes the HSMs of all groups at once. Takes no longer than a few seconds, and a little more where keys are to be made.
pub(super) fn all(groups: &[Arc<Group>]) {
    let deadline = Instant::now() + PATIENCE;
    let mut asked = Vec::new();
    for group in groups {
        let hsms = group.hsms();
        asked.extend(hsms.iter().map(|hsm| (Arc::clone(hsm), begin(hsm, deadline))));
    }
    let answers: Vec<_> = asked.into_iter().map(|(hsm, ticket)| (answer(ticket, deadline), hsm)).collect();
    for (result, hsm) in answers {
        let result = match result {
            Err(Probe::NoKey) if hsm.access.settings.make_probe_key => made(&hsm),
            result => result,
        };
        conclude(&hsm, result);
    }
}

enum Probe {
    NoKey,
    Failed(String),
}

/// Makes the key and probes once more. One HSM after the other: what one makes, others of its cluster find.
fn made(hsm: &Arc<Hsm>) -> Result<(), Probe> {
    let deadline = Instant::now() + PATIENCE;
    answer(Some(ask(hsm, Job::MakeProbeKey, deadline)), deadline)?;
    answer(begin(hsm, deadline), deadline)
}

fn conclude(hsm: &Hsm, result: Result<(), Probe>) {
    let before = hsm.vitals.probe_trouble();
    let label = &hsm.access.settings.probe_label;
    let (trouble, does_something) = match result {
        Ok(()) => return hsm.vitals.probe_worked(Instant::now()),
        Err(Probe::Failed(text)) => (format!("probe: {text}"), false),
        Err(Probe::NoKey) => (format!("probe: there is no AES key with the label {label:?}"), true),
    };
    if before.as_ref() != Some(&trouble) {
        log(&format!("HSM {}: {trouble}", hsm.id));
    }
    hsm.vitals.probe_failed(trouble, does_something);
}

/// `None`: the last probe hangs. One more would take one more thread.
fn begin(hsm: &Hsm, deadline: Instant) -> Option<Result<Arc<Ticket>, Refusal>> {
    let mut last = hsm.last_probe.lock();
    if last.as_ref().is_some_and(|ticket| ticket.has_begun(0)) {
        return None;
    }
    let asked = ask(hsm, Job::Probe, deadline);
    *last = asked.as_ref().ok().cloned();
    Some(asked)
}

fn ask(hsm: &Hsm, job: Job, deadline: Instant) -> Result<Arc<Ticket>, Refusal> {
    let now = Instant::now();
    if hsm.standing(now).is_none() {
        return Err(Refusal::Failed);
    }
    let ticket = Ticket::new(job, deadline);
    hsm.push(ticket.attempt(0, now), now)?;
    Ok(ticket)
}

fn answer(asked: Option<Result<Arc<Ticket>, Refusal>>, deadline: Instant) -> Result<(), Probe> {
    let failed = |text: &str| Err(Probe::Failed(text.into()));
    let ticket = match asked {
        Some(Ok(ticket)) => ticket,
        None => return failed("the last one hangs"),
        Some(Err(Refusal::Full)) => return failed("it has too much to do"),
        Some(Err(Refusal::Failed)) => return failed("it does not work"),
    };
    let report = ticket.wait_for_report(deadline);
    ticket.close();
    match report.map(|report| report.result) {
        Some(Ok(_)) => Ok(()),
        Some(Err(Fail::NoKey | Fail::NoObject | Fail::Settled(HsmFailure::NoKey))) => Err(Probe::NoKey),
        Some(Err(Fail::Settled(failure))) => failed(&failure.to_string()),
        Some(Err(Fail::Hsm(text) | Fail::Doubtful(text))) => failed(&text),
        None if ticket.has_begun(0) => failed("no answer in time"),
        None => failed("all its threads were busy"),
    }
}
