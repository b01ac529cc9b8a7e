//! `vhsm fault ...`

use super::*;
use serde_json::json;

#[test]
fn a_plan_is_set_shown_extended_and_cleared() {
    let home = Home::demo();
    let id = home.good(None, &["cluster", "describe"])["Hsms"][1]["HsmId"].clone();
    let set =
        |more: &[&str]| home.good(Some(ADMIN_PIN), &[&["fault", "set", "--cluster", "demo"], more].concat());
    let list = || home.good(None, &["fault", "list"]);
    assert_eq!(list(), json!({"cluster": "demo", "fault": []}));
    let one =
        ["--hsm", "1", "--function", "C_Sign", "--latency-ms", "{ median = 5, p99 = 80 }", "--rate", "0.5"];
    let slow =
        json!({"hsm": [id], "function": ["C_Sign"], "latency_ms": {"median": 5.0, "p99": 80.0}, "rate": 0.5});
    assert_eq!(set(&one), json!({"cluster": "demo", "fault": [slow]}));
    assert_eq!(list()["fault"], json!([slow]));
    let full = json!({"store_full": true});
    let both = set(&["--store-full", "--seed", "7", "--add"]);
    assert_eq!(both, json!({"cluster": "demo", "seed": 7, "fault": [slow, full]}));
    let file = home.write("plan.toml", "seed = 9\n[[fault]]\nlose = true\nafter_calls = 10\n");
    let lost = json!({"lose": true, "after_calls": 10});
    assert_eq!(set(&["--plan", &file]), json!({"cluster": "demo", "seed": 9, "fault": [lost]}));
    let error = json!({"error": "CKR_DEVICE_ERROR", "count": 3});
    let added = set(&["--error", "CKR_DEVICE_ERROR", "--count", "3", "--add"]);
    assert_eq!(added, json!({"cluster": "demo", "seed": 9, "fault": [lost, error]}));
    let cleared = home.good(Some(ADMIN_PIN), &["fault", "clear"]);
    assert_eq!(cleared, json!({"cluster": "demo", "fault": []}));
    assert_eq!(list(), cleared);
}

#[test]
fn a_plan_is_an_admins_and_must_be_one() {
    let home = Home::demo();
    let fails = |more: &[&str], says: &[&str]| {
        home.fails(Some(ADMIN_PIN), &[&["fault", "set"], more].concat(), says);
    };
    fails(&[], &["0 effects", "latency_ms, error"]);
    fails(&["--lose", "--store-full"], &["2 effects"]);
    fails(&["--error", "CKR_NONE"], &["CKR_NONE", "CKR_DEVICE_ERROR"]);
    fails(&["--function", "C_Encypt", "--lose"], &["C_Encypt", "C_Encrypt*"]);
    fails(&["--hsm", "7", "--lose"], &["no HSM \"7\""]);
    fails(&["--latency-ms", "fast"], &["latency_ms"]);
    fails(&["--rate", "2", "--lose"], &["rate"]);
    fails(&["--plan", "/nowhere/at/all"], &["/nowhere/at/all"]);
    fails(&["--plan", "/dev/null", "--lose"], &["--plan"]);
    fails(&["--when-over", "wait", "--lose"], &["--per-second"]);
    home.fails(None, &["fault", "set", "--lose"], &["login of one of its admins"]);
    home.fails(Some(USER_PIN), &["fault", "set", "--lose"], &["login as admin"]);
    home.fails(Some(USER_PIN), &["fault", "clear"], &["login as admin"]);
    assert_eq!(home.good(None, &["fault", "list"])["fault"], json!([]));
}

#[test]
fn a_user_who_drifted_is_not_on_the_whole_cluster() {
    let home = Home::demo();
    let coverage = |name: &str| {
        let list = home.good(None, &["user", "list"]);
        let users = list["users"].as_array().unwrap();
        users.iter().find(|user| user["username"] == name).unwrap()["cluster-coverage"].clone()
    };
    assert_eq!(coverage("kmsuser"), "full");
    home.good(Some(ADMIN_PIN), &["fault", "set", "--hsm", "0", "--user", "KmsUser"]);
    assert_eq!((coverage("kmsuser"), coverage("admin")), (json!("partial"), json!("full")));
    home.good(Some(ADMIN_PIN), &["fault", "clear"]);
    assert_eq!(coverage("kmsuser"), "full");
}
