//! `vhsm cluster ...`, and the command line itself.

use super::*;

const CREATE: [&str; 4] = ["cluster", "create", "--label", "demo"];

#[test]
fn a_cluster_is_made_listed_described_and_deleted() {
    let home = Home::empty();
    assert_eq!(home.good(None, &["cluster", "list"])["Clusters"].as_array().unwrap().len(), 0);
    let made = home.good(None, &[&CREATE[..], &["--hsms", "4", "--admin-password", ADMIN]].concat());
    assert_eq!((&made["Label"], &made["State"]), (&"demo".into(), &"ACTIVE".into()));
    let id = made["ClusterId"].as_str().unwrap();
    assert!(id.starts_with("cluster-"));
    let hsms = made["Hsms"].as_array().unwrap();
    let zones: Vec<_> = hsms.iter().map(|hsm| hsm["AvailabilityZone"].as_str().unwrap()).collect();
    assert_eq!(zones, ["us-east-1a", "us-east-1b", "us-east-1c", "us-east-1a"]);
    let slots: Vec<_> = hsms.iter().map(|hsm| hsm["SlotId"].as_u64().unwrap()).collect();
    assert_eq!(slots, [0, 1, 2, 3]);
    assert!(
        hsms.iter().all(|hsm| hsm["State"] == "ACTIVE" && hsm["HsmId"].as_str().unwrap().starts_with("hsm-"))
    );

    assert_eq!(home.good(None, &["cluster", "list"])["Clusters"][0], made);
    for describe in [&["demo"][..], &[id], &["--cluster", "demo"], &[]] {
        assert_eq!(home.good(None, &[&["cluster", "describe"], describe].concat()), made);
    }
    let deleted = home.good(Some(ADMIN_PIN), &["cluster", "delete", "demo"]);
    assert_eq!((&deleted["ClusterId"], &deleted["State"]), (&id.into(), &"DELETED".into()));
    assert_eq!(deleted["Lost"], serde_json::json!({"Hsms": 4, "Users": 1, "TokenObjects": 0}));
    home.fails(None, &["cluster", "describe", "demo"], &["no cluster \"demo\"", "cluster list"]);
}

#[test]
fn the_admins_password_comes_from_where_it_is_said_to() {
    let home = Home::empty();
    let file = home.write("admin.txt", &format!("{ADMIN}\n"));
    home.good(None, &[&CREATE[..], &["--admin-password-file", &file]].concat());
    let piped = ["cluster", "create", "--label", "piped", "--admin-password-file", "-"];
    json(&home.run_with_input(None, &piped, "Other-Pass-4\n"));
    home.good(Some("admin:Other-Pass-4"), &["cluster", "delete", "piped"]);
    home.good(None, &["cluster", "delete", "demo", "--pin", ADMIN_PIN]);
}

#[test]
fn a_password_that_starts_with_a_hyphen_is_one() {
    let home = Home::empty();
    home.good(None, &[&CREATE[..], &["--admin-password", "-Pass-Other-Pass-4"]].concat());
    home.good(None, &["cluster", "delete", "demo", "--pin", "admin:-Pass-Other-Pass-4"]);
}

#[test]
fn what_a_cluster_cannot_be_is_said() {
    let home = Home::demo();
    let create =
        |more: &[&str], says: &[&str]| home.fails(None, &[&["cluster", "create"], more].concat(), says);
    let with = |label, hsms, says: &[&str]| {
        create(&["--label", label, "--hsms", hsms, "--admin-password", ADMIN], says);
    };
    with("demo", "2", &["\"demo\" exists", "choose another label"]);
    with("x", "29", &["hsms", "29", "1 to 28"]);
    with("x", "0", &["hsms", "0", "1 to 28"]);
    with("x", "two", &["two", "--hsms"]);
    with("", "1", &["label", "empty"]);
    with(&"x".repeat(33), "1", &["label", "33", "32"]);
    create(&["--label", "x"], &["--admin-password", "--help"]);
    create(&["--admin-password", ADMIN], &["--label"]);
    create(&["--label", "x", "--admin-password", "shrt"], &["7 to 32"]);
    create(&["--label", "x", "--admin-password", "has:a:Other-Pass-4"], &["`:`", "without it"]);
    create(
        &["--label", "x", "--admin-password-file", "/nowhere/at/all"],
        &["/nowhere/at/all", "No such file"],
    );
    create(&["--label", "x", "--admin-password-file", "-"], &["standard input", "empty"]);
    create(
        &["--label", "x", "--admin-password", ADMIN, "--admin-password-file", "-"],
        &["--admin-password", "cannot be used with"],
    );
    assert_eq!(home.good(None, &["cluster", "list"])["Clusters"].as_array().unwrap().len(), 1);
}

