//! Who may ask: over the wire, against the process's own access keys.

use super::*;
use serde_json::json;

const OPERATION: &str = "DescribeCustomKeyStores";

#[test]
fn each_failure_of_a_signature_has_its_exception() {
    let home = home("");
    let server = Server::start(&home);
    let changed = |change: &dyn Fn(&mut Signer)| {
        let mut client = server.client(&home);
        change(client.signer.as_mut().unwrap());
        client.kms(OPERATION, &json!({}))
    };
    assert_eq!(changed(&|_| {}).status, 200);
    let invalid = "InvalidSignatureException";
    changed(&|s| s.secret.push('x')).fails(400, invalid, "does not match");
    changed(&|s| s.region = "eu-west-1".into()).fails(400, invalid, "valid region, not 'eu-west-1'");
    changed(&|s| s.service = "cloudhsm".into()).fails(400, invalid, "correct service: 'kms'");
    changed(&|s| s.ahead = -3600).fails(400, invalid, "Signature expired");
    changed(&|s| s.ahead = 3600).fails(400, invalid, "Signature not yet current");
    let unknown = "UnrecognizedClientException";
    changed(&|s| s.access_key = "AKIAUNKNOWN".into()).fails(400, unknown, "security token");
    changed(&|s| s.session_token = Some("x".into())).fails(400, unknown, "security token");
    let mut client = server.client(&home);
    let request = text(&client.request(&format!("TrentService.{OPERATION}"), "{}"));
    let cut = request.replace("SignedHeaders=", "Headers=");
    client.send(cut.as_bytes()).fails(400, "IncompleteSignatureException", "'SignedHeaders'");
    let other = request.replace(OPERATION, "ListKeys");
    client.send(other.as_bytes()).fails(400, invalid, "does not match");
    client.signer = None;
    client.kms(OPERATION, &json!({})).fails(400, "MissingAuthenticationTokenException", "Missing");
    // None of them is in the audit log: nobody is known to have asked.
    assert_eq!(audit_after(&home, 1).len(), 1);
}

/// Waits until the log has that many events.
fn audit_after(home: &Home, events: usize) -> Vec<Value> {
    loop {
        let found = audit(home);
        if found.len() >= events {
            return found;
        }
        std::thread::yield_now();
    }
}

#[test]
fn the_caller_is_who_signed() {
    let home = home("account = \"111122223333\"");
    let server = Server::start(&home);
    home.good(None, &["credential", "create", "--user", "alice", "--session-token"]);
    let mut client = server.client(&home);
    client.signer = Some(Signer::of(&home, "alice"));
    client.kms(
        "Encrypt",
        &json!({"KeyId": "alias/x", "Plaintext": "aGlkZGVu", "EncryptionContext": {"A": "b"}}),
    );
    let event = audit_after(&home, 1).remove(0);
    let identity = &event["userIdentity"];
    assert_eq!(identity["arn"], "arn:aws:iam::111122223333:user/alice");
    assert_eq!((&identity["type"], &identity["userName"]), (&json!("IAMUser"), &json!("alice")));
    assert_eq!(event["eventName"], "Encrypt");
    assert_eq!(event["errorCode"], "NotFoundException");
    assert_eq!(event["requestParameters"], json!({"keyId": "alias/x", "encryptionContext": {"A": "b"}}));
    assert!(!event.to_string().contains("aGlkZGVu"));
}

#[test]
fn without_signatures_only_this_machine_is_served() {
    let home = home("auth = \"off\"");
    let server = Server::start(&home);
    let client = Client { address: server.address.clone(), signer: None };
    assert_eq!(client.kms(OPERATION, &json!({})).status, 200);
    assert!(!home.path().join("credentials").exists());
    let all = home.command(None, &["serve", "--listen", "0.0.0.0:0"]).output().unwrap();
    let told = text(&all.stderr);
    assert!(!all.status.success() && told.contains("auth = \"off\"") && told.contains("loopback"), "{told}");
}
