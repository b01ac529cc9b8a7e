//! Every error of the specification's table, provoked from outside.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A second key store on the same keys.
pub fn another(name: &str, more: &str) -> String {
    let letter = name.as_bytes()[0].to_ascii_uppercase() as char;
    let id = format!("XKSTEST{}", letter.to_string().repeat(13));
    format!(
        "\n[[key_stores]]\nname = \"{name}\"\npath_prefix = \"/{name}\"\n\
         credentials = [{{ access_key_id = \"{id}\", secret_file = \"secret\" }}]\n{more}"
    )
}

/// A client of that one.
pub fn client_of(client: &Client, name: &str) -> Client {
    let letter = name.as_bytes()[0].to_ascii_uppercase() as char;
    let mut other = Client { prefix: format!("/{name}"), ..client.clone() };
    other.signer.access_key = format!("XKSTEST{}", letter.to_string().repeat(13));
    other
}

#[test]
fn what_is_wrong_with_a_request_is_told_by_the_name_of_the_specification() {
    for kind in [Kind::Own, Kind::SoftHsm] {
        let world = World::new(kind);
        let proxy = world.start();
        let client = world.client(&proxy);
        validation(&client);
        authentication(&client);
        paths_and_methods(&client);
        keys_and_ciphertexts(&client);
        unsupported(&client);
        client.round_trip("key-1");
    }
}

fn validation(client: &Client) {
    for (path, body) in [
        ("/keys/key-1/encrypt", json!({"encryptionAlgorithm": "AES_GCM"})),
        ("/keys/key-1/encrypt", json!({"plaintext": "AA=="})),
        ("/keys/key-1/encrypt", json!({"plaintext": "AA==", "encryptionAlgorithm": "AES_CBC"})),
        ("/keys/key-1/encrypt", json!({"plaintext": "-", "encryptionAlgorithm": "AES_GCM"})),
        ("/keys/key-1/decrypt", json!({"ciphertext": "AA==", "encryptionAlgorithm": "AES_GCM"})),
    ] {
        client.call(path, body).fails_xks(400, "ValidationException");
    }
    for path in ["/keys/key-1/metadata", "/keys/key-1/encrypt", "/keys/key-1/decrypt", "/health"] {
        for body in [json!({}), json!({"requestMetadata": {}}), json!([]), json!("text")] {
            let reply = client.connect().send(&client.request(path, &body));
            reply.fails_xks(400, "ValidationException");
        }
    }
}

fn authentication(client: &Client) {
    let changed = |change: &dyn Fn(&mut Client)| {
        let mut other = client.clone();
        change(&mut other);
        other.call("/keys/key-1/metadata", json!({})).fails_xks(401, "AuthenticationFailedException");
        other.call("/health", json!({})).fails_xks(401, "AuthenticationFailedException");
    };
    changed(&|other| other.signer.secret = format!("Invalid{}", other.signer.secret));
    changed(&|other| other.signer.access_key = format!("Invalid{}", other.signer.access_key));
    changed(&|other| other.signer.ahead = 310);
    changed(&|other| other.signer.ahead = -310);
    changed(&|other| other.signer.region = "eu-west-1".into());
    changed(&|other| other.signer.service = "kms".into());
    let signed = text(&client.request("/health", &client::health()));
    for header in ["Authorization", "X-Amz-Date"] {
        let without: Vec<_> = signed.split("\r\n").filter(|line| !line.starts_with(header)).collect();
        let reply = client.connect().send(without.join("\r\n").as_bytes());
        reply.fails_xks(401, "AuthenticationFailedException");
    }
    let other_body = signed.replace("KmsHealthCheck", "KmsHealthChecK");
    client.connect().send(other_body.as_bytes()).fails_xks(401, "AuthenticationFailedException");
}

