//! TLS, mTLS and what needs them.

use super::front::{Front, GOOD, Kind};
use super::proxy::{Fault, Proxy};
use super::*;
use openssl::ssl::SslVersion;

const WITH_CBC: &str = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-SHA";
/// Kinds of servers, and what is found of them.
const KINDS: &[(&str, Kind, &[&str])] = &[
    ("good", GOOD, &[]),
    ("TLS 1.2", Kind { versions: [SslVersion::TLS1_2, SslVersion::TLS1_2], ..GOOD }, &["tls.1-3"]),
    (
        "TLS 1.1 too",
        Kind { versions: [SslVersion::TLS1_1, SslVersion::TLS1_3], suites: WITH_CBC, ..GOOD },
        &["tls.weak-suites", "tls.weak-versions"],
    ),
    (
        "no strong suite",
        Kind {
            versions: [SslVersion::TLS1_2, SslVersion::TLS1_2],
            suites: "ECDHE-ECDSA-AES128-GCM-SHA256",
            ..GOOD
        },
        &["tls.1-3", "tls.suites"],
    ),
    ("CBC", Kind { suites: WITH_CBC, ..GOOD }, &["tls.weak-suites"]),
    ("ends soon", Kind { days: 29, ..GOOD }, &["tls.certificate-days"]),
    ("HTTP too", Kind { plain: true, ..GOOD }, &["tls.no-plain-http"]),
    (
        "HTTP/2 by name alone",
        Kind { protocols: b"\x02h2\x08http/1.1", ..GOOD },
        &["transport.alpn", "transport.http-2"],
    ),
    ("ALPN is needed", Kind { needs_alpn: true, ..GOOD }, &["transport.http-2", "transport.no-alpn"]),
];

#[test]
fn faults_of_tls_are_found() {
    for (what, kind, found_by) in KINDS {
        let front = Front::start(*kind);
        let mut only = vec!["--ca-file", "--only", "tls"];
        let ca_file = front.ca_file();
        only.insert(1, &ca_file);
        // HTTP/1.1 alone is spoken by all of them: those that say so are no fault here.
        if found_by.iter().any(|id| id.starts_with("transport")) {
            only.extend(["transport.alpn", "transport.http-2", "transport.no-alpn"]);
        }
        let report = Check::of(&front.url()).with(&["--timeout-ms", "1000"]).with(&only).json();
        assert_eq!(report.found(), BTreeSet::from_iter(found_by.iter().copied()), "{what}");
    }
}

/// What is found of a proxy's certificates, and of its answers' lengths.
const FAULTS: &[(Fault, &[&str])] = &[
    (Fault::TlsWrongName, &["tls.certificate-name"]),
    (Fault::TlsExpired, &["tls.certificate-chain", "tls.certificate-days"]),
    (Fault::TlsUnknownCa, &["tls.certificate-chain"]),
    (Fault::ShortIv, &["encrypt.iv"]),
    (Fault::ShortTag, &["encrypt.tag"]),
    (Fault::CiphertextOfOtherLength, &["encrypt.ciphertext"]),
    (Fault::LongMetadata(21), &["encrypt.metadata"]),
    (Fault::LongMetadata(20), &[]),
    (Fault::LongIv, &[]),
];
const LENGTHS: [&str; 6] =
    ["--only", "tls", "encrypt.iv", "encrypt.tag", "encrypt.ciphertext", "encrypt.metadata"];

#[test]
fn faults_of_certificates_and_of_lengths_are_found() {
    let proxy = right();
    for (fault, found_by) in FAULTS {
        proxy.set(fault.clone());
        let report = Check::of_proxy(&proxy).with(&LENGTHS).json();
        assert_eq!(report.found(), BTreeSet::from_iter(found_by.iter().copied()), "{fault:?}");
    }
}

/// They make a proxy with ciphertextMetadata: all bindings hold with them too.
#[test]
fn a_proxy_with_metadata_and_long_ivs_passes() {
    let proxy = right();
    for fault in [Fault::LongMetadata(13), Fault::LongMetadata(20), Fault::LongIv] {
        proxy.set(fault.clone());
        let report = Check::of_proxy(&proxy).with(&["--only", "encrypt", "decrypt", "usage"]).json();
        // That proxy takes metadata of any length from its callers.
        let longer = BTreeSet::from(["decrypt.metadata-length"]);
        assert!(report.found().is_subset(&longer), "{fault:?}: {:?}", report.found());
    }
}

#[test]
fn http_2_is_wished_for() {
    let proxy = Proxy::start();
    proxy.keys().put("key", Key::default());
    let report = Check::of_proxy(&proxy).with(&["--only", "transport", "connections.streams"]).json();
    assert_eq!(report.found(), BTreeSet::from(["transport.http-2"]));
    assert_eq!(report.ids("SKIP"), BTreeSet::from(["connections.streams"]));
    assert_eq!(report.status, Some(0), "a warning is no failure");
}

const MTLS: [&str; 6] =
    ["mtls.expired", "mtls.forged", "mtls.none", "mtls.other-name", "mtls.self-signed", "mtls.stolen"];

#[test]
fn who_is_let_in_by_mtls_is_found() {
    let proxy = right();
    let (certificate, key) = proxy.client_certificate();
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let other = ["--other-client-cert-file", certificate, "--other-client-key-file", key];
    let check = Check::of_proxy(&proxy).with(&["--client-cert-file", certificate, "--client-key-file", key]);
    let check = check.with(&["--only", "mtls"]);
    // It asks for none: everybody is let in.
    assert_eq!(check.clone().with(&other).json().ids("FAIL"), BTreeSet::from(MTLS));
    proxy.set(Fault::WantsClientCertificate);
    let report = check.json();
    assert_eq!((report.found(), report.status), (BTreeSet::new(), Some(0)));
    assert_eq!(report.ids("SKIP"), BTreeSet::from(["mtls.other-name"]));
    // Names are not looked at by this proxy.
    assert_eq!(check.clone().with(&other).json().ids("FAIL"), BTreeSet::from(["mtls.other-name"]));
    let without = Check::of_proxy(&proxy);
    without.cannot_run("--client-cert-file");
}

#[test]
fn what_cannot_be_checked_is_told() {
    let proxy = right();
    proxy.set(Fault::TlsOldVersion);
    Check::of_proxy(&proxy).cannot_run("no TLS");
    proxy.set(Fault::RefuseTcp);
    Check::of_proxy(&proxy).cannot_run("no connection");
    proxy.heal();
    let of = |arguments: &[&str]| Check::of_proxy(&proxy).with(arguments);
    of(&["--access-key-id", "ABCDEFGHIJKLMNOPQRST"]).cannot_run("AuthenticationFailedException");
    of(&["--key", "nobody"]).cannot_run("KeyNotFoundException");
    of(&["--only", "nothing"]).cannot_run("--only nothing: there are the groups tls, mtls");
    of(&["--secret-file", "/nowhere"]).cannot_run("/nowhere");
    of(&["--load", "x"]).cannot_run("--load");
    Check::of("http://192.0.2.1/kms/xks/v1").cannot_run("loopback");
    Check::of("https://localhost/kms/xks/v2").cannot_run("/kms/xks/v1");
}

/// Those that are proven to fail here.
pub fn found_here() -> impl Iterator<Item = &'static str> {
    let kinds = KINDS.iter().flat_map(|(_, _, found_by)| found_by.iter());
    kinds.chain(FAULTS.iter().flat_map(|(_, found_by)| found_by.iter())).chain(&MTLS).copied()
}
