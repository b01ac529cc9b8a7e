//! Runs the checks one after the other, and says now and then how far it is.

use super::calls::{ACCESS_DENIED, AUTHENTICATION, Api, KEY_NOT_FOUND};
use super::outcome::{Finding, Outcome};
use super::proxy::Proxy;
use super::report::Line;
use super::table::Check;
use crate::failure::Failure;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long somebody waits without a word.
const QUIET: Duration = Duration::from_secs(2);

/// Errors: the proxy cannot be reached, or does not take the credential or the key, so that nothing can be checked.
pub fn must_be_usable(proxy: &Proxy) -> Result<(), Failure> {
    let body = json!({"requestMetadata": proxy.metadata(Api::GetKeyMetadata)});
    let request = proxy.signed(proxy.request(Api::GetKeyMetadata, &proxy.target.key, &body));
    let place = proxy.address();
    let reply = proxy.send(&request).map_err(|broken| {
        let mtls = match (proxy.target.tls, &proxy.target.client) {
            (true, None) => "; if the proxy asks for mTLS, give --client-cert-file and --client-key-file",
            _ => "",
        };
        Failure::new(format!("{place}: {broken}{mtls}"))
    })?;
    let mend = match reply.error_name().as_deref() {
        Some(AUTHENTICATION) => {
            "check --access-key-id, --secret-file, --region, the URL's prefix and this machine's clock"
        }
        Some(ACCESS_DENIED) => "name who may use the key by --principal-arn and --kms-key-arn",
        Some(KEY_NOT_FOUND) => "name by --key an external key id that this key store has",
        _ => return Ok(()),
    };
    Err(Failure::new(format!(
        "nothing can be checked, for GetKeyMetadata was answered {}: {mend}",
        reply.told()
    )))
}

/// `tell` gets each line as soon as there is one.
pub fn run(proxy: &Proxy, checks: &[&'static Check], mut tell: impl FnMut(&Line)) -> Vec<Line> {
    let done = AtomicUsize::new(0);
    let (finished, all_done) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(|| progress(checks, &done, all_done));
        let lines = checks.iter().map(|check| {
            let started = Instant::now();
            let outcome = without(&proxy.target.secret, (check.run)(proxy));
            let line = Line::new(check, outcome, started.elapsed());
            done.fetch_add(1, Ordering::Relaxed);
            tell(&line);
            line
        });
        let lines = lines.collect();
        drop(finished);
        lines
    })
}

/// A proxy that tells the secret in its messages is found by a check, and the secret is not told on.
fn without(secret: &str, outcome: Outcome) -> Outcome {
    let hide = |text: String| text.replace(secret, "(the secret)");
    match outcome {
        Ok(got) => Ok(hide(got)),
        Err(Finding::Missed(got)) => Err(Finding::Missed(hide(got))),
        Err(Finding::Skipped(why)) => Err(Finding::Skipped(hide(why))),
    }
}

/// A line on standard error every two seconds, until all is done.
fn progress(checks: &[&'static Check], done: &AtomicUsize, all_done: mpsc::Receiver<()>) {
    while let Err(mpsc::RecvTimeoutError::Timeout) = all_done.recv_timeout(QUIET) {
        let made = done.load(Ordering::Relaxed);
        if let Some(check) = checks.get(made) {
            eprintln!("vhsm: {made} of {} checks made; now {}", checks.len(), check.id);
        }
    }
}
