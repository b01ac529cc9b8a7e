//! Configuration files, good and bad.

use super::keys::{self, KEYS, Preset, SECTIONS};
use super::*;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;
use toml::{Table, Value};

const SECRET: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH";
const SMALL: &str = r#"
[[hsms]]
name = "cluster"
token_label = "demo"
pin_file = "pin"

[[key_stores]]
name = "payments"
credentials = [{ access_key_id = "XKSAAAAAAAAAAAAAAAAA", secret_file = "secret" }]
"#;
/// Every key there is, with another value than its default.
const WHOLE: &str = r#"
listen = "127.0.0.1:9443"
status_listen = "127.0.0.1:9090"
region = "eu-central-1"
fleet_size = 3
access_log = "access.log"

[tls]
cert_file = "cert.pem"
key_file = "key.pem"
client_ca_file = "ca.pem"
client_names = ["kms.example"]

[times]
deadline_ms = 200
reserve_ms = 5
idle_ms = 1000
stop_ms = 100
probe_ms = 500

[limits]
connections = 10
requests = 11
plaintext_bytes = 4300
aad_bytes = 8192

[[hsms]]
name = "vendor"
module = "/lib/vendor.so"
slots = [4, 5]
pin_file = "pin"
workers = 2
queue = 3
iv = "module-appends"
keys_by = "id"
probe_label = "canary"
make_probe_key = false

[[hsms]]
name = "serial"
token_serial = "0042"
pin_file = "pin"

[[hsms]]
name = "label"
token_label = "demo"
pin_file = "pin"

[[key_stores]]
name = "payments"
path_prefix = "/payments/EU-1_a"
enabled = false
credentials = [
    { access_key_id = "XKSAAAAAAAAAAAAAAAAA", secret_file = "secret" },
    { access_key_id = "XKSAAAAAAAAAAAAAAAAB", secret_file = "secret" },
]
keys.allowed = ["pay-*"]
keys.disabled = ["pay-1"]
hsms = ["serial", "vendor"]
requests_per_second = 1800
policy_file = "policy.cedar"
decrypts_reference_aad = true
ciphertext_metadata = "a2V5PTE="

[[key_stores]]
name = "other"
path_prefix = "/other"
credentials = [{ access_key_id = "XKSAAAAAAAAAAAAAAAAC", secret_file = "secret" }]
"#;

/// A folder with the files that configurations here name.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in [("pin", "user:pass\n"), ("secret", SECRET), ("key.pem", "")] {
            folder.write(name, text, 0o600);
        }
        folder
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    }

    fn read(&self, text: &str) -> Result<Settings, String> {
        self.write("proxy.toml", text, 0o644);
        Settings::read(&self.0.path().join("proxy.toml")).map_err(|failure| failure.to_string())
    }

    /// What is said of a bad configuration.
    fn bad(&self, text: &str) -> String {
        let said = self.read(text).expect_err(text);
        assert!(said.contains(self.0.path().to_str().unwrap()), "names no file: {said}");
        assert!(said.contains("; "), "no mend: {said}");
        assert!(!said.contains(SECRET) && !said.contains("user:pass"), "{said}");
        said
    }
}

#[test]
fn little_has_to_be_said_and_defaults_are_those_of_the_table() {
    let Settings { hsms, key_stores, times, limits, listen, hints, .. } = Folder::new().read(SMALL).unwrap();
    let preset = |section: &str, key: &str| keys::of(section).find(|row| row.key == key).unwrap().preset;
    assert_eq!(Preset::Number(times.deadline.as_millis() as u64), preset("times", "deadline_ms"));
    assert_eq!(Preset::Number(limits.aad_bytes as u64), preset("limits", "aad_bytes"));
    assert_eq!(preset("", "listen"), Preset::Text("127.0.0.1:8443"));
    assert_eq!(listen, "127.0.0.1:8443");
    assert_eq!(
        (hsms[0].iv, hsms[0].named_by, &hsms[0].module),
        (IvSource::Proxy, KeyName::Label, &ModuleChoice::Own)
    );
    assert_eq!(hsms[0].pin.as_slice(), b"user:pass");
    assert_eq!(key_stores[0].hsms, ["cluster"]);
    assert_eq!((key_stores[0].path_prefix.as_str(), key_stores[0].enabled), ("", true));
    assert_eq!(*key_stores[0].credentials[0].secret, SECRET);
    assert_eq!(hints, Vec::<String>::new());
}

