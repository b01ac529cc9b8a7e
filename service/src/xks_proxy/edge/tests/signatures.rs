//! Who may ask: everything that can be wrong with a signature is one error, which tells no secret.

use super::client::{Reply, exchange};
use super::*;

const FAILED: &str = "AuthenticationFailedException";

fn refused(reply: &Reply, says: &str) {
    let message = reply.fails(401, FAILED);
    assert!(message.contains(says), "{message:?} lacks {says:?}");
    for (_, secret) in KEYS {
        assert!(!reply.body.contains(&secret[..8]), "{reply:?}");
    }
}

#[test]
fn what_is_wrong_with_a_signature_is_told() {
    let world = World::new();
    let with = |change: &dyn Fn(&mut Signer)| {
        let mut client = world.client();
        change(client.signer.as_mut().unwrap());
        client.post(HEALTH, "{}")
    };
    with(&|_| {}).reached();
    refused(&with(&|s| s.access_key_id.insert_str(0, "Invalid")), "access key ID is none of");
    refused(&with(&|s| s.secret.insert_str(0, "Invalid")), "does not match");
    refused(&with(&|s| s.service = "kms".into()), "'kms-xks-proxy'");
    let client = world.client();
    let right = client.request(HEALTH, "{}");
    for (from, to, says) in [
        ("\r\n\r\n{}", "\r\n\r\n{ ", "does not match"),
        ("Signature=", "Signature=0", "does not match"),
        ("Signature=", "Other=", "'Signature'"),
        ("SignedHeaders=", "Other=", "'SignedHeaders'"),
        ("Credential=", "Other=", "'Credential'"),
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1", "algorithm"),
        ("AWS4-HMAC-SHA256", "Basic", "Missing Authentication Token"),
        ("authorization:", "other:", "Missing Authentication Token"),
        ("x-amz-date:", "x-other:", "X-Amz-Date is missing"),
        // Date alone is not what the specification wants.
        ("x-amz-date:", "date:", "X-Amz-Date is missing"),
        ("host;x-amz-date", "host", "'x-amz-date' must be a 'SignedHeader'"),
        ("host;x-amz-date", "x-amz-date", "'Host' or ':authority'"),
        ("aws4_request", "aws5_request", "aws4_request"),
        ("host: ", "host: x", "does not match"),
    ] {
        assert!(right.contains(from), "{from}");
        refused(&client.send(&right.replacen(from, to, 1)), says);
    }
    let elsewhere = right.replace("/health", "/keys/k/encrypt");
    refused(&client.send(&elsewhere), "does not match");
    let twice = right.replace("content-length:", "authorization: AWS4-HMAC-SHA256 x\r\ncontent-length:");
    refused(&client.send(&twice), "more than one");
}

#[test]
fn text_of_the_clients_is_told_shortly_and_printable() {
    let world = World::new();
    let client = world.client();
    let long = client.request(HEALTH, "{}").replace("/aws4_request", &format!("/{}", "x".repeat(5000)));
    refused(&client.send(&long), "terminator");
    let odd = client.request(HEALTH, "{}").replace("/aws4_request", "/\u{e9}\t\"");
    client.send(&odd).fails(401, FAILED);
}

#[test]
fn five_minutes_before_and_after_are_borne() {
    let world = World::new();
    let ask = |seconds| {
        let mut client = world.client();
        client.signer = Some(Signer::of(0).seconds_ago(seconds));
        client.post(HEALTH, "{}")
    };
    // A few seconds may pass on the way.
    for seconds in [-300, -290, 0, 290] {
        ask(seconds).reached();
    }
    refused(&ask(301), "Signature expired");
    refused(&ask(-310), "Signature not yet current");
}

/// Two at once, and each for its own key store only.
#[test]
fn the_credentials_are_those_of_the_paths_key_store() {
    let world = World::new();
    let ask = |key, path: &str| {
        let client = Client { address: world.server.address(), signer: Some(Signer::of(key)) };
        client.post(path, "{}")
    };
    let other = "/two/deep/kms/xks/v1/health";
    ask(0, HEALTH).reached();
    ask(1, HEALTH).reached();
    ask(2, other).reached();
    refused(&ask(2, HEALTH), "access key ID");
    refused(&ask(0, other), "access key ID");
    let mut mixed = Signer::of(0);
    mixed.secret = KEYS[1].1.into();
    let client = Client { address: world.server.address(), signer: Some(mixed) };
    refused(&client.post(HEALTH, "{}"), "does not match");
}

/// One goes while a connection lives on.
#[test]
fn credentials_are_replaced_while_it_runs() {
    let world = World::new();
    let (old, new) = (world.client(), Client { signer: Some(Signer::of(1)), ..world.client() });
    let mut stream = old.connect();
    exchange(&mut stream, &old.request(HEALTH, "{}")).reached();
    world.change(|settings| drop(settings.key_stores[0].credentials.remove(0)));
    refused(&exchange(&mut stream, &old.request(HEALTH, "{}")), "access key ID");
    exchange(&mut stream, &new.request(HEALTH, "{}")).reached();
}

#[test]
fn the_region_is_looked_at_where_it_is_set() {
    let world = World::new();
    let client = world.client();
    client.post(HEALTH, "{}").reached();
    world.change(|settings| settings.region = Some("us-east-1".into()));
    refused(&client.post(HEALTH, "{}"), "valid region, not 'eu-central-1'");
    world.change(|settings| settings.region = Some("eu-central-1".into()));
    client.post(HEALTH, "{}").reached();
}

/// Whatever the list says is honoured, as curl's with content-type.
#[test]
fn more_headers_may_be_signed() {
    let world = World::new();
    let mut client = world.client();
    client.signer.as_mut().unwrap().more_headers = vec![
        ("content-type".into(), "application/json".into()),
        ("x-amz-content-sha256".into(), "whatever it says".into()),
        ("zeta".into(), "a b".into()),
    ];
    client.post(HEALTH, "{}").reached();
    let spaced = client.request(HEALTH, "{}").replace("zeta: a b", "zeta:   a    b ");
    client.send(&spaced).reached();
    let changed = client.request(HEALTH, "{}").replace("zeta: a b", "zeta: a c");
    refused(&client.send(&changed), "does not match");
}
