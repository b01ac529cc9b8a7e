//! `vhsm user ...`

use super::*;

fn change<'a>(name: &'a str, password: &'a str) -> [&'a str; 6] {
    ["user", "change-password", "--username", name, "--password", password]
}

#[test]
fn users_are_made_listed_and_deleted() {
    let home = Home::demo();
    let made = home.good(Some(ADMIN_PIN), &create_user("Second", "admin", "Other-Pass-4"));
    assert_eq!(made, serde_json::json!({"username": "second", "role": "admin"}));
    let list = home.good(None, &["user", "list", "--cluster", "demo"]);
    let user = |name: &str, role: &str| serde_json::json!({"username": name, "role": role, "locked": "false", "cluster-coverage": "full"});
    let appliance = user("app_user", "internal(APPLIANCE_USER)");
    let expected =
        [user("admin", "admin"), user("kmsuser", "crypto-user"), user("second", "admin"), appliance];
    assert_eq!(list["users"].as_array().unwrap(), &expected);
    let second = Some("second:Other-Pass-4");
    home.good(second, &["user", "delete", "--username", "admin"]);
    home.good(second, &["user", "delete", "--cluster", "demo", "--username", "KMSUSER"]);
    home.fails(second, &["user", "delete", "--username", "second"], &["\"second\"", "last admin"]);
    assert_eq!(home.good(None, &["user", "list"])["users"].as_array().unwrap().len(), 2);
}

#[test]
fn a_users_password_comes_from_a_file_or_a_pipe() {
    let home = Home::demo();
    let file = home.write("alice.txt", "Other-Pass-4\r\n");
    let create = ["user", "create", "--username", "alice", "--role", "crypto-user", "--password-file"];
    home.good(Some(ADMIN_PIN), &[&create[..], &[&file]].concat());
    home.good(Some("alice:Other-Pass-4"), &change("alice", "Wrong-Pass-3"));
    let piped = ["user", "change-password", "--username", "alice", "--password-file", "-"];
    json(&home.run_with_input(Some("alice:Wrong-Pass-3"), &piped, "Other-Pass-4"));
    home.good(None, &[&change("alice", "Wrong-Pass-3")[..], &["--pin", "alice:Other-Pass-4"]].concat());
}

#[test]
fn what_a_user_cannot_be_is_said() {
    let home = Home::demo();
    let create = |name: &str, role: &str, password: &str, says: &[&str]| {
        home.fails(Some(ADMIN_PIN), &create_user(name, role, password), says);
    };
    create("kmsuser", "crypto-user", "Other-Pass-4", &["\"kmsuser\" exists", "another name"]);
    create("KMSUSER", "admin", "Other-Pass-4", &["\"kmsuser\" exists"]);
    create("a-b", "crypto-user", "Other-Pass-4", &["user name", "'-'", "letters, digits and _"]);
    create("", "crypto-user", "Other-Pass-4", &["user name", "1 to 31"]);
    create(&"x".repeat(32), "crypto-user", "Other-Pass-4", &["user name", "32", "31"]);
    create("app_user", "crypto-user", "Other-Pass-4", &["app_user"]);
    create("alice", "co", "Other-Pass-4", &["co", "crypto-user", "admin"]);
    create("alice", "crypto-user", "shrt", &["7 to 32"]);
    create("alice", "crypto-user", &"shrt".repeat(9), &["7 to 32"]);
    create("alice", "crypto-user", "a:Other-Pass-4", &["`:`"]);
    let alice = create_user("alice", "crypto-user", "Other-Pass-4");
    home.fails(None, &alice, &["login of an admin", "VHSM_PIN=user:password", "--pin"]);
    home.fails(Some(USER_PIN), &alice, &["login as admin", "VHSM_PIN"]);
    home.fails(Some("admin:Wrong-Pass-3"), &alice, &["wrong password"]);
    home.fails(
        Some(ADMIN_PIN),
        &[&alice[..], &["--cluster", "other"]].concat(),
        &["\"other\"", "cluster list"],
    );
    home.fails(Some(ADMIN_PIN), &alice[..6], &["--password", "--help"]);
    home.fails(Some(ADMIN_PIN), &["user", "create", "--username", "alice"], &["--role"]);
    assert_eq!(home.good(None, &["user", "list"])["users"].as_array().unwrap().len(), 3);
}

