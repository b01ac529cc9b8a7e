//! `vhsm hsm ...`

use super::*;

fn states(answer: &Value) -> Vec<(&str, bool)> {
    let hsms = answer["Hsms"].as_array().unwrap();
    let state = |hsm: &Value| hsm["StateMessage"].as_str().is_some_and(|text| text.starts_with("failed"));
    hsms.iter().map(|hsm| (hsm["State"].as_str().unwrap(), state(hsm))).collect()
}

#[test]
fn hsms_fail_and_recover_by_their_id_their_slot_or_all_of_them() {
    let home = Home::demo();
    let made = home.good(None, &["cluster", "describe"]);
    let id = made["Hsms"][0]["HsmId"].as_str().unwrap();
    let hsm = |command, which: &[&str]| {
        home.good(Some(ADMIN_PIN), &[&["hsm", command, "--cluster", "demo"], which].concat())
    };
    let (active, degraded, failed) = (("ACTIVE", false), ("DEGRADED", false), ("DEGRADED", true));
    assert_eq!(states(&hsm("fail", &[id])), [failed, active]);
    assert_eq!(states(&hsm("degrade", &["1"])), [failed, degraded]);
    assert_eq!(states(&home.good(None, &["cluster", "describe"])), [failed, degraded]);
    assert_eq!(states(&hsm("recover", &["0", "1"])), [active, active]);
    assert_eq!(states(&hsm("fail", &["--all"])), [failed, failed]);
    assert_eq!(hsm("recover", &["--all"]), made);
}

#[test]
fn hsms_fail_by_an_admin_only() {
    let home = Home::demo();
    let fail = ["hsm", "fail", "0"];
    home.fails(None, &fail, &["login of one of its admins", "VHSM_PIN"]);
    home.fails(Some(USER_PIN), &fail, &["login as admin"]);
    home.fails(Some("admin:Wrong-Pass-3"), &fail, &["wrong password"]);
    home.fails(Some(ADMIN_PIN), &["hsm", "fail"], &["HSM-ID"]);
    home.fails(Some(ADMIN_PIN), &["hsm", "fail", "0", "--all"], &["--all"]);
    home.fails(Some(ADMIN_PIN), &["hsm", "fail", "0", "hsm-none"], &["\"hsm-none\"", "cluster describe"]);
    let none_touched = home.good(None, &["cluster", "describe"]);
    assert_eq!(states(&none_touched), [("ACTIVE", false), ("ACTIVE", false)]);
}
