//! The mechanisms of profile `cloudhsm` with wrong parameters, in that profile: elsewhere there are none of them.

use super::Report;
use super::parameters::{Case, cases_of};
use super::samples::Word::{List, Number, Pointer};
use super::samples::{Form, Sample, bytes, only, structure};
use crate::support::*;
use cryptoki_sys::*;
use vhsm_pkcs11::mechanism::Mechanism as MechanismRow;
use vhsm_pkcs11::mechanism::table::TABLE;
use vhsm_pkcs11::profile::vendor::*;

fn form(row: &MechanismRow) -> Form {
    match row.id {
        // The library makes the IV: there is no place for one.
        CKM_CLOUDHSM_AES_GCM => {
            let no_iv = [Number(0), Number(0), Number(0)];
            only(structure(no_iv.into_iter().chain([bytes(3), Number(3), Number(128)])))
        }
        // The default initial value of RFC 3394, or none.
        CKM_CLOUDHSM_AES_KEY_WRAP_NO_PAD | CKM_CLOUDHSM_AES_KEY_WRAP_PKCS5_PAD => {
            Form { missing: CKR_OK, ..only(Sample::Bytes(vec![0xa6; 8])) }
        }
        CKM_CLOUDHSM_AES_KEY_WRAP_ZERO_PAD => Form { missing: CKR_OK, ..only(Sample::None) },
        // A counter of 32 bits (the vendor's type 1), then a label (its type 3).
        CKM_CLOUDHSM_SP800_108_COUNTER_KDF => {
            let counter = [Number(1), Pointer(32u64.to_ne_bytes().to_vec()), Number(8)];
            let inputs = counter.into_iter().chain([Number(3), bytes(5), Number(5)]).collect();
            only(structure([Number(CKM_SHA256_HMAC), Number(2), List(inputs)]))
        }
        _ => panic!("what is a good parameter of {}?", row.name),
    }
}

/// What the mechanism does, with a key that may do everything.
fn run(
    session: &Session,
    row: &MechanismRow,
    case: &Case,
    key: CK_OBJECT_HANDLE,
) -> Vec<(&'static str, CK_RV)> {
    let mut mechanism =
        CK_MECHANISM { mechanism: row.id, pParameter: case.pointer, ulParameterLen: case.length };
    let (api, handle) = (session.api, session.handle);
    let mut answers = Vec::new();
    if row.cipher.is_some() {
        for (name, begin) in [("C_EncryptInit", api.C_EncryptInit), ("C_DecryptInit", api.C_DecryptInit)] {
            // SAFETY: a mechanism, and a null one, which ends what the first began.
            answers.push(unsafe {
                let begin = begin.expect("the function is set");
                let rv = begin(handle, &mut mechanism, key);
                begin(handle, std::ptr::null_mut(), 0);
                (name, rv)
            });
        }
    }
    if row.wrap.is_some() {
        let (mut out, mut length) = ([0; 256], 256);
        let rv = call!(api, C_WrapKey(handle, &mut mechanism, key, key, out.as_mut_ptr(), &mut length));
        answers.push(("C_WrapKey", rv));
    }
    if row.derive.is_some() {
        let (class, kind, length) = (number(CKO_SECRET_KEY), number(CKK_AES), number(32));
        let mut template =
            Attributes::new(&[(CKA_CLASS, &class), (CKA_KEY_TYPE, &kind), (CKA_VALUE_LEN, &length)]);
        let (pointer, count, mut made) = (template.as_mut_ptr(), template.count(), 0);
        let rv = call!(api, C_DeriveKey(handle, &mut mechanism, key, pointer, count, &mut made));
        answers.push(("C_DeriveKey", rv));
        assert_eq!(session.destroy(made) == CKR_OK, rv == CKR_OK, "made, or not");
    }
    answers
}

#[test]
fn the_vendors_mechanisms_refuse_parameters_that_are_not_their_own() {
    let hsm = CloudHsm::new();
    let session = hsm.user();
    let uses = [CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP, CKA_DERIVE].map(|usage| (usage, YES));
    let key = session.aes_key(&uses);
    let objects = session.find(&[]).expect("a search").len();
    let mut report = Report::default();
    for row in TABLE.iter().filter(|row| row.cloudhsm) {
        for case in &cases_of(form(row)) {
            for (function, rv) in run(&session, row, case, key) {
                let what = || format!("{function} of {} with a parameter that is {}", row.name, case.what);
                report.code(what, rv, case.rv);
            }
        }
    }
    assert_eq!(session.find(&[]).expect("a search").len(), objects, "nothing was made");
    report.finish();
}