#[test]
fn every_key_reaches_the_settings() {
    let folder = Folder::new();
    let at = |name: &str| folder.0.path().join(name);
    let Settings { hsms, key_stores, times, limits, tls, access_log, .. } = folder.read(WHOLE).unwrap();
    let [vendor, serial, label] = &hsms[..] else { panic!("{hsms:?}") };
    assert_eq!(vendor.module, ModuleChoice::File("/lib/vendor.so".into()));
    assert_eq!((&vendor.tokens, vendor.iv), (&TokenChoice::Slots(vec![4, 5]), IvSource::ModuleAppends));
    assert_eq!((vendor.workers, vendor.queue, vendor.named_by), (2, 3, KeyName::Id));
    assert_eq!((vendor.probe_label.as_str(), vendor.make_probe_key), ("canary", false));
    assert_eq!(serial.tokens, TokenChoice::Serial("0042".into()));
    assert_eq!(label.tokens, TokenChoice::Label("demo".into()));
    let milliseconds = |number| Duration::from_millis(number);
    let (deadline, reserve) = (milliseconds(200), milliseconds(5));
    assert_eq!(times, Times { deadline, reserve, idle: milliseconds(1000), stop: milliseconds(100) });
    let (plaintext_bytes, aad_bytes) = (4300, 8192);
    assert_eq!(limits, Limits { connections: 10, requests: 11, plaintext_bytes, aad_bytes });
    let (certificate, key, client_ca) = (at("cert.pem"), at("key.pem"), Some(at("ca.pem")));
    assert_eq!(
        tls,
        Some(TlsSettings { certificate, key, client_ca, client_names: vec!["kms.example".into()] })
    );
    assert_eq!(access_log, Some(AccessLogPlace::File(at("access.log"))));
    let store = &key_stores[0];
    assert_eq!((store.path_prefix.as_str(), store.enabled), ("/payments/EU-1_a", false));
    assert_eq!(
        (store.credentials.len(), &store.hsms[..]),
        (2, &["serial".to_owned(), "vendor".to_owned()][..])
    );
    assert_eq!(
        (&store.keys.allowed[..], &store.keys.disabled[..]),
        (&["pay-*".to_owned()][..], &["pay-1".to_owned()][..])
    );
    assert_eq!((store.requests_per_second, store.decrypts_reference_aad), (Some(1800), true));
    assert_eq!(
        (store.policy_file.clone(), &store.ciphertext_metadata[..]),
        (Some(at("policy.cedar")), &b"key=1"[..])
    );
}

/// Where the parser knew a key that the table does not have, reading it would panic; where the table had one that is not read, a
/// value of the wrong kind would be taken.
#[test]
fn every_key_of_the_table_is_read_and_no_other() {
    let folder = Folder::new();
    let path = folder.0.path().join("proxy.toml");
    let said = |table: &Table| file::of_table(&path, table).unwrap_err().to_string();
    let moment = "at = 1979-05-27".parse::<Table>().unwrap()["at"].clone();
    for row in KEYS {
        let mut whole = WHOLE.parse::<Table>().unwrap();
        *place(&mut whole, row) = moment.clone();
        let said = said(&whole);
        assert!(said.contains(row.key) && said.contains("no such value"), "{row:?}: {said}");
    }
    for section in SECTIONS.iter().map(|section| section.name).chain([""]) {
        let mut whole = WHOLE.parse::<Table>().unwrap();
        tables(&mut whole, section)[0].insert("surprise".into(), moment.clone());
        assert!(said(&whole).contains("surprise: there is no such key; known here: "), "{section}");
    }
}

/// Where WHOLE has it.
fn place<'t>(whole: &'t mut Table, row: &keys::Row) -> &'t mut Value {
    let found = tables(whole, row.section).into_iter().find_map(|table| table.get_mut(row.key));
    found.unwrap_or_else(|| panic!("WHOLE lacks {row:?}"))
}

/// All tables of a section.
fn tables<'t>(whole: &'t mut Table, section: &str) -> Vec<&'t mut Table> {
    let mut found = vec![whole];
    for name in section.split('.').filter(|name| !name.is_empty()) {
        let inner = |table: &'t mut Table| match table.get_mut(name) {
            Some(Value::Array(list)) => list.iter_mut().filter_map(Value::as_table_mut).collect(),
            Some(Value::Table(table)) => vec![table],
            _ => Vec::new(),
        };
        found = found.into_iter().flat_map(inner).collect();
    }
    found
}

#[test]
fn the_reference_tells_every_key_in_short_lines() {
    let text = keys::reference();
    for row in KEYS {
        assert!(text.lines().any(|line| line.starts_with(&format!("  {}  (", row.key))), "{}", row.key);
    }
    for line in text.lines() {
        assert!(line.len() <= 98 && line.is_ascii(), "{line}");
    }
}

