//! Functions that answer CKR_FUNCTION_NOT_SUPPORTED, and the two that are history (PKCS#11 3.0 sec. 5.20).

use crate::general::{FUNCTIONS, with_zeros};
use crate::support::*;
use cryptoki_sys::*;

const NOT_SUPPORTED: &[&str] = &["C_AsyncComplete", "C_AsyncGetID", "C_AsyncJoin"];

fn is_not_supported(function: &str) -> bool {
    NOT_SUPPORTED.contains(&function)
}

fn answer(api: &Api, function: &str) -> CK_RV {
    let index = FUNCTIONS.iter().position(|one| *one == function).expect("a function of the list");
    with_zeros(api, index)
}

#[test]
fn what_is_not_there_says_so() {
    let module = Module::initialized();
    for function in FUNCTIONS.iter().filter(|function| is_not_supported(function)) {
        expect(function, answer(module.api, function), CKR_FUNCTION_NOT_SUPPORTED);
    }
}

#[test]
fn what_is_there_never_says_so() {
    let module = Module::initialized();
    // These change the run that the others are asked in, or wait.
    let apart = ["C_Initialize", "C_Finalize", "C_WaitForSlotEvent"];
    for (index, function) in FUNCTIONS.iter().enumerate() {
        if !is_not_supported(function) && !apart.contains(function) {
            assert_ne!(with_zeros(module.api, index), CKR_FUNCTION_NOT_SUPPORTED, "{function}");
        }
    }
}

#[test]
fn nothing_has_run_in_parallel_since_2_0() {
    let module = Module::initialized();
    for function in ["C_GetFunctionStatus", "C_CancelFunction"] {
        expect(function, answer(module.api, function), CKR_FUNCTION_NOT_PARALLEL);
    }
    let token = {
        drop(module);
        Token::new()
    };
    let session = token.open(READ_ONLY);
    let rv = call!(session.api, C_GetFunctionStatus(session.handle));
    expect("status", rv, CKR_FUNCTION_NOT_PARALLEL);
    let rv = call!(session.api, C_CancelFunction(session.handle));
    expect("cancel", rv, CKR_FUNCTION_NOT_PARALLEL);
}
