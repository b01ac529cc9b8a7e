//! `vhsm quickstart`

use super::*;

fn password(shown: &str, user: &str) -> String {
    let line = shown.lines().find(|line| line.trim().starts_with(user)).unwrap();
    line.split_whitespace().last().unwrap().to_owned()
}

#[test]
fn quickstart_makes_a_cluster_whose_passwords_work() {
    let home = Home::empty();
    let output = home.run(None, &["quickstart"]);
    let shown = text(&output.stdout);
    assert!(output.status.success() && shown.contains("shown this once"), "{shown}");
    let (admin, user) = (password(&shown, "admin "), password(&shown, "kmsuser "));
    assert!(admin.len() >= 16 && admin != user);
    for line in [
        "pkcs11-tool --module /",
        "libvhsm_pkcs11.so",
        "--token-label vhsm",
        "VHSM_HOME",
        env!("CARGO_BIN_EXE_vhsm"),
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    let cluster = home.good(None, &["cluster", "describe", "vhsm"]);
    assert_eq!(cluster["Hsms"].as_array().unwrap().len(), 2);
    let pin = format!("kmsuser:{user}");
    let changed = ["user", "change-password", "--username", "kmsuser", "--password", USER];
    home.good(Some(&pin), &changed);
    let pin = format!("admin:{admin}");
    home.good(Some(&pin), &create_user("alice", "crypto-user", "Other-Pass-4"));
}

#[test]
fn quickstart_again_changes_nothing_and_shows_no_password() {
    let home = Home::empty();
    let first = text(&home.run(None, &["quickstart"]).stdout);
    let before = home.good(None, &["cluster", "list"]);
    let again = home.run(None, &["quickstart", "--module", "/opt/my module.so"]);
    let shown = text(&again.stdout);
    assert!(again.status.success() && shown.contains("exists already"), "{shown}");
    assert!(shown.contains("--module '/opt/my module.so'"), "{shown}");
    for user in ["admin ", "kmsuser "] {
        assert!(!shown.contains(&password(&first, user)));
    }
    assert_eq!(home.good(None, &["cluster", "list"]), before);
}

#[test]
fn no_password_of_quickstart_lies_on_the_disk() {
    let home = Home::empty();
    let shown = text(&home.run(None, &["quickstart"]).stdout);
    for file in std::fs::read_dir(home.path().join("store")).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for user in ["admin ", "kmsuser "] {
            let password = password(&shown, user).into_bytes();
            assert!(!bytes.windows(password.len()).any(|window| window == password));
        }
    }
}