#[test]
fn what_kms_would_refuse_is_refused_with_a_mend() {
    let folder = Folder::new();
    let long = format!("path_prefix = \"/{}\"", "a".repeat(117));
    for (from, to, says) in [
        ("path_prefix = \"/other\"", "path_prefix = \"other\"", "begin with one /"),
        ("path_prefix = \"/other\"", "path_prefix = \"/other/\"", "end without"),
        ("path_prefix = \"/other\"", "path_prefix = \"/a//b\"", "begin with one /"),
        ("path_prefix = \"/other\"", "path_prefix = \"/a.b\"", "a-z A-Z 0-9 / - _ only"),
        ("path_prefix = \"/other\"", "path_prefix = \"/a/kms/xks/v1\"", "follows by itself"),
        ("path_prefix = \"/other\"", "path_prefix = \"/kms/xks/v1/b\"", "follows by itself"),
        ("path_prefix = \"/other\"", "path_prefix = \"/payments/EU-1_a\"", "same path_prefix"),
        ("path_prefix = \"/other\"", &long, "117 characters at most"),
        ("name = \"other\"", "name = \"payments\"", "two are named \"payments\""),
        ("name = \"other\"", "name = \"a b\"", "no name"),
        ("name = \"serial\"", "name = \"vendor\"", "two are named \"vendor\""),
        ("XKSAAAAAAAAAAAAAAAAC", "XKSAAAAAAAAAAAAAAAAA", "is there twice"),
        ("XKSAAAAAAAAAAAAAAAAC", "XKSAAAAAAAAAAAAAAAA1", "A-Z and 2-7"),
        ("XKSAAAAAAAAAAAAAAAAC", "XKSAAAAAAAAAAAAAAAA", "20 to 30"),
        ("\"pay-*\"", "\"pay/1\"", "no external key id"),
        ("\"pay-1\"", "\"\"", "no external key id"),
        (
            "[\"serial\", \"vendor\"]",
            "[\"serial\", \"tape\"]",
            "no [[hsms]] is named \"tape\"; there are: vendor, serial, label",
        ),
        ("[\"serial\", \"vendor\"]", "[\"serial\", \"serial\"]", "is there twice"),
        ("a2V5PTE=", "a2V5PTE", "no base64"),
        ("a2V5PTE=", "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAx", "its 21 bytes"),
        ("slots = [4, 5]", "", "of token_label, token_serial and slots there has to be one"),
        ("slots = [4, 5]", "slots = [4]\ntoken_label = \"a\"", "there has to be one"),
        ("slots = [4, 5]", "slots = []", "write a list of numbers"),
        ("slots = [4, 5]", "slots = [-4]", "write a list of numbers"),
        ("iv = \"module-appends\"", "iv = \"random\"", "write \"proxy\" or \"module-writes\" or"),
        ("deadline_ms = 200", "deadline_ms = 5", "from 10 to 60000 (ms)"),
        ("reserve_ms = 5", "reserve_ms = 200", "less than deadline_ms"),
        ("plaintext_bytes = 4300", "plaintext_bytes = 4299", "from 4300 to 65536"),
        ("aad_bytes = 8192", "aad_bytes = 65536", "from 8192 to 65535"),
        ("fleet_size = 3", "fleet_size = 0", "from 1 to"),
        ("client_ca_file = \"ca.pem\"", "", "client_ca_file"),
        ("region = \"eu-central-1\"", "region = \"EU\"", "no region"),
        ("listen = \"127.0.0.1:9443\"", "listen = \"nowhere\"", "ADDRESS:PORT"),
        ("cert_file = \"cert.pem\"", "", "it is missing; set it: The certificate"),
        ("pin_file = \"pin\"", "pin_file = \"gone\"", "name a file that this user can read"),
        ("pin_file = \"pin\"", "pin_file = \"\"", "it is empty"),
        ("[times]", "[times", "line 14"),
    ] {
        let text = WHOLE.replacen(from, to, 1);
        assert_ne!(text, WHOLE, "{from}");
        let said = folder.bad(&text);
        assert!(said.contains(says), "{to}: {said} lacks {says:?}");
    }
    assert!(folder.bad("").contains("hsms: there are none"));
    assert!(folder.bad(SMALL.split("[[key_stores]]").next().unwrap()).contains("key_stores: there are none"));
}

#[test]
fn without_tls_nobody_else_can_reach_it() {
    let folder = Folder::new();
    let said = folder.bad(&format!("listen = \"0.0.0.0:8443\"\n{SMALL}"));
    assert!(said.contains("there is no TLS") && said.contains("cert_file"), "{said}");
    let tls = "[tls]\ncert_file = \"cert.pem\"\nkey_file = \"key.pem\"\n";
    folder.read(&format!("listen = \"0.0.0.0:8443\"\n{tls}{SMALL}")).unwrap();
}

