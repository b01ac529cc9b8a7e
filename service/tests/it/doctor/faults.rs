//! What doctor tells of failures that somebody asked for.

use super::{doctor, is_mended, sound};
use crate::ADMIN_PIN;

#[test]
fn a_clusters_fault_plan_is_told() {
    let home = sound();
    home.good(Some(ADMIN_PIN), &["fault", "set", "--cluster", "demo", "--error", "CKR_DEVICE_ERROR"]);
    is_mended(&home, &[], ("warning", "cluster demo", "on purpose: 1 faults"));
}

#[test]
fn a_configured_fault_plan_is_told() {
    let home = sound();
    let plan = home.write("plan.toml", "[[fault]]\nerror = \"CKR_DEVICE_ERROR\"\n");
    let environment = [("VHSM_FAULTS", plan.as_str())];
    let mend = doctor(&home, &environment).finding("warning", "VHSM_FAULTS", "on purpose: 1 faults");
    assert_eq!(mend, "unset VHSM_FAULTS");
    doctor(&home, &[]).is_well();
}
