//! From the file's tables to `Settings`: all rules but those of key stores.

use super::key_store;
use super::secret;
use super::section::Section;
use super::{
    AccessLogPlace, HsmGroupSettings, IvSource, KeyName, Limits, ModuleChoice, Settings, Times, TlsSettings,
    TokenChoice,
};
use crate::failure::Failure;
use std::collections::BTreeSet;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;
use toml::Table;
use vhsm_pkcs11::config::Config;
use vhsm_pkcs11::profile::Profile;
use zeroize::Zeroizing;

/// More than any configuration has.
const MOST_BYTES: u64 = 16 << 20;

/// Reads a file and the secrets that it names. Errors name file and key, what is wrong, and how to mend it.
pub fn read(file: &Path) -> Result<Settings, Failure> {
    let cannot = |what: &str| {
        let mend = "name the configuration by --config FILE; `vhsm xks-proxy --help` says what stands in it";
        Failure::new(format!("{}: {what}; {mend}", file.display()))
    };
    let length = std::fs::metadata(file).map_err(|error| cannot(&error.to_string()))?.len();
    if length > MOST_BYTES {
        return Err(cannot("it is too long for a configuration"));
    }
    let text = std::fs::read_to_string(file).map_err(|error| cannot(&error.to_string()))?;
    parse(file, &text)
}

fn parse(file: &Path, text: &str) -> Result<Settings, Failure> {
    let table = text.parse::<Table>().map_err(|error| {
        // Without the line itself: a secret may stand there.
        let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        Failure::new(format!("{}: line {line}: {}; mend the TOML there", file.display(), error.message()))
    })?;
    of_table(file, &table)
}

/// What a file says that holds this.
pub fn of_table(file: &Path, table: &Table) -> Result<Settings, Failure> {
    let top = &Section::top(file, table)?;
    let listen = top.said("listen")?;
    let region = region(top)?;
    let tls = top.inner("tls")?.map(|tls| tls_settings(&tls, region.as_deref())).transpose()?;
    let addresses = addresses(top, "listen", &listen)?;
    if tls.is_none() && !addresses.iter().all(|address| address.ip().is_loopback()) {
        let mend = "set cert_file and key_file in [tls], or listen on 127.0.0.1";
        return Err(top.wrong("listen", "others can reach it, and there is no TLS", mend));
    }
    let status_listen = top.text("status_listen")?;
    let hsms = hsms(top)?;
    let key_stores = key_store::all(top, &hsms)?;
    Ok(Settings {
        status_addresses: match status_listen {
            Some(named) => self::addresses(top, "status_listen", &named)?,
            None => Vec::new(),
        },
        listen,
        addresses,
        tls,
        region,
        times: times(top)?,
        limits: limits(top)?,
        access_log: access_log(top)?,
        probe_interval: milliseconds(top, "probe_ms")?,
        fleet_size: u32::try_from(top.count("fleet_size")?).unwrap_or(u32::MAX),
        hints: key_store::hints(&key_stores),
        hsms,
        key_stores,
    })
}

fn addresses(top: &Section, key: &str, named: &str) -> Result<Vec<SocketAddr>, Failure> {
    let found = named.to_socket_addrs().map_err(|error| {
        top.wrong(key, &format!("{named:?}: {error}"), "write ADDRESS:PORT, as in 127.0.0.1:8443")
    })?;
    Ok(found.collect())
}