#[test]
fn clients_of_amazons_authorities_have_to_be_kms() {
    let folder = Folder::new();
    let tls = "[tls]\ncert_file = \"cert.pem\"\nkey_file = \"key.pem\"\nclient_ca_file = \"ca.pem\"\n";
    assert!(folder.bad(&format!("{tls}{SMALL}")).contains("cks.kms.us-east-1.amazonaws.com"));
    let settings = folder.read(&format!("region = \"us-west-2\"\n{tls}{SMALL}")).unwrap();
    assert_eq!(settings.tls.unwrap().client_names, ["cks.kms.us-west-2.amazonaws.com"]);
}

#[test]
fn secrets_stand_in_files_that_nobody_else_reads() {
    let folder = Folder::new();
    for inline in [
        SMALL.replace("secret_file = \"secret\"", &format!("secret = \"{SECRET}\"")),
        SMALL.replace("pin_file = \"pin\"", "pin = \"user:pass\""),
    ] {
        assert!(folder.bad(&inline).contains("does not stand in the configuration"), "{inline}");
    }
    // Where the file is no TOML at all, its line is told by number alone.
    let broken = SMALL.replace("\"secret\" }", &format!("\"{SECRET} }}"));
    assert!(folder.bad(&broken).contains("line 9"));
    for (name, mode) in [("pin", 0o640), ("secret", 0o604)] {
        let folder = Folder::new();
        folder.write(name, SECRET, mode);
        let said = folder.bad(SMALL);
        assert!(said.contains(&format!("others may read it (mode {mode:o}); chmod 600")), "{said}");
    }
    folder.write("key.pem", "", 0o604);
    assert!(folder.bad(WHOLE).contains("key.pem: others may read it"));
    folder.write("key.pem", "", 0o640);
    folder.read(WHOLE).unwrap();
}

#[test]
fn secrets_have_the_form_that_kms_takes_and_weak_ones_are_hinted_at() {
    let folder = Folder::new();
    for bad in ["", &SECRET[..42], &SECRET.replace('a', "-"), &format!("{SECRET}{}", "a".repeat(21))] {
        folder.write("secret", bad, 0o600);
        folder.bad(SMALL);
    }
    folder.write("secret", &format!("{}\r\n", "ab".repeat(30)), 0o600);
    let settings = folder.read(SMALL).unwrap();
    assert_eq!(settings.key_stores[0].credentials[0].secret.len(), 60);
    assert!(settings.hints[0].contains("XKSAAAAAAAAAAAAAAAAA does not look random"), "{:?}", settings.hints);
    let shown = format!("{settings:?}");
    assert!(!shown.contains("abab") && !shown.contains("user:pass"), "{shown}");
}

#[test]
fn the_iv_is_made_where_the_module_needs_it() {
    let folder = Folder::new();
    for (module, wants) in [
        ("/opt/cloudhsm/lib/libcloudhsm_pkcs11.so", IvSource::ModuleWrites),
        ("/usr/lib/softhsm/libsofthsm2.so", IvSource::Proxy),
        ("/usr/safenet/lunaclient/lib/libCryptoki2_64.so", IvSource::ModuleAppends),
        ("/usr/lib/libvhsm_pkcs11.so", IvSource::Proxy),
    ] {
        let named = SMALL.replace("[[hsms]]", &format!("[[hsms]]\nmodule = \"{module}\""));
        assert_eq!(folder.read(&named).unwrap().hsms[0].iv, wants, "{module}");
        let told = named.replace("[[hsms]]", "[[hsms]]\niv = \"module-writes\"");
        assert_eq!(folder.read(&told).unwrap().hsms[0].iv, IvSource::ModuleWrites);
    }
}

/// With files in place of systemd's credentials.
#[test]
fn the_examples_are_what_the_parser_takes() {
    let folder = Folder::new();
    folder.write("tls.key", "", 0o600);
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/xks-proxy");
    for (name, iv) in [
        ("cluster.toml", IvSource::Proxy),
        ("softhsm.toml", IvSource::Proxy),
        ("cloudhsm.toml", IvSource::ModuleWrites),
    ] {
        let text = std::fs::read_to_string(examples.join(name)).unwrap();
        let settings = folder.read(&text.replace("$CREDENTIALS_DIRECTORY/", "")).unwrap();
        assert_eq!((settings.hsms[0].iv, settings.hints.len()), (iv, 0), "{name}");
        assert!(!settings.key_stores[0].keys.allowed.is_empty(), "{name}");
    }
}
