//! Who gets at etcd: TLS, certificates, users and passwords.

use super::*;

/// What C_Initialize answers over this configuration, and what it logs.
fn initialized(configuration: &str) -> (CK_RV, String) {
    let module = Module::loaded();
    let log = module.home().join("log");
    let configuration = format!("{configuration}[log]\nfile = {log:?}\n");
    std::fs::write(module.home().join("vhsm.toml"), configuration).expect("a file");
    let rv = module.initialize();
    (rv, std::fs::read_to_string(log).unwrap_or_default())
}

#[test]
fn over_tls_with_a_client_certificate_and_a_password() {
    let user = Some(("vhsm".to_owned(), "its own password".to_owned()));
    let etcd =
        Etcd::with(Options { members: 3, tls: true, client_certificates: true, user, ..Options::default() });
    let files = etcd.certificates();
    let password = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(password.path(), "its own password\n").expect("written");
    let configured = |ca: &Path, password: &Path| {
        format!(
            "[store]\nurl = \"etcds://{}\"\nca_file = {ca:?}\ncert_file = {:?}\nkey_file = {:?}\nuser = \"vhsm\"\n\
             password_file = {password:?}\nrequest_timeout_ms = {PATIENT_MS}\n",
            etcd.hosts(),
            files.client,
            files.client_key
        )
    };
    let token = Token::configured(&configured(&files.ca, password.path()));
    let key = worker::token_key(&token.user(), "over tls").expect("a key");
    let mut peer = Peer::start(token.module.home());
    assert_eq!(peer.ask(&format!("open {}", token.slot)), "ok");
    assert_eq!(peer.ask("login"), "ok");
    assert_eq!(peer.ask("find over-tls"), "");
    assert_ne!(peer.ask(&format!("encrypt {key}")), "CKR_KEY_HANDLE_INVALID");
    drop((peer, token));
    let wrong = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(wrong.path(), "Wrong-Pass-3\n").expect("written");
    for (ca, password) in [(&files.other_ca, password.path()), (&files.ca, wrong.path())] {
        let (rv, log) = initialized(&configured(ca, password));
        expect("initialize", rv, CKR_DEVICE_ERROR);
        assert!(log.contains("C_Initialize") && log.contains("etcds://"), "{log}");
        assert!(!log.contains("Wrong-Pass-3") && !log.contains("its own password"), "{log}");
    }
}

#[test]
fn an_etcd_that_is_not_there_is_named() {
    let etcd = Etcd::one();
    let (rv, log) = initialized(&configuration("127.0.0.1:1", HASTY_MS));
    expect("initialize", rv, CKR_DEVICE_ERROR);
    assert!(log.contains("etcd://127.0.0.1:1") && log.contains("see whether"), "{log}");
    expect("initialize", initialized(&configuration(&etcd.hosts(), PATIENT_MS)).0, CKR_OK);
}
