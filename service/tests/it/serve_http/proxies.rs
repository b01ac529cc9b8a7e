//! `[serve.xks]`: what is wrong is told with its mend, by `vhsm serve` and by doctor.

use super::*;
use std::os::unix::fs::PermissionsExt;

const PLACE: &str = "[serve.xks] of the configuration: ";

/// What doctor says, without the marks that JSON puts before quotes.
fn doctor(home: &Home) -> String {
    text(&home.command(None, &["doctor"]).output().unwrap().stdout).replace("\\\"", "\"")
}

#[test]
fn wrong_settings_of_proxies_are_named_with_their_mend() {
    for (setting, says, mend) in [
        ("timeout_ms = 0", "timeout_ms = 0", "KMS waits 250 ms"),
        ("timeout_ms = 60001", "timeout_ms = 60001", "write 1 to 60000"),
        ("health_interval_ms = 99", "health_interval_ms = 99 is too short", "write 100 at least"),
        ("ca_file = \"ca.pem\"", "ca_file: ca.pem is not an absolute path", "write the whole path"),
        ("client_cert_file = \"/x\"", "one is missing", "set both"),
        ("client_key_file = \"/x\"", "one is missing", "set both"),
        ("hosts = { \"https://x\" = \"127.0.0.1:443\" }", "\"https://x\" is no host name", "small letters"),
        ("hosts = { \"x.example.com\" = \"127.0.0.1\" }", "no address with a port", "\"10.1.2.3:8443\""),
        ("allow_privat = true", "allow_privat", ""),
    ] {
        let home = home(&format!("[serve.xks]\n{setting}"));
        let output = home.command(None, &["serve", "--listen", "127.0.0.1:0"]).output().unwrap();
        let told = text(&output.stderr);
        assert!(!output.status.success() && told.contains(says) && told.contains(mend), "{setting}: {told}");
        if !mend.is_empty() {
            assert!(told.contains(PLACE), "{told}");
            let told = doctor(&home);
            assert!(told.contains(says) && told.contains("vhsm serve does not start"), "{setting}: {told}");
        }
    }
}

#[test]
fn files_of_proxies_are_read_at_the_start() {
    for setting in [
        "ca_file = \"/nowhere/ca.pem\"",
        "client_cert_file = \"/nowhere/client.pem\"\nclient_key_file = \"/nowhere/client.key\"",
    ] {
        let home = home(&format!("[serve.xks]\n{setting}"));
        let mut serve = Serve::listening(&home, "127.0.0.1:0", &[]);
        let told = serve.says(PLACE);
        assert!(told.contains("/nowhere/") && told.contains(setting.split_once(' ').unwrap().0), "{told}");
        assert!(!serve.ends().success());
        let told = doctor(&home);
        assert!(told.contains("/nowhere/") && told.contains("vhsm serve does not start"), "{told}");
    }
}

#[test]
fn doctor_looks_at_what_settings_of_proxies_allow() {
    let home = home("[serve.xks]\nallow_private_endpoints = true\n");
    let told = doctor(&home);
    assert!(told.contains("allow_private_endpoints: who may create key stores"), "{told}");
    let path = home.path().join("client.key");
    let config = std::fs::read_to_string(home.path().join("vhsm.toml")).unwrap();
    let files = format!("client_cert_file = {path:?}\nclient_key_file = {path:?}\n");
    home.write("vhsm.toml", &(config + &files));
    home.write("client.key", "a key");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let told = doctor(&home);
    assert!(told.contains(&format!("chmod 600 {}", path.display())), "{told}");
}
