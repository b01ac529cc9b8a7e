//! Every API, on both modules, over TCP, TLS and mTLS.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

const KINDS: [Kind; 2] = [Kind::Own, Kind::SoftHsm];

#[test]
fn every_api_answers_over_tcp_tls_and_mtls() {
    for kind in KINDS {
        for secure in [|world: World| world, World::with_tls, World::with_mtls] {
            let world = secure(World::new(kind));
            let mut proxy = world.start();
            let client = world.client(&proxy);
            let mut connection = client.connect();
            let facts = connection.call("/keys/key-1/metadata", json!({})).good_xks();
            assert_eq!((&facts["keySpec"], &facts["keyStatus"]), (&json!("AES_256"), &json!("ENABLED")));
            for usage in ["ENCRYPT", "DECRYPT"] {
                assert!(facts["keyUsage"].as_array().unwrap().contains(&json!(usage)), "{facts}");
            }
            assert_health(&connection.call("/health", json!({})).good_xks(), kind);
            for (plaintext, aad) in [(vec![7], None), (vec![7; 4300], Some(vec![8; 8192]))] {
                let aad = aad.as_deref();
                let sealed = connection.encrypt("key-1", &plaintext, aad).good_xks();
                let bytes = |name: &str| STANDARD.decode(sealed[name].as_str().unwrap()).unwrap();
                assert_eq!(bytes("ciphertext").len(), plaintext.len());
                assert_eq!((bytes("initializationVector").len(), bytes("authenticationTag").len()), (12, 16));
                let opened = connection.decrypt("key-1", &sealed, aad).good_xks();
                assert_eq!(opened["plaintext"], STANDARD.encode(&plaintext));
            }
            proxy.process.signal("-TERM");
            proxy.process.says("ends, for it was sent SIGTERM");
            assert_eq!(proxy.process.ends().code(), Some(0));
        }
    }
}

fn assert_health(health: &Value, kind: Kind) {
    assert_eq!(health["xksProxyFleetSize"], 1);
    for name in ["xksProxyVendor", "xksProxyModel", "ekmVendor"] {
        assert!(health[name].as_str().is_some_and(|text| !text.is_empty()), "{health}");
    }
    let fleet = health["ekmFleetDetails"].as_array().unwrap();
    assert_eq!(fleet.len(), if kind == Kind::Own { 2 } else { 1 }, "{health}");
    assert!(fleet.iter().all(|hsm| hsm["healthStatus"] == "ACTIVE"), "{health}");
}

#[test]
fn the_integrity_value_covers_what_the_specification_says() {
    for kind in KINDS {
        let mut world = World::new(kind);
        world.key_stores += "ciphertext_metadata = \"djE=\"\n";
        let proxy = world.start();
        let client = world.client(&proxy);
        for aad in [None, Some(&b"context"[..])] {
            let mut body = json!({
                "plaintext": STANDARD.encode(b"plain"),
                "encryptionAlgorithm": "AES_GCM",
                "ciphertextDataIntegrityValueAlgorithm": "SHA_256",
            });
            if let Some(aad) = aad {
                body["additionalAuthenticatedData"] = STANDARD.encode(aad).into();
            }
            let sealed = client.call("/keys/key-1/encrypt", body).good_xks();
            let bytes = |name: &str| STANDARD.decode(sealed[name].as_str().unwrap()).unwrap();
            assert_eq!(bytes("ciphertextMetadata"), b"v1");
            let covered = ["ciphertextMetadata", "initializationVector", "ciphertext", "authenticationTag"];
            let covered =
                [vec![aad.unwrap_or_default().to_vec()], covered.map(bytes).to_vec()].concat().concat();
            assert_eq!(bytes("ciphertextDataIntegrityValue"), Sha256::digest(covered).to_vec());
            let opened = client.decrypt("key-1", &sealed, aad).good_xks();
            assert_eq!(opened["plaintext"], STANDARD.encode(b"plain"));
        }
    }
}

#[test]
fn a_client_without_kmss_certificate_gets_nowhere() {
    let world = World::new(Kind::Own).with_mtls();
    let proxy = world.start();
    let client = world.client(&proxy);
    assert!(client.is_taken());
    let Certificates { expired, stranger, foreign, authority, .. } = &world.certificates;
    for identity in [None, Some(expired), Some(stranger), Some(foreign)] {
        let tls = Some(Proof { authority: authority.clone(), identity: identity.cloned() });
        assert!(!Client { tls, ..client.clone() }.is_taken());
    }
    assert!(!Client { tls: None, ..client.clone() }.is_taken());
    assert!(client.is_taken());
}

#[test]
fn ping_is_for_everybody_and_metrics_are_for_the_second_address() {
    let world = World::new(Kind::Own);
    let proxy = world.start();
    let client = world.client(&proxy);
    client.round_trip("key-1");
    let get =
        |path: &str| client.connect().send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
    assert_eq!(get("/ping").status, 200);
    assert_eq!(proxy.get("/ping").status, 200);
    assert_ne!(get("/metrics").status, 200);
    let metrics = proxy.get("/metrics");
    assert!(metrics.status == 200 && metrics.body.contains("# TYPE "), "{metrics:?}");
    assert_ne!(proxy.get("/payments/kms/xks/v1/health").status, 200);
}

#[test]
fn the_access_log_tells_whose_request_it_was_and_never_what_it_was_about() {
    let world = World::new(Kind::Own);
    let mut proxy = world.start();
    let client = world.client(&proxy);
    let secret = b"plaintext that no log may have";
    let sealed = client.encrypt("key-1", secret, None).good_xks();
    client.decrypt("key-1", &sealed, None).good_xks();
    client.call("/keys/none/metadata", json!({})).fails_xks(404, "KeyNotFoundException");
    proxy.process.signal("-TERM");
    proxy.process.ends();
    let lines = world.access_log();
    assert_eq!(lines.len(), 3, "{lines:?}");
    for line in &lines {
        let line = line.to_string();
        assert!(
            line.contains("4112f4d6-db54-4af4-ae30-c55a22a8dfae") && line.contains("user/Alice"),
            "{line}"
        );
        for hidden in [&secret[..], world::SECRET.as_bytes()] {
            assert!(!line.contains(&text(hidden)) && !line.contains(&STANDARD.encode(hidden)), "{line}");
        }
        assert!(!line.contains(sealed["ciphertext"].as_str().unwrap()), "{line}");
    }
    assert!(lines[2].to_string().contains("KeyNotFoundException"), "{}", lines[2]);
}
