//! The faulty proxy itself, through curl: other tests lean on it, so it must be right where no fault is set.

use crate::support::proxy::{ACCESS_KEY_ID, Api, Fault, HOST, Key, PATH, Proxy, SECRET};
use serde_json::{Value, json};
use std::process::Command;
use std::time::{Duration, Instant};

const METADATA: &str = "/keys/one/metadata";

/// What curl says of one request: its exit status (sec. EXIT CODES of its manual), the HTTP status, and the body.
struct Said {
    exit: i32,
    status: u16,
    body: Value,
}

fn proxy() -> Proxy {
    let proxy = Proxy::start();
    proxy.keys().put("one", Key::default());
    proxy
}

fn curl(proxy: &Proxy, path: &str, body: &Value, more: &[&str]) -> Said {
    let user = format!("{ACCESS_KEY_ID}:{SECRET}");
    let mut command = Command::new("curl");
    command.args(["--silent", "--max-time", "30", "--aws-sigv4", "aws:amz:us-east-1:kms-xks-proxy"]);
    command.args([
        "--user",
        &user,
        "--header",
        "content-type: application/json",
        "--data",
        &body.to_string(),
    ]);
    command.args(["--write-out", "\n%{http_code}", "--cacert"]).arg(proxy.ca_file());
    command.args(["--resolve", &format!("{HOST}:{}:127.0.0.1", proxy.address().port())]);
    command.args(more).arg(format!("https://{HOST}:{}{PATH}{path}", proxy.address().port()));
    let output = command.output().expect("curl is installed");
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    let body = serde_json::from_str(body).unwrap_or_else(|_| json!(body));
    Said { exit: output.status.code().unwrap(), status: status.parse().unwrap(), body }
}

fn asked(members: Value) -> Value {
    let mut asked = json!({ "requestMetadata": {
        "awsPrincipalArn": "arn:aws:iam::123456789012:user/Alice", "kmsOperation": "Encrypt", "kmsRequestId": "1",
        "kmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/1",
    } });
    asked.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    asked
}

fn ask(proxy: &Proxy, path: &str, members: Value) -> Said {
    curl(proxy, path, &asked(members), &[])
}

fn to_encrypt() -> Value {
    json!({ "plaintext": "YXR0YWNr", "encryptionAlgorithm": "AES_GCM", "additionalAuthenticatedData": "YWFk",
            "ciphertextDataIntegrityValueAlgorithm": "SHA_256" })
}

fn to_decrypt(mut sealed: Value) -> Value {
    sealed["encryptionAlgorithm"] = json!("AES_GCM");
    sealed["additionalAuthenticatedData"] = json!("YWFk");
    sealed
}

#[test]
fn the_four_apis_are_right() {
    let proxy = proxy();
    let metadata = ask(&proxy, METADATA, json!({}));
    assert_eq!((metadata.status, &metadata.body["keySpec"]), (200, &json!("AES_256")));
    let health = ask(&proxy, "/health", json!({}));
    assert_eq!((health.status, &health.body["xksProxyFleetSize"]), (200, &json!(1)));
    for rotation in 0..2 {
        let sealed = ask(&proxy, "/keys/one/encrypt", to_encrypt()).body;
        assert_eq!(sealed["ciphertextMetadata"].is_string(), rotation > 0, "{sealed}");
        proxy.keys().rotate("one");
        let opened = ask(&proxy, "/keys/one/decrypt", to_decrypt(sealed.clone()));
        assert_eq!((opened.status, &opened.body["plaintext"]), (200, &json!("YXR0YWNr")));
        let mut changed = to_decrypt(sealed);
        changed["additionalAuthenticatedData"] = json!("AAAA");
        let refused = ask(&proxy, "/keys/one/decrypt", changed);
        assert_eq!((refused.status, &refused.body["errorName"]), (400, &json!("InvalidCiphertextException")));
    }
    let calls = proxy.calls();
    let operations: Vec<&str> = calls.iter().map(|call| call.metadata("kmsOperation")).collect();
    assert_eq!(operations, ["Encrypt"; 8]);
    assert_eq!(proxy.connections(), 8, "curl opens one for each");
}

#[test]
fn http2_is_spoken_where_it_is_wanted() {
    let proxy = Proxy::start_http2();
    for (option, version) in [("--http2", "HTTP/2.0"), ("--http1.1", "HTTP/1.1")] {
        assert_eq!(curl(&proxy, "/health", &asked(json!({})), &[option]).status, 200);
        assert_eq!(proxy.calls().last().unwrap().version, version);
    }
}

#[test]
fn requests_that_are_wrong_are_refused() {
    let proxy = proxy();
    let refused = |path: &str, body: &Value, more: &[&str]| {
        let said = curl(&proxy, path, body, more);
        (said.status, said.body["errorName"].as_str().unwrap_or_default().to_owned())
    };
    let named = |status: u16, name: &str| (status, format!("{name}Exception"));
    let (metadata, wrong_user) = (asked(json!({})), format!("{ACCESS_KEY_ID}:wrong"));
    let unsigned = ["--aws-sigv4", "aws:amz:eu-west-1:kms-xks-proxy"];
    assert_eq!(refused(METADATA, &metadata, &["--user", &wrong_user]), named(401, "AuthenticationFailed"));
    assert_eq!(refused(METADATA, &metadata, &unsigned), named(401, "AuthenticationFailed"));
    assert_eq!(refused(METADATA, &json!({}), &[]), named(400, "Validation"));
    assert_eq!(refused("/keys/two/metadata", &metadata, &[]), named(404, "KeyNotFound"));
    assert_eq!(refused("/other", &metadata, &[]), named(404, "InvalidUriPath"));
    assert_eq!(refused(METADATA, &metadata, &["--request", "PUT"]).0, 405);
    assert_eq!(refused("/keys/one/encrypt", &metadata, &[]), named(400, "Validation"));
    proxy.keys().change("one", |key| key.enabled = false);
    assert_eq!(refused("/keys/one/encrypt", &asked(to_encrypt()), &[]), named(400, "InvalidState"));
    let key = Key { usage: vec!["ENCRYPT".into()], ..Key::default() };
    proxy.keys().put("one", key);
    let sealed = curl(&proxy, "/keys/one/encrypt", &asked(to_encrypt()), &[]).body;
    let sealed = asked(to_decrypt(sealed));
    assert_eq!(refused("/keys/one/decrypt", &sealed, &[]), named(400, "InvalidKeyUsage"));
    proxy.remove_credential(ACCESS_KEY_ID);
    assert_eq!(refused(METADATA, &metadata, &[]), named(401, "AuthenticationFailed"));
}