fn region(top: &Section) -> Result<Option<String>, Failure> {
    let region = top.text("region")?;
    let is_one = |region: &str| {
        !region.is_empty()
            && region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    match region {
        Some(region) if !is_one(&region) => {
            Err(top.wrong("region", &format!("{region:?} is no region"), "write it as in us-east-1"))
        }
        region => Ok(region),
    }
}

fn access_log(top: &Section) -> Result<Option<AccessLogPlace>, Failure> {
    Ok(match top.said("access_log")?.as_str() {
        "none" => None,
        "-" => Some(AccessLogPlace::StandardOutput),
        named => Some(AccessLogPlace::File(top.placed("access_log", named)?)),
    })
}

fn tls_settings(tls: &Section, region: Option<&str>) -> Result<TlsSettings, Failure> {
    let key = tls.path("key_file")?.unwrap_or_default();
    secret::check_key(&key)?;
    let client_ca = tls.path("client_ca_file")?;
    let client_names = match (tls.texts("client_names")?, region) {
        (Some(_), _) if client_ca.is_none() => {
            let mend = "name the authorities of clients' certificates in client_ca_file";
            return Err(tls.wrong("client_names", "names of nobody's certificates", mend));
        }
        (Some(names), _) => names,
        (None, Some(region)) if client_ca.is_some() => vec![format!("cks.kms.{region}.amazonaws.com")],
        (None, None) if client_ca.is_some() => {
            let mend = "name whose certificate it has to be, as in [\"cks.kms.us-east-1.amazonaws.com\"], or set region";
            let what = "it is missing, and whoever has a certificate of these authorities would be taken";
            return Err(tls.wrong("client_names", what, mend));
        }
        (None, _) => Vec::new(),
    };
    if client_names.iter().any(String::is_empty) {
        return Err(tls.wrong("client_names", "one is empty", "remove it"));
    }
    Ok(TlsSettings { certificate: tls.path("cert_file")?.unwrap_or_default(), key, client_ca, client_names })
}

fn times(top: &Section) -> Result<Times, Failure> {
    let times = Times {
        deadline: milliseconds(top, "deadline_ms")?,
        reserve: milliseconds(top, "reserve_ms")?,
        idle: milliseconds(top, "idle_ms")?,
        stop: milliseconds(top, "stop_ms")?,
    };
    match times.reserve < times.deadline {
        true => Ok(times),
        false => Err(top.wrong(
            "times: reserve_ms",
            "it leaves no time for the request itself",
            "write less than deadline_ms",
        )),
    }
}

fn milliseconds(top: &Section, key: &str) -> Result<Duration, Failure> {
    Ok(Duration::from_millis(top.inner_or_empty("times")?.number(key)?.unwrap_or_default()))
}

fn limits(top: &Section) -> Result<Limits, Failure> {
    let limits = top.inner_or_empty("limits")?;
    Ok(Limits {
        connections: limits.count("connections")?,
        requests: limits.count("requests")?,
        plaintext_bytes: limits.count("plaintext_bytes")?,
        aad_bytes: limits.count("aad_bytes")?,
    })
}

fn hsms(top: &Section) -> Result<Vec<HsmGroupSettings>, Failure> {
    let groups: Vec<_> = top.list("hsms")?.iter().map(hsm_group).collect::<Result<_, _>>()?;
    if groups.is_empty() {
        return Err(top.wrong(
            "hsms",
            "there are none",
            "write an [[hsms]] with name, pin_file and token_label",
        ));
    }
    let mut names = BTreeSet::new();
    match groups.iter().find(|group| !names.insert(group.name.as_str())) {
        Some(twice) => {
            Err(top.wrong("hsms", &format!("two are named {:?}", twice.name), "give each a name of its own"))
        }
        None => Ok(groups),
    }
}

fn hsm_group(group: &Section) -> Result<HsmGroupSettings, Failure> {
    let module = group.path("module")?.map_or(ModuleChoice::Own, ModuleChoice::File);
    let pin_file = group.path("pin_file")?.unwrap_or_default();
    let (pin, _) = secret::first_line(&pin_file)?;
    Ok(HsmGroupSettings {
        name: name(group)?,
        tokens: tokens(group)?,
        pin: Zeroizing::new(pin.as_bytes().to_vec()),
        workers: group.count("workers")?,
        queue: group.count("queue")?,
        iv: match group.text("iv")?.as_deref() {
            Some("proxy") => IvSource::Proxy,
            Some("module-writes") => IvSource::ModuleWrites,
            Some("module-appends") => IvSource::ModuleAppends,
            _ => needed_by(&module),
        },
        named_by: match group.said("keys_by")?.as_str() {
            "id" => KeyName::Id,
            _ => KeyName::Label,
        },
        probe_label: not_empty(group, "probe_label", group.said("probe_label")?)?,
        make_probe_key: group.flag("make_probe_key")?,
        module,
    })
}

/// What a module is known to need, by its file's name.
fn needed_by(module: &ModuleChoice) -> IvSource {
    let own = || match Config::profile_now() {
        Profile::CloudHsm => IvSource::ModuleWrites,
        Profile::Standard => IvSource::Proxy,
    };
    let ModuleChoice::File(file) = module else { return own() };
    let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    match name {
        name if name.contains("vhsm") => own(),
        name if name.contains("cloudhsm") => IvSource::ModuleWrites,
        // Luna's, by both of its names.
        name if name.contains("cryptoki2") || name.contains("cklog2") => IvSource::ModuleAppends,
        _ => IvSource::Proxy,
    }
}

fn tokens(group: &Section) -> Result<TokenChoice, Failure> {
    let label = group.text("token_label")?.map(TokenChoice::Label);
    let serial = group.text("token_serial")?.map(TokenChoice::Serial);
    let slots = group.numbers("slots")?.map(TokenChoice::Slots);
    let mut given: Vec<_> = [label, serial, slots].into_iter().flatten().collect();
    match (given.pop(), given.is_empty()) {
        (Some(choice), true) => Ok(choice),
        _ => {
            let what = "of token_label, token_serial and slots there has to be one";
            Err(group.wrong("token_label", what, "name the token by one of them"))
        }
    }
}

/// Of a group or a key store: it stands in logs and labels of metrics.
pub fn name(section: &Section) -> Result<String, Failure> {
    let name = section.said("name")?;
    let is_one = (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    match is_one {
        true => Ok(name),
        false => Err(section.wrong(
            "name",
            &format!("{name:?} is no name"),
            "use 1 to 64 letters, digits and - _ .",
        )),
    }
}

fn not_empty(section: &Section, key: &str, text: String) -> Result<String, Failure> {
    match text.is_empty() {
        true => Err(section.wrong(key, "it is empty", "write something, or remove it")),
        false => Ok(text),
    }
}
