//! `vhsm key ...`

use super::*;
use serde_json::json as value;

const ALICE_PIN: &str = "alice:User-Pass-22";

fn with_alice() -> Home {
    let home = Home::demo();
    home.good(Some(ADMIN_PIN), &create_user("alice", "crypto-user", USER));
    home
}

/// Makes an AES key and gives its reference.
fn key(home: &Home, label: &str, more: &[&str]) -> String {
    let made = home.good(Some(USER_PIN), &[&["key", "generate", "--label", label][..], more].concat());
    made["key"]["key-reference"].as_str().unwrap().to_owned()
}

fn list(home: &Home, pin: &str, more: &[&str]) -> Value {
    home.good(Some(pin), &[&["key", "list"][..], more].concat())
}

fn labels(list: &Value) -> Vec<&str> {
    let keys = list["matched_keys"].as_array().unwrap();
    keys.iter().map(|key| key["attributes"]["label"].as_str().unwrap()).collect()
}

#[test]
fn a_key_is_made_shown_changed_and_deleted() {
    let home = Home::demo();
    let made =
        home.good(Some(USER_PIN), &["key", "generate", "--label", "orders", "--attributes", "id=0x0A1b"]);
    let reference = made["key"]["key-reference"].as_str().unwrap();
    assert!(reference.len() == 18 && reference.starts_with("0x"), "{reference}");
    let user = value!([{"username": "kmsuser", "key-coverage": "full"}]);
    let quorum = value!({"manage-key-quorum-value": 0, "use-key-quorum-value": 0});
    let info = value!({"key-owners": user, "shared-users": [], "key-quorum-values": quorum, "cluster-coverage": "full"});
    assert_eq!(made["key"]["key-info"], info);
    let attributes = &made["key"]["attributes"];
    for (name, wanted) in [
        ("class", value!("secret-key")),
        ("key-type", value!("aes")),
        ("key-length-bytes", value!(32)),
        ("label", value!("orders")),
        ("id", value!("0x0a1b")),
        ("token", value!(true)),
        ("private", value!(true)),
        ("sensitive", value!(true)),
        ("extractable", value!(false)),
        ("never-extractable", value!(true)),
        ("local", value!(true)),
        ("trusted", value!(false)),
    ] {
        assert_eq!(attributes[name], wanted, "{name}");
    }
    assert_eq!(attributes["check-value"].as_str().unwrap().len(), 8);
    assert_eq!(attributes.get("modulus"), None);

    let bare = list(&home, USER_PIN, &["--filter", "attr.label=orders"]);
    let shown = value!({"key-reference": reference, "attributes": {"label": "orders"}});
    assert_eq!(bare, value!({"matched_keys": [shown], "total_key_count": 1, "returned_key_count": 1}));
    let all = list(&home, USER_PIN, &["--filter", &format!("key-reference={reference}"), "--verbose"]);
    assert_eq!(all["matched_keys"][0], made["key"]);

    let set = |name: &str, value: &str| {
        let filter = ["key", "set-attribute", "--filter", "attr.id=0x0a1b"];
        home.run(Some(USER_PIN), &[&filter[..], &["--name", name, "--value", value]].concat())
    };
    json(&set("label", "renamed"));
    json(&set("encrypt", "false"));
    let all = list(&home, USER_PIN, &["--verbose"]);
    assert_eq!(all["matched_keys"][0]["attributes"]["encrypt"], false);
    for (name, value, says) in [
        ("extractable", "true", "cannot be changed"),
        ("token", "false", "stay ones"),
        ("trusted", "true", "only an admin"),
        ("sensitive", "false", "cannot be set"),
        ("encrypt", "1", "true or false"),
        ("value", "1", "there is no attribute"),
    ] {
        let said = message(&set(name, value));
        assert!(said.contains(says), "{name}: {said}");
    }
    let deleted = home.good(Some(USER_PIN), &["key", "delete", "--filter", "attr.label=renamed"]);
    assert_eq!(deleted, value!({"message": "Key deleted successfully", "key-reference": reference}));
    assert_eq!(list(&home, USER_PIN, &[])["total_key_count"], 0);
    home.fails(Some(USER_PIN), &["key", "delete", "--filter", "attr.label=renamed"], &["no key matches"]);
}