#[test]
fn a_cluster_is_deleted_by_its_admin_only() {
    let home = Home::demo();
    let delete = ["cluster", "delete", "demo"];
    home.fails(None, &delete, &["login of one of its admins", "VHSM_PIN"]);
    home.fails(Some(""), &delete, &["VHSM_PIN"]);
    home.fails(Some(USER_PIN), &delete, &["\"kmsuser\"", "not an admin"]);
    home.fails(Some("admin:Wrong-Pass-3"), &delete, &["wrong password", "VHSM_PIN"]);
    home.fails(Some("Wrong-Pass-3"), &delete, &["no `:`"]);
    home.fails(Some("nobody:Wrong-Pass-3"), &delete, &["\"nobody\"", "vhsm user list"]);
    home.fails(Some(ADMIN_PIN), &["cluster", "delete"], &["NAME"]);
    home.fails(Some(ADMIN_PIN), &["cluster", "delete", "other"], &["\"other\"", "cluster list"]);
    home.good(Some(ADMIN_PIN), &delete);
}

#[test]
fn help_teaches_and_mistakes_point_to_it() {
    let home = Home::empty();
    for (command, teaches) in [
        (&["--help"][..], "pkcs11-tool --module"),
        (&["help"], "VHSM_HOME"),
        (&["cluster", "--help"], "vhsm cluster describe demo"),
        (&["cluster", "create", "--help"], "--admin-password-file -"),
        (&["cluster", "delete", "--help"], "is lost"),
        (&["user", "create", "--help"], "--role crypto-user"),
        (&["user", "delete", "--help"], "--force"),
        (&["--version"], "vhsm 0"),
    ] {
        let output = home.run(Some(ADMIN_PIN), command);
        assert!(output.status.success());
        assert!(text(&output.stdout).contains(teaches), "{command:?}: {}", text(&output.stdout));
    }
    home.fails(None, &[], &["subcommand", "subcommands: cluster", "quickstart", "--help"]);
    home.fails(None, &["cluster"], &["subcommand", "create, list, describe, hsm-info", "--help"]);
    home.fails(None, &["clutser"], &["clutser", "cluster", "--help"]);
    home.fails(None, &["cluster", "create", "--lable", "x"], &["--lable", "--label"]);
    home.fails(None, &["cluster", "create", "--pasword=Other-Pass-4"], &["--pasword"]);
    home.fails(None, &["user", "create", "--pasword", "Other-Pass-4"], &["--pasword"]);
    let unquoted = ["cluster", "create", "--label", "x", "--admin-password", "my", "Other-Pass-4"];
    home.fails(None, &unquoted, &["an argument too many", "quotes"]);
}

#[test]
fn without_a_cluster_or_with_several_it_asks_for_one() {
    let home = Home::empty();
    home.fails(None, &["user", "list"], &["no cluster yet", "vhsm quickstart"]);
    home.make_demo();
    home.good(None, &["user", "list"]);
    home.good(None, &["cluster", "create", "--label", "second", "--admin-password", ADMIN]);
    home.fails(None, &["user", "list"], &["2 clusters", "--cluster"]);
    home.good(None, &["user", "list", "--cluster", "second"]);
}

#[test]
fn a_bad_home_or_configuration_is_named() {
    let home = Home::empty();
    home.write("vhsm.toml", "profle = \"standard\"\n");
    home.fails(None, &["cluster", "list"], &["vhsm.toml", "profle"]);
    let mut command = home.command(None, &["cluster", "list"]);
    let output = checked(command.env("VHSM_HOME", "relative").output().unwrap());
    assert!(message(&output).contains("VHSM_HOME") && message(&output).contains("absolute"));
    let mut command = home.command(None, &["cluster", "list"]);
    let command = command.env("VHSM_HOME", home.path().join("vhsm.toml"));
    assert!(message(&checked(command.output().unwrap())).contains("vhsm.toml"));
    let mut command = home.command(None, &["cluster", "list"]);
    let command = command.env("VHSM_STORE", "memory").env("VHSM_HOME", "/nonexistent");
    assert!(message(&checked(command.output().unwrap())).contains("memory"));
}

#[test]
fn the_store_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::demo();
    let store = home.path().join("store");
    assert_eq!(store.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    for file in std::fs::read_dir(&store).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
    }
}