/// By curl's exit status: 7 no connection, 28 too slow, 35 no TLS, 52 nothing, 56 torn while receiving, 60 not trusted.
#[test]
fn connections_fail_as_they_are_told_to_and_come_back() {
    let proxy = proxy();
    let quick: &[&str] = &["--max-time", "1"];
    for (fault, exits, more) in [
        (Fault::RefuseTcp, &[7][..], &[][..]),
        (Fault::HangAfterAccept, &[28], quick),
        (Fault::HangInTls, &[28], quick),
        (Fault::CloseAfterAccept, &[35], &[]),
        (Fault::SlowHead, &[28], quick),
        (Fault::TlsWrongName, &[60], &[]),
        (Fault::TlsExpired, &[60], &[]),
        (Fault::TlsUnknownCa, &[60], &[]),
        (Fault::TlsOldVersion, &[35], &["--tlsv1.2"]),
        (Fault::PlainHttp, &[35], &[]),
        (Fault::WantsClientCertificate, &[35, 56], &[]),
        (Fault::SlowBody, &[28], quick),
        (Fault::CloseBeforeAnswer, &[18, 52, 56], &[]),
        (Fault::CloseMidAnswer, &[18, 56], &[]),
    ] {
        proxy.set(fault.clone());
        let said = curl(&proxy, METADATA, &asked(json!({})), more);
        assert!(exits.contains(&said.exit), "{fault:?}: curl ends with {}", said.exit);
        if fault == Fault::WantsClientCertificate {
            let (certificate, key) = proxy.client_certificate();
            let [certificate, key] = [&certificate, &key].map(|path| path.to_str().unwrap());
            let identity = ["--cert", certificate, "--key", key];
            assert_eq!(curl(&proxy, METADATA, &asked(json!({})), &identity).status, 200);
        }
        proxy.heal();
        assert_eq!(curl(&proxy, METADATA, &asked(json!({})), &[]).status, 200, "after {fault:?}");
    }
}

#[test]
fn answers_are_wrong_as_they_are_told_to() {
    let proxy = proxy();
    let body = |fault: Fault, path: &str, members: Value| {
        proxy.set(fault);
        let said = ask(&proxy, path, members);
        (said.status, said.body)
    };
    assert_eq!(body(Fault::Throttling, METADATA, json!({})).1["errorName"], "ThrottlingException");
    assert_eq!(body(Fault::ErrorWithoutJson(502), METADATA, json!({})).0, 502);
    assert_eq!(body(Fault::EmptyBody, METADATA, json!({})), (200, json!("")));
    assert!(body(Fault::MalformedJson, METADATA, json!({})).1.is_string());
    assert_eq!(body(Fault::KeySpec("RSA_2048".into()), METADATA, json!({})).1["keySpec"], "RSA_2048");
    assert_eq!(body(Fault::WrongMemberType("keySpec".into()), METADATA, json!({})).1["keySpec"], 17);
    assert!(body(Fault::MissingMember("keySpec".into()), METADATA, json!({})).1["keySpec"].is_null());
    let bytes = |fault: Fault, member: &str| {
        let sealed = body(fault, "/keys/one/encrypt", to_encrypt()).1;
        sealed[member].as_str().map(|text| openssl::base64::decode_block(text).map(|bytes| bytes.len()))
    };
    assert_eq!(bytes(Fault::ShortIv, "initializationVector").unwrap().unwrap(), 11);
    assert_eq!(bytes(Fault::ShortTag, "authenticationTag").unwrap().unwrap(), 15);
    assert_eq!(bytes(Fault::LongMetadata(21), "ciphertextMetadata").unwrap().unwrap(), 21);
    assert_eq!(bytes(Fault::CiphertextOfOtherLength, "ciphertext").unwrap().unwrap(), 7);
    assert!(bytes(Fault::NoCdiv, "ciphertextDataIntegrityValue").is_none());
    assert!(bytes(Fault::BadBase64, "ciphertext").unwrap().is_err());
    proxy.heal();
    let sealed = ask(&proxy, "/keys/one/encrypt", to_encrypt()).body;
    for fault in [Fault::WrongPlaintext, Fault::PlaintextChangedInside, Fault::PlaintextShort] {
        proxy.only(Api::Decrypt, fault);
        let opened = ask(&proxy, "/keys/one/decrypt", to_decrypt(sealed.clone()));
        assert_eq!(opened.status, 200);
        assert_ne!(opened.body["plaintext"], "YXR0YWNr");
        assert_eq!(ask(&proxy, METADATA, json!({})).status, 200, "the others are right");
    }
    proxy.set(Fault::Slow(700));
    let start = Instant::now();
    assert_eq!(ask(&proxy, METADATA, json!({})).status, 200);
    assert!(start.elapsed() >= Duration::from_millis(700));
}