#[test]
fn keys_of_every_type_are_made_by_either_name() {
    let home = Home::demo();
    let good = |line: &str| home.good(Some(USER_PIN), &line.split(' ').collect::<Vec<_>>());
    good("key generate-symmetric aes --label a --key-length-bytes 16 --attributes sign=true");
    good("key generate-symmetric generic-secret --label g --key-length-bytes 64");
    good("key generate --key-type generic-secret --label g2 --key-length-bytes 20");
    let pair =
        good("key generate-asymmetric-pair rsa --public-label p --private-label q --modulus-size-bits 2048");
    assert_eq!(pair["public_key"]["attributes"]["modulus-size-bits"], 2048);
    assert_eq!(pair["public_key"]["attributes"]["public-exponent"], "0x010001");
    assert_eq!(pair["private_key"]["attributes"]["label"], "q");
    let pair = good(
        "key generate --key-type ec --label e --curve secp384r1 --attributes id=0x07 --public-attributes id=0x07",
    );
    assert_eq!(pair["public_key"]["attributes"]["curve"], "secp384r1");
    assert_eq!(pair["public_key"]["attributes"]["class"], "public-key");
    good("key generate-asymmetric-pair ec --public-label f --private-label f --curve prime256v1");
    let secrets = list(&home, USER_PIN, &["--filter", "attr.class=secret-key"]);
    assert_eq!(labels(&secrets), ["a", "g", "g2"]);
    let pair = list(&home, USER_PIN, &["--filter", "attr.id=0x07", "attr.key-type=ec"]);
    assert_eq!(labels(&pair), ["e", "e"]);
    home.fails(
        Some(USER_PIN),
        &["key", "delete", "--filter", "attr.label=e"],
        &["2 keys match", "key-reference"],
    );
    home.good(Some(USER_PIN), &["key", "delete", "--filter", "attr.label=e", "attr.class=private-key"]);
    for (line, says) in [
        ("key generate --label x --key-length-bytes 15", "no such key length"),
        ("key generate --label x --key-type ec --curve p256", "prime256v1"),
        ("key generate --label x --key-type des", "generic-secret"),
        ("key generate --label x --public-attributes id=0x01", "no public one"),
        ("key generate --label x --attributes encrypt", "NAME=VALUE"),
        ("key generate", "--label"),
    ] {
        home.fails(Some(USER_PIN), &line.split(' ').collect::<Vec<_>>(), &[says]);
    }
    home.fails(Some(ADMIN_PIN), &["key", "generate", "--label", "x"], &["is an admin, who has no keys"]);
    home.fails(None, &["key", "generate", "--label", "x"], &["login of a crypto user", "VHSM_PIN"]);
    assert_eq!(list(&home, USER_PIN, &[])["total_key_count"], 8);
}

#[test]
fn a_long_list_comes_in_pages() {
    let home = Home::demo();
    for number in 0..12 {
        key(&home, &format!("k{number:02}"), &[]);
    }
    let first = list(&home, USER_PIN, &[]);
    assert_eq!((&first["total_key_count"], &first["returned_key_count"]), (&value!(12), &value!(10)));
    let token = first["next_token"].as_str().unwrap();
    let second = list(&home, USER_PIN, &["--starting-token", token]);
    assert_eq!(labels(&second), ["k10", "k11"]);
    assert_eq!(second.get("next_token"), None);
    assert_eq!(labels(&list(&home, USER_PIN, &["--max-items", "1"])), ["k00"]);
    home.fails(Some(USER_PIN), &["key", "list", "--max-items", "0"], &["at least 1"]);
    home.fails(Some(USER_PIN), &["key", "list", "--starting-token", "ten"], &["no key reference"]);
    home.fails(Some(USER_PIN), &["key", "list", "--filter", "label=k"], &["attr.NAME=VALUE"]);
}

#[test]
fn a_key_is_shared_and_no_longer() {
    let home = with_alice();
    let reference = key(&home, "to-share", &["--share-crypto-users", "alice"]);
    key(&home, "own", &[]);
    let seen = list(&home, ALICE_PIN, &["--verbose"]);
    assert_eq!(labels(&seen), ["to-share"]);
    let info = &seen["matched_keys"][0]["key-info"];
    assert_eq!(info["key-owners"], value!([{"username": "kmsuser", "key-coverage": "full"}]));
    assert_eq!(info["shared-users"], value!([{"username": "alice", "key-coverage": "full"}]));
    let filter = ["--filter", "attr.label=to-share"];
    for command in [
        &["key", "delete"][..],
        &["key", "share", "--username", "kmsuser"],
        &["key", "unshare", "--username", "alice"],
        &["key", "set-attribute", "--name", "label", "--value", "mine"],
    ] {
        home.fails(
            Some(ALICE_PIN),
            &[command, &filter].concat(),
            &[&reference, "only its owner, \"kmsuser\""],
        );
    }
    let unshared = home.good(
        Some(USER_PIN),
        &[&["key", "unshare", "--username", "alice", "--role", "crypto-user"][..], &filter].concat(),
    );
    assert_eq!(unshared, value!({"message": "Key unshared successfully", "key-reference": reference}));
    assert_eq!(list(&home, ALICE_PIN, &[])["total_key_count"], 0);
    fn share(name: &str) -> Vec<&str> {
        vec!["key", "share", "--filter", "attr.label=to-share", "--username", name]
    }
    home.good(Some(USER_PIN), &share("ALICE"));
    assert_eq!(labels(&list(&home, ALICE_PIN, &[])), ["to-share"]);
    home.fails(Some(USER_PIN), &share("nobody"), &["\"nobody\"", "vhsm user list"]);
    home.fails(Some(USER_PIN), &share("admin"), &["not a crypto user"]);
    home.fails(Some(USER_PIN), &share("kmsuser"), &["owns the key"]);
    home.fails(
        Some(USER_PIN),
        &[&share("alice")[..], &["--role", "admin"]].concat(),
        &["--role crypto-user"],
    );
    // Shared with nobody, a key is not made at all.
    let generate = ["key", "generate", "--label", "x", "--share-crypto-users", "nobody"];
    home.fails(Some(USER_PIN), &generate, &["\"nobody\""]);
    assert_eq!(list(&home, USER_PIN, &[])["total_key_count"], 2);
}

