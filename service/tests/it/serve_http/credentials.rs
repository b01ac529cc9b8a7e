//! `vhsm credential`, and a server that runs meanwhile.

use super::*;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;

fn mode(home: &Home, name: &str) -> u32 {
    std::fs::metadata(home.path().join(name)).unwrap().permissions().mode() & 0o777
}

#[test]
fn keys_are_made_listed_and_deleted() {
    let home = home("account = \"111122223333\"");
    let root = home.good(None, &["credential", "create"]);
    assert_eq!(
        (&root["Profile"], &root["Arn"]),
        (&json!("default"), &json!("arn:aws:iam::111122223333:root"))
    );
    let alice = home.good(None, &["credential", "create", "--user", "alice", "--session-token"]);
    assert!(alice["SecretAccessKey"].is_string() && alice["SessionToken"].is_string());
    assert_eq!(mode(&home, "credentials"), 0o600);
    let list = home.good(None, &["credential", "list"]);
    let arns: Vec<_> = list["Credentials"].as_array().unwrap().iter().map(|one| &one["Arn"]).collect();
    assert_eq!(arns, ["arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:user/alice"]);
    assert!(!list.to_string().contains(alice["SecretAccessKey"].as_str().unwrap()));
    let id = alice["AccessKeyId"].as_str().unwrap();
    assert_eq!(home.good(None, &["credential", "delete", "--access-key-id", id]), json!({"AccessKeyId": id}));
    home.fails(None, &["credential", "delete", "--access-key-id", id], &[id, "credential list"]);
    home.fails(None, &["credential", "create"], &["default", "--profile"]);
    home.fails(None, &["credential", "create", "--user", "a b"], &["no user's name"]);
    home.fails(None, &["credential", "create", "--profile", "a]"], &["no profile's name"]);
}

#[test]
fn a_server_takes_new_keys_at_once_and_drops_deleted_ones() {
    let home = home("");
    let server = Server::start(&home);
    let bob = home.good(None, &["credential", "create", "--user", "bob"]);
    let mut client = server.client(&home);
    client.signer = Some(Signer::of(&home, "bob"));
    client.kms("DescribeCustomKeyStores", &json!({})).good();
    home.good(None, &["credential", "delete", "--access-key-id", bob["AccessKeyId"].as_str().unwrap()]);
    server.serve.says("read the access keys anew");
    client.kms("DescribeCustomKeyStores", &json!({})).fails(400, "UnrecognizedClientException", "");
    // Somebody spoils the file: nobody is shut out.
    home.write("credentials", "spoiled");
    server.serve.says("the access keys stay as they were");
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    let home = home("");
    home.good(None, &["credential", "create"]);
    let path = home.path().join("credentials");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    let output = home.command(None, &["serve", "--listen", "127.0.0.1:0"]).output().unwrap();
    assert!(!output.status.success() && text(&output.stderr).contains("chmod 600"), "{output:?}");
}