#[test]
fn the_appliance_user_is_there_and_nobodys() {
    let home = Home::demo();
    let theirs = "app_user is the HSMs' own user";
    home.fails(Some(ADMIN_PIN), &["user", "delete", "--username", "app_user", "--force"], &[theirs]);
    home.fails(Some(ADMIN_PIN), &change("APP_USER", "Other-Pass-4"), &[theirs]);
    home.fails(Some("app_user:Other-Pass-4"), &["key", "list"], &[theirs]);
    home.fails(Some(ADMIN_PIN), &create_user("App_User", "admin", "Other-Pass-4"), &["app_user"]);
}

#[test]
fn a_cloudhsm_login_is_taken_where_no_other_is_given() {
    let home = Home::demo();
    let run = |pin: Option<&str>, theirs: &str, role: &str, arguments: &[&str]| {
        let mut command = home.command(pin, arguments);
        command.env("CLOUDHSM_PIN", theirs).env("CLOUDHSM_ROLE", role);
        checked(command.output().unwrap())
    };
    let alice = create_user("alice", "crypto-user", "Other-Pass-4");
    json(&run(None, ADMIN_PIN, "admin", &alice));
    json(&run(None, USER_PIN, "crypto-user", &["key", "list"]));
    json(&run(None, USER_PIN, "", &["key", "list"]));
    let wrong = message(&run(None, USER_PIN, "admin", &["key", "list"]));
    assert!(wrong.contains("CLOUDHSM_ROLE says admin") && wrong.contains("crypto-user"), "{wrong}");
    let wrong = message(&run(None, ADMIN_PIN, "crypto-user", &["key", "list"]));
    assert!(wrong.contains("CLOUDHSM_ROLE says crypto-user"), "{wrong}");
    assert!(message(&run(None, ADMIN_PIN, "co", &alice)).contains("CLOUDHSM_ROLE=co"));
    // VHSM_PIN and --pin outweigh it, and its role.
    json(&run(Some(USER_PIN), "nobody:Wrong-Pass-3", "co", &["key", "list"]));
    json(&run(None, "nobody:Wrong-Pass-3", "co", &["key", "list", "--pin", USER_PIN]));
}

#[test]
fn the_cluster_is_named_before_or_behind_the_command() {
    let home = Home::demo();
    home.good(None, &["cluster", "create", "--label", "other", "--admin-password", ADMIN]);
    let demo = home.good(None, &["user", "list", "--cluster", "demo"]);
    assert_eq!(home.good(None, &["--cluster", "demo", "user", "list"]), demo);
    assert_eq!(home.good(None, &["user", "--cluster=demo", "list"]), demo);
    home.fails(None, &["user", "list"], &["2 clusters", "--cluster"]);
}

#[test]
fn passwords_are_changed_by_their_user_or_an_admin() {
    let home = Home::demo();
    let changed = home.good(Some(USER_PIN), &change("kmsuser", "Other-Pass-4"));
    assert_eq!(changed, serde_json::json!({"username": "kmsuser", "role": "crypto-user"}));
    home.fails(Some(USER_PIN), &change("kmsuser", "Other-Pass-4"), &["wrong password"]);
    home.good(Some(ADMIN_PIN), &change("KmsUser", USER));
    home.good(Some(USER_PIN), &change("kmsuser", USER));
    home.fails(Some(USER_PIN), &change("admin", "Other-Pass-4"), &["login as admin"]);
    home.fails(Some(ADMIN_PIN), &change("nobody", "Other-Pass-4"), &["\"nobody\"", "vhsm user list"]);
    home.fails(Some(ADMIN_PIN), &change("kmsuser", "shrt"), &["7 to 32"]);
    home.fails(None, &change("kmsuser", "Other-Pass-4"), &["user \"kmsuser\" or an admin", "VHSM_PIN"]);
    home.good(Some(ADMIN_PIN), &change("admin", "Other-Pass-4"));
    home.fails(Some(ADMIN_PIN), &change("admin", ADMIN), &["wrong password"]);
}

#[test]
fn who_deletes_users_is_said() {
    let home = Home::demo();
    let delete = |pin: Option<&str>, name: &str, says: &[&str]| {
        home.fails(pin, &["user", "delete", "--username", name], says);
    };
    delete(None, "kmsuser", &["login of an admin", "VHSM_PIN"]);
    delete(Some(USER_PIN), "kmsuser", &["login as admin"]);
    delete(Some(ADMIN_PIN), "nobody", &["\"nobody\"", "vhsm user list"]);
    delete(Some(ADMIN_PIN), "admin", &["last admin"]);
    home.fails(Some(ADMIN_PIN), &["user", "delete"], &["--username"]);
}
