//! Every mechanism with its parameter missing, short, long, endless, of zeros, of 0xff and with its inner pointers null:
//! CKR_MECHANISM_PARAM_INVALID, unless the mechanism's form says that it is good.

use super::Report;
use super::samples::{Form, Laid, form};
use super::stock::Stock;
use super::uses::{Call, Use, input, uses};
use super::world::World;
use cryptoki_sys::*;
use std::ptr::null_mut;
use vhsm_pkcs11::mechanism::table::TABLE;
use vhsm_pkcs11::mechanism::{Mechanism as MechanismRow, ParamShape};

/// A parameter that is given, and the code that it gets.
pub struct Case {
    pub what: String,
    pub pointer: CK_VOID_PTR,
    pub length: CK_ULONG,
    pub rv: CK_RV,
    /// What the pointer leads to.
    _laid: Option<Laid>,
}

pub fn sweep(world: &World, report: &mut Report) {
    let stock = Stock::new(world);
    for row in TABLE {
        let input = input(world, row, &stock);
        for used in uses(row) {
            let key = used.good_key(row, &stock);
            for case in &cases(world, row, used) {
                let mechanism =
                    CK_MECHANISM { mechanism: row.id, pParameter: case.pointer, ulParameterLen: case.length };
                let call = Call { world, row, mechanism, key, input: &input };
                one(report, used, &call, case);
            }
            // Had one of them left an operation, the next one would have been told so.
            world.check(report, &format!("{} of {}", used.name, row.name), &[]);
        }
    }
    stock.destroy(world);
}

fn one(report: &mut Report, used: &Use, call: &Call, case: &Case) {
    let rv = used.run(call);
    let what = || format!("{} of {} with a parameter that is {}", used.name, call.row.name, case.what);
    // Another IV than that of the wrapped key is a good parameter that finds the key not authentic.
    let is_other =
        matches!(call.row.params, ParamShape::OptionalIv(_)) && case.rv == CKR_OK && case.what != "good";
    let is_found_out = is_other && used.name == "C_UnwrapKey";
    report.code(what, rv, if is_found_out { CKR_WRAPPED_KEY_INVALID } else { case.rv });
    if rv == CKR_OK {
        used.undo(call);
    }
}

fn cases(world: &World, row: &MechanismRow, used: &Use) -> Vec<Case> {
    let mut cases = cases_of(form(world, row, used));
    if !world.offers(row) {
        cases.iter_mut().for_each(|case| case.rv = CKR_MECHANISM_INVALID);
    }
    cases
}

/// A good parameter, and everything that is wrong with others like it.
pub fn cases_of(form: Form) -> Vec<Case> {
    const INVALID: CK_RV = CKR_MECHANISM_PARAM_INVALID;
    let Form { sample, missing, zeros, ones } = form;
    let laid = sample.lay();
    let (good, bytes) = (laid.any_pointer(), laid.length as CK_ULONG);
    let case = |what: &str, pointer, length, rv| Case { what: what.into(), pointer, length, rv, _laid: None };
    let mut cases = vec![
        case("missing", null_mut(), 0, missing),
        case("empty", good, 0, missing),
        case("null, with a length", null_mut(), bytes.max(1), INVALID),
        case("null, and endless", null_mut(), CK_ULONG::MAX, INVALID),
        case("one byte too long", good, bytes + 1, INVALID),
        case("endless", good, CK_ULONG::MAX, INVALID),
        case("longer than memory", good, 1 << 63, INVALID),
    ];
    if bytes > 0 {
        cases.push(case("good", good, bytes, CKR_OK));
        cases.push(case("one byte too short", good, bytes - 1, INVALID));
        cases.push(case("one byte", good, 1, if bytes == 1 { CKR_OK } else { INVALID }));
        let filled = |byte, rv| of(laid.filled(byte), format!("all {byte:#x}"), rv);
        cases.push(filled(0, zeros));
        cases.push(filled(0xff, ones));
    }
    for (what, spoilt) in laid.with_nulls() {
        cases.push(of(spoilt, format!("null in {what}"), INVALID));
    }
    cases[0]._laid = Some(laid);
    cases
}

fn of(laid: Laid, what: String, rv: CK_RV) -> Case {
    Case { what, pointer: laid.any_pointer(), length: laid.length as CK_ULONG, rv, _laid: Some(laid) }
}

#[test]
fn every_mechanism_refuses_parameters_that_are_not_its_own() {
    let world = World::new();
    let mut report = Report::default();
    sweep(&world, &mut report);
    report.finish();
}