fn paths_and_methods(client: &Client) {
    for (prefix, path) in [
        ("/payments/invalid", "/health"),
        ("", "/health"),
        ("/Payments", "/health"),
        ("/payments", "/keys/key-1/sign"),
        ("/payments", "/keys//metadata"),
        ("/payments", "/healthy"),
        ("/payments", ""),
    ] {
        let other = Client { prefix: prefix.into(), ..client.clone() };
        other.call(path, json!({})).fails_xks(404, "InvalidUriPathException");
    }
    for path in ["/health", "/keys/key-1/metadata", "/keys/key-1/encrypt", "/keys/key-1/decrypt"] {
        let request = format!("GET /payments/kms/xks/v1{path} HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(client.connect().send(request.as_bytes()).status, 405);
    }
}

fn keys_and_ciphertexts(client: &Client) {
    client.call("/keys/none/metadata", json!({})).fails_xks(404, "KeyNotFoundException");
    client.encrypt("none", b"plain", None).fails_xks(404, "KeyNotFoundException");
    // What probes encrypt with is nobody's.
    client.call("/keys/vhsm-xks-probe/metadata", json!({})).fails_xks(404, "KeyNotFoundException");
    let sealed = client.encrypt("key-1", b"plain", Some(b"aad")).good_xks();
    for aad in [None, Some(&b"other"[..])] {
        client.decrypt("key-1", &sealed, aad).fails_xks(400, "InvalidCiphertextException");
    }
    client.decrypt("key-2", &sealed, Some(b"aad")).fails_xks(400, "InvalidCiphertextException");
    for name in ["ciphertext", "initializationVector", "authenticationTag"] {
        let mut changed = sealed.clone();
        let mut bytes = STANDARD.decode(sealed[name].as_str().unwrap()).unwrap();
        bytes[0] ^= 1;
        changed[name] = STANDARD.encode(bytes).into();
        client.decrypt("key-1", &changed, Some(b"aad")).fails_xks(400, "InvalidCiphertextException");
    }
    let mut with_metadata = sealed.clone();
    with_metadata["ciphertextMetadata"] = "AA==".into();
    client.decrypt("key-1", &with_metadata, Some(b"aad")).fails_xks(400, "InvalidCiphertextException");
    client.decrypt("encrypt-only", &sealed, None).fails_xks(400, "InvalidKeyUsageException");
    for key in ["decrypt-only", "impotent"] {
        client.encrypt(key, b"plain", None).fails_xks(400, "InvalidKeyUsageException");
    }
}

fn unsupported(client: &Client) {
    client.encrypt("key-1", &[7; 8193], None).fails_xks(501, "UnsupportedOperationException");
    client.encrypt("key-1", &[7; 8192], None).good_xks();
    client.encrypt("key-1", b"plain", Some(&[7; 16_385])).fails_xks(501, "UnsupportedOperationException");
}

#[test]
fn what_is_disabled_says_so() {
    let mut world = World::new(Kind::Own);
    world.key_stores += "keys.disabled = [\"key-2\"]\n";
    world.key_stores += &another("closed", "enabled = false\n");
    let proxy = world.start();
    let client = world.client(&proxy);
    client.round_trip("key-1");
    client.encrypt("key-2", b"plain", None).fails_xks(400, "InvalidStateException");
    assert_eq!(client.call("/keys/key-2/metadata", json!({})).good_xks()["keyStatus"], "DISABLED");
    let closed = client_of(&client, "closed");
    closed.encrypt("key-1", b"plain", None).fails_xks(400, "InvalidStateException");
    closed.call("/health", json!({})).fails_xks(400, "InvalidStateException");
}

#[test]
fn more_than_a_key_store_may_is_throttled_and_others_are_not() {
    let mut world = World::new(Kind::Own);
    world.key_stores += &another("few", "requests_per_second = 1\n");
    let proxy = world.start();
    let client = world.client(&proxy);
    let few = client_of(&client, "few");
    let replies: Vec<_> = (0..20).map(|_| few.encrypt("key-1", b"plain", None)).collect();
    let (good, throttled): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
    assert!(!good.is_empty());
    throttled.first().expect("more than one a second").fails_xks(429, "ThrottlingException");
    client.round_trip("key-1");
}

#[test]
fn what_no_policy_permits_is_denied_and_the_log_says_which_decided() {
    let mut world = World::new(Kind::Own);
    let policy = "@id(\"Alice encrypts\")\npermit (\n  principal == XksProxy::Principal::\"arn:aws:iam::123456789012:user/Alice\",\n  \
                  action == XksProxy::Action::\"Encrypt\",\n  resource == XksProxy::Key::\"key-1\"\n);\n";
    world.home.write("policy.cedar", policy);
    world.key_stores += "policy_file = \"policy.cedar\"\n";
    let proxy = world.start();
    let client = world.client(&proxy);
    let sealed = client.encrypt("key-1", b"plain", None).good_xks();
    client.encrypt("key-2", b"plain", None).fails_xks(403, "AccessDeniedException");
    client.decrypt("key-1", &sealed, None).fails_xks(403, "AccessDeniedException");
    client.call("/keys/key-1/metadata", json!({})).fails_xks(403, "AccessDeniedException");
    // Health is exempt.
    client.call("/health", json!({})).good_xks();
    world::poll("five lines are logged", || world.access_log().len() == 5);
    let log = world.access_log();
    assert!(log[0].to_string().contains("Alice encrypts"), "{}", log[0]);
    assert_eq!((&log[2]["errorName"], &log[2]["status"]), (&json!("AccessDeniedException"), &json!(403)));
    // A policy that cannot be read leaves the one that is there.
    world.home.write("policy.cedar", "permit (");
    proxy.process.signal("-HUP");
    assert!(proxy.process.says("all stays as it was").contains("policy.cedar"));
    client.decrypt("key-1", &sealed, None).fails_xks(403, "AccessDeniedException");
    world.home.write("policy.cedar", &policy.replace("Encrypt", "Decrypt"));
    proxy.process.signal("-HUP");
    proxy.process.says("read everything anew");
    client.decrypt("key-1", &sealed, None).good_xks();
    client.encrypt("key-1", b"plain", None).fails_xks(403, "AccessDeniedException");
}
