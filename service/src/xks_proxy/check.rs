//! `vhsm xks-proxy --check`: what a configuration leads to, before anybody is served by it.

use super::current::{Current, KeyStore};
use super::edge;
use super::hsms::{HealthStatus, HsmStatus, Hsms};
use super::key_set::{KeySet, Membership};
use super::settings::{PATH, Settings};
use crate::failure::Failure;
use crate::output;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// How long HSMs have to show that they work.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);
/// Of a key store's keys.
const SHOWN: usize = 5;
/// Of a whole URI; and what it has beside host, prefix and key id: https://, /kms/xks/v1, /keys/ and /metadata.
const MOST_URI_BYTES: usize = 256;
const URI_BYTES: usize = "https://".len() + PATH.len() + "/keys/".len() + "/metadata".len();
/// A certificate that ends sooner wants to be renewed.
const SOON: Duration = Duration::from_secs(14 * 86_400);

/// Lines of text, and how many of them tell of something to mend.
#[derive(Default)]
struct Report {
    text: String,
    wrong: usize,
}

impl Report {
    fn line(&mut self, name: &str, what: &str) {
        self.text += &format!("  {name:<24}{what}\n");
    }

    fn wrong(&mut self, name: &str, what: &str) {
        self.wrong += 1;
        self.text += &format!("! {name:<24}{what}\n");
    }
}

/// Errors: what is wrong with the configuration; or that something of what was printed is.
pub fn run(file: &Path) -> Result<(), Failure> {
    let settings = Settings::read(file)?;
    let mut report = Report { text: format!("{}\n", file.display()), wrong: 0 };
    certificate(&settings, &mut report)?;
    let current = Current::build(settings, None)?;
    hsms(&current.hsms, &mut report);
    for store in &current.key_stores {
        key_store(store, &mut report);
    }
    for hint in &current.settings.hints {
        report.wrong("secret", hint);
    }
    current.hsms.stop();
    output::text(&report.text)?;
    match report.wrong {
        0 => Ok(()),
        wrong => Err(Failure::new(format!("{wrong} of the lines above tell of something to mend, by a `!`"))),
    }
}

fn certificate(settings: &Settings, report: &mut Report) -> Result<(), Failure> {
    let Some(tls) = &settings.tls else {
        report.line("certificate", "none: without TLS, on loopback");
        return Ok(());
    };
    let expires = edge::load_tls(tls)?.expires();
    let told = format!("until {}", humantime::format_rfc3339_seconds(expires));
    match expires.duration_since(SystemTime::now()) {
        Ok(left) if left > SOON => report.line("certificate", &told),
        _ => report.wrong("certificate", &format!("{told}: renew it")),
    }
    let clients = match &tls.client_ca {
        None => "need no certificate".into(),
        Some(_) => format!("show a certificate of {}", tls.client_names.join(" or ")),
    };
    report.line("clients", &clients);
    Ok(())
}

fn hsms(hsms: &Hsms, report: &mut Report) {
    let until = Instant::now() + PATIENCE;
    let mut status = Vec::new();
    while Instant::now() < until {
        hsms.probe();
        status = hsms.status();
        if status.iter().all(|hsm| hsm.health == HealthStatus::Active) {
            break;
        }
        std::thread::sleep(PAUSE);
    }
    for HsmStatus { id, health, manufacturer, model, trouble, .. } in &status {
        let name = format!("HSM {id}");
        match health {
            HealthStatus::Active => report.line(&name, &format!("ACTIVE       {manufacturer} {model}")),
            HealthStatus::Degraded => report.wrong(&name, &format!("DEGRADED     {trouble}")),
            HealthStatus::Unavailable => report.wrong(&name, &format!("UNAVAILABLE  {trouble}")),
        }
    }
}

fn key_store(store: &KeyStore, report: &mut Report) {
    let settings = &store.settings;
    let name = format!("key store {}", settings.name);
    let state = if settings.enabled { "enabled" } else { "disabled" };
    let ids: Vec<_> = settings.credentials.iter().map(|one| one.access_key_id.as_str()).collect();
    report.line(&name, &format!("{state}, {}{PATH}, signed by {}", settings.path_prefix, ids.join(" or ")));
    let set = KeySet::new(&settings.keys);
    let mut keys = Vec::new();
    for group in &store.groups {
        match store.hsms.aes_256_keys(*group) {
            Ok(mut own) => {
                own.retain(|key| set.has(key) != Membership::No);
                for pair in own.windows(2).filter(|pair| pair[0] == pair[1]) {
                    report.wrong("  keys", &format!("two are named {:?}: neither can be used", pair[0]));
                }
                keys.extend(own);
            }
            Err(failure) => report.wrong("  keys", &failure.to_string()),
        }
    }
    keys.sort();
    keys.dedup();
    match keys.len() {
        0 => report.wrong("  keys", "none: there is no AES-256 key that `keys` allows"),
        _ => report.line("  keys", &told(&keys)),
    }
    let longest = keys.iter().map(String::len).max().unwrap_or(0);
    let host = MOST_URI_BYTES.saturating_sub(URI_BYTES + settings.path_prefix.len() + longest);
    report.line(
        "  host",
        &format!("its name may have {host} characters, for a URI has {MOST_URI_BYTES} at most"),
    );
}

fn told(keys: &[String]) -> String {
    let shown = keys.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match keys.len() {
        few @ ..=SHOWN => format!("{few}: {shown}"),
        many => format!("{many}: {shown}, ..."),
    }
}