#[test]
fn an_admin_sees_references_and_says_what_is_trusted() {
    let home = with_alice();
    let reference = key(&home, "wrapping", &["--share-crypto-users", "alice"]);
    let seen = list(&home, ADMIN_PIN, &[]);
    let owner = value!([{"username": "kmsuser", "key-coverage": "full"}]);
    assert_eq!(seen["matched_keys"][0]["key-reference"], reference.as_str());
    assert_eq!(seen["matched_keys"][0]["key-info"]["key-owners"], owner);
    assert_eq!(seen["matched_keys"][0].get("attributes"), None);
    assert!(!seen.to_string().contains("wrapping"));
    home.fails(Some(ADMIN_PIN), &["key", "list", "--filter", "attr.label=wrapping"], &["sees no attributes"]);
    let filter = format!("key-reference={reference}");
    let set = |filter: &str, to: &str| {
        let words = ["key", "set-attribute", "--name", "trusted", "--value", to, "--filter", filter];
        home.run(Some(ADMIN_PIN), &words)
    };
    json(&set(&filter, "true"));
    for pin in [USER_PIN, ALICE_PIN] {
        let trusted = list(&home, pin, &["--filter", "attr.trusted=true"]);
        assert_eq!(labels(&trusted), ["wrapping"]);
    }
    json(&set(&filter, "false"));
    assert_eq!(list(&home, USER_PIN, &["--filter", "attr.trusted=true"])["total_key_count"], 0);
    assert!(message(&set("key-reference=0x77", "true")).contains("there is no key 0x0000000000000077"));
    assert!(message(&set("attr.label=wrapping", "true")).contains("key-reference=0x"));
    // A public key, which needs no user's seal opened.
    let pair = home.good(Some(USER_PIN), &["key", "generate", "--key-type", "rsa", "--label", "pair"]);
    let public = pair["public_key"]["key-reference"].as_str().unwrap();
    json(&set(&format!("key-reference={public}"), "true"));
    assert_eq!(labels(&list(&home, USER_PIN, &["--filter", "attr.trusted=true"])), ["pair"]);
}

#[test]
fn what_is_lost_with_a_user_is_said() {
    let home = with_alice();
    key(&home, "one", &["--share-crypto-users", "alice"]);
    key(&home, "two", &[]);
    let delete = ["user", "delete", "--username", "kmsuser"];
    home.fails(
        Some(ADMIN_PIN),
        &delete,
        &["2 token objects", "1 with \"alice\"", "--force", "only its own login"],
    );
    let deleted = home.good(Some(ADMIN_PIN), &[&delete[..], &["--force"]].concat());
    let lost = value!({"token-objects": 2, "shared-users": [{"username": "alice", "token-objects": 1}]});
    assert_eq!(deleted, value!({"username": "kmsuser", "role": "crypto-user", "lost": lost}));
    assert_eq!(list(&home, ALICE_PIN, &[])["total_key_count"], 0);
    let deleted = home.good(Some(ADMIN_PIN), &["user", "delete", "--username", "alice"]);
    assert_eq!(deleted["lost"]["token-objects"], 0);
}

/// There are no calls for it there: attributes are changed by the command line alone.
#[test]
fn keys_of_profile_cloudhsm_have_its_defaults_and_are_changed() {
    let home = with_alice();
    let run = |words: &[&str]| {
        let mut command = home.command(Some(USER_PIN), words);
        json(&checked(command.env("VHSM_PROFILE", "cloudhsm").output().unwrap()))
    };
    let made = run(&["key", "generate-symmetric", "aes", "--label", "k", "--key-length-bytes", "32"]);
    for (name, on) in
        [("token", true), ("extractable", true), ("sensitive", true), ("encrypt", false), ("sign", true)]
    {
        assert_eq!(made["key"]["attributes"][name], on, "{name}");
    }
    run(&["key", "set-attribute", "--filter", "attr.label=k", "--name", "encrypt", "--value", "true"]);
    run(&["key", "share", "--filter", "attr.label=k", "--username", "alice", "--role", "crypto-user"]);
    let seen = run(&["key", "list", "--filter", "attr.encrypt=true", "--verbose"]);
    assert_eq!(seen["matched_keys"][0]["key-info"]["shared-users"][0]["username"], "alice");
    let said = run(&["key", "delete", "--filter", "attr.label=k"]);
    assert_eq!(said["message"], "Key deleted successfully");
}
