//! Every function with each of its lengths 0, 1, off by one, and larger than any memory; and with outputs for which
//! there is too little room (PKCS#11 3.0 sec. 5.2).

use super::Report;
use super::functions::{Kind, Null, Row, all_rows, row, rows};
use super::world::{ROOM, World};
use cryptoki_sys::*;

/// A length that is given.
#[derive(Clone, Copy)]
enum Length {
    Is(u64),
    /// So much more or less than the good one.
    Off(i64),
}

use Length::{Is, Off};

type Case = (Length, CK_RV);

const ANY: &[Case] = &[(Is(0), CKR_OK), (Is(1), CKR_OK), (Off(-1), CKR_OK), (Off(1), CKR_OK)];
const NONE_IS_FINE: &[Case] = &[(Is(0), CKR_OK)];
const INCOMPLETE: &[Case] = &[(Is(0), CKR_TEMPLATE_INCOMPLETE)];
const HALF_IS_INCOMPLETE: &[Case] = &[(Is(0), CKR_TEMPLATE_INCOMPLETE), (Is(1), CKR_TEMPLATE_INCOMPLETE)];
const SIZES_OF_PINS: &[Case] = &[(Is(0), CKR_PIN_LEN_RANGE), (Is(1), CKR_PIN_LEN_RANGE)];
const WRONG_PIN: &[Case] = &wrong(CKR_PIN_INCORRECT);
const WHOLE_BLOCKS: &[Case] = &whole(CKR_DATA_LEN_RANGE);
const WHOLE_ENCRYPTED_BLOCKS: &[Case] = &whole(CKR_ENCRYPTED_DATA_LEN_RANGE);
const OTHER_DATA: &[Case] = &wrong(CKR_SIGNATURE_INVALID);
const SIGNATURE: &[Case] = &wrong(CKR_SIGNATURE_LEN_RANGE);
const WRAPPED: &[Case] = &wrong(CKR_WRAPPED_KEY_LEN_RANGE);
const STATE: &[Case] = &wrong(CKR_SAVED_STATE_INVALID);
const NOT_AUTHENTIC: &[Case] = &wrong(CKR_AEAD_DECRYPT_FAILED);
const NO_PARAMETER: &[Case] = &[(Is(1), CKR_MECHANISM_PARAM_INVALID)];
const PARAMETER: &[Case] = &wrong(CKR_MECHANISM_PARAM_INVALID);

const fn wrong(rv: CK_RV) -> [Case; 4] {
    [(Is(0), rv), (Is(1), rv), (Off(-1), rv), (Off(1), rv)]
}

const fn whole(rv: CK_RV) -> [Case; 4] {
    [(Is(0), CKR_OK), (Is(1), rv), (Off(-1), rv), (Off(1), rv)]
}

/// Function, place of the length among its arguments, and what other lengths than the good one give.
#[rustfmt::skip]
static LENGTHS: &[(&str, usize, &[Case])] = &[
    ("C_InitToken", 2, &[(Is(0), CKR_SESSION_EXISTS), (Is(1), CKR_SESSION_EXISTS)]),
    ("C_InitPIN", 2, SIZES_OF_PINS),
    ("C_SetPIN", 2, WRONG_PIN),
    ("C_SetPIN", 4, SIZES_OF_PINS),
    ("C_SetOperationState", 2, STATE),
    ("C_Login", 3, WRONG_PIN),
    ("C_CreateObject", 2, INCOMPLETE),
    ("C_CopyObject", 3, NONE_IS_FINE),
    ("C_GetAttributeValue", 3, NONE_IS_FINE),
    ("C_SetAttributeValue", 3, NONE_IS_FINE),
    ("C_FindObjectsInit", 2, NONE_IS_FINE),
    ("C_FindObjects", 2, &[(Is(0), CKR_OK), (Is(2), CKR_OK), (Is(1 << 62), CKR_OK), (Is(u64::MAX), CKR_OK)]),
    ("C_Encrypt", 2, WHOLE_BLOCKS),
    ("C_EncryptUpdate", 2, ANY),
    ("C_Decrypt", 2, WHOLE_ENCRYPTED_BLOCKS),
    ("C_DecryptUpdate", 2, ANY),
    ("C_Digest", 2, ANY),
    ("C_DigestUpdate", 2, ANY),
    ("C_Sign", 2, ANY),
    ("C_SignUpdate", 2, ANY),
    ("C_SignRecover", 2, ANY),
    ("C_Verify", 2, OTHER_DATA),
    ("C_Verify", 4, SIGNATURE),
    ("C_VerifyUpdate", 2, ANY),
    ("C_VerifyFinal", 2, SIGNATURE),
    ("C_VerifyRecover", 2, SIGNATURE),
    ("C_DigestEncryptUpdate", 2, ANY),
    ("C_DecryptDigestUpdate", 2, ANY),
    ("C_SignEncryptUpdate", 2, ANY),
    ("C_DecryptVerifyUpdate", 2, ANY),
    ("C_GenerateKey", 3, INCOMPLETE),
    ("C_GenerateKeyPair", 3, INCOMPLETE),
    ("C_GenerateKeyPair", 5, NONE_IS_FINE),
    ("C_UnwrapKey", 4, WRAPPED),
    ("C_UnwrapKey", 6, HALF_IS_INCOMPLETE),
    ("C_DeriveKey", 4, &[(Is(0), CKR_OK), (Is(1), CKR_OK), (Is(2), CKR_TEMPLATE_INCOMPLETE)]),
    ("C_SeedRandom", 2, ANY),
    ("C_GenerateRandom", 2, ANY),
    ("C_LoginUser", 3, WRONG_PIN),
    ("C_LoginUser", 5, &[(Is(0), CKR_OK), (Is(1), CKR_PIN_INCORRECT), (Off(-1), CKR_PIN_INCORRECT)]),
    ("C_EncryptMessage", 2, PARAMETER),
    ("C_EncryptMessage", 4, ANY),
    ("C_EncryptMessage", 6, ANY),
    ("C_EncryptMessageBegin", 2, PARAMETER),
    ("C_EncryptMessageBegin", 4, ANY),
    ("C_EncryptMessageNext", 2, PARAMETER),
    ("C_EncryptMessageNext", 4, ANY),
    ("C_DecryptMessage", 2, PARAMETER),
    ("C_DecryptMessage", 4, NOT_AUTHENTIC),
    ("C_DecryptMessage", 6, NOT_AUTHENTIC),
    ("C_DecryptMessageBegin", 2, PARAMETER),
    ("C_DecryptMessageBegin", 4, ANY),
    ("C_DecryptMessageNext", 2, PARAMETER),
    ("C_DecryptMessageNext", 4, NOT_AUTHENTIC),
    ("C_SignMessage", 2, NO_PARAMETER),
    ("C_SignMessage", 4, ANY),
    ("C_SignMessageBegin", 2, NO_PARAMETER),
    ("C_SignMessageNext", 2, NO_PARAMETER),
    ("C_SignMessageNext", 4, ANY),
    ("C_VerifyMessage", 2, NO_PARAMETER),
    ("C_VerifyMessage", 4, OTHER_DATA),
    ("C_VerifyMessage", 6, SIGNATURE),
    ("C_VerifyMessageBegin", 2, NO_PARAMETER),
    ("C_VerifyMessageNext", 2, NO_PARAMETER),
    ("C_VerifyMessageNext", 4, OTHER_DATA),
    ("C_VerifyMessageNext", 6, SIGNATURE),
    ("C_EncapsulateKey", 4, HALF_IS_INCOMPLETE),
    ("C_DecapsulateKey", 4, HALF_IS_INCOMPLETE),
    ("C_DecapsulateKey", 6, WRAPPED),
    ("C_VerifySignatureInit", 4, ANY),
    ("C_VerifySignature", 2, OTHER_DATA),
    ("C_VerifySignatureUpdate", 2, ANY),
    ("C_WrapKeyAuthenticated", 5, ANY),
    ("C_UnwrapKeyAuthenticated", 4, &[(Is(0), CKR_WRAPPED_KEY_LEN_RANGE), (Is(1), CKR_WRAPPED_KEY_INVALID),
        (Off(-1), CKR_WRAPPED_KEY_INVALID), (Off(1), CKR_WRAPPED_KEY_INVALID)]),
    ("C_UnwrapKeyAuthenticated", 6, HALF_IS_INCOMPLETE),
    ("C_UnwrapKeyAuthenticated", 8, &wrong(CKR_WRAPPED_KEY_INVALID)),
];

pub fn sweep(world: &World, report: &mut Report) {
    for (name, index, cases) in LENGTHS {
        let row = row(name);
        if !row.is_there() {
            continue;
        }
        for (length, rv) in *cases {
            let good = (row.args[*index].good)(world);
            let length = match length {
                Is(length) => *length,
                Off(by) => good.wrapping_add_signed(*by),
            };
            if length != good {
                one(world, report, row, (*index, length), *rv);
            }
        }
        huge(world, report, row, *index);
    }
    for row in rows().filter(|row| row.is_there()) {
        for (index, arg) in row.args.iter().enumerate() {
            if arg.kind == Kind::Pointer(Null::Size) && row.args.len() > index + 1 {
                outputs(world, report, row, index);
            }
        }
    }
}

/// The function with this one length.
fn one(world: &World, report: &mut Report, row: &'static Row, (index, length): (usize, u64), wanted: CK_RV) {
    let what = || format!("{} with length {length:#x} in place {index}", row.name);
    row.prepare(world);
    let mut words = row.words(world);
    words[index] = length;
    let rv = row.entry(world).call(&words);
    report.code(what, rv, wanted);
    match rv {
        CKR_OK => {
            row.undo(world);
            world.cancel();
            world.check_objects(report, &what());
        }
        _ => {
            row.undo_before(world);
            let keeps = if has_no_operation(row, rv) { &[] } else { row.keeps };
            world.check(report, &what(), keeps);
        }
    }
    if rv == CKR_PIN_INCORRECT {
        world.log_in_and_out();
    }
}

/// Where data that could not be handled ends the operation that arguments that are bad leave alone.
fn has_no_operation(row: &Row, rv: CK_RV) -> bool {
    row.name == "C_FindObjects" && rv != CKR_ARGUMENTS_BAD
}

/// No memory is so large. (A length that memory could have is believed: of 1 << 62 too, so it comes with null.)
fn huge(world: &World, report: &mut Report, row: &'static Row, index: usize) {
    let Kind::Pointer(null) = row.args[index - 1].kind else {
        return;
    };
    let code = match null {
        Null::Parameter | Null::Fine => CKR_MECHANISM_PARAM_INVALID,
        _ => CKR_ARGUMENTS_BAD,
    };
    // A length of room is one more than is needed, however much more.
    let believed = row.name == "C_FindObjects";
    for (pointer, length) in
        [(false, 1), (false, 1 << 62), (false, u64::MAX), (true, u64::MAX), (true, 1 << 63)]
    {
        if !(believed && pointer) {
            row.prepare(world);
            let mut words = row.words(world);
            words[index] = length;
            words[index - 1] *= u64::from(pointer);
            let what = || format!("{} with length {length:#x} in place {index} ({pointer})", row.name);
            report.code(what, row.entry(world).call(&words), code);
            row.undo_before(world);
            world.check(report, &what(), row.keeps);
        }
    }
}

/// The output at `index` with too little room, just enough, and more than there is.
fn outputs(world: &World, report: &mut Report, row: &'static Row, index: usize) {
    row.prepare(world);
    let mut words = row.words(world);
    words[index] = 0;
    let entry = row.entry(world);
    report.code(|| format!("{} asked for the size", row.name), entry.call(&words), CKR_OK);
    let needed = world.memory.length();
    let mut rooms = vec![0, 1, needed / 2, needed.saturating_sub(1)];
    rooms.retain(|room| *room < needed);
    for room in rooms {
        let mut words = row.words(world);
        world.memory.told(room);
        words[index] = world.memory.framed_out();
        let rv = entry.call(&words);
        let what = || format!("{} with room for {room} of {needed}", row.name);
        report.code(what, rv, CKR_BUFFER_TOO_SMALL);
        let told = world.memory.length();
        report.check(told == needed, || format!("{}: told {told}", what()));
        report.check(world.memory.is_frame_whole(0), || format!("{}: something was written", what()));
    }
    let mut words = row.words(world);
    world.memory.told(needed);
    words[index] = world.memory.framed_out();
    let what = || format!("{} with room for all {needed}", row.name);
    let rv = entry.call(&words);
    report.code(what, rv, CKR_OK);
    let written = world.memory.length() as usize * row.unit();
    report
        .check(written <= ROOM && world.memory.is_frame_whole(written), || format!("{}: beyond it", what()));
    if rv == CKR_OK {
        row.undo(world);
    }
    world.cancel();
    world.check_objects(report, row.name);
}

#[test]
fn every_length_has_its_cases() {
    for row in all_rows().filter(|row| row.is_supported()) {
        for (index, arg) in row.args.iter().enumerate() {
            let has = LENGTHS.iter().any(|(name, at, _)| *name == row.name && *at == index);
            assert_eq!(has, arg.kind == Kind::Length, "{} argument {index}", row.name);
        }
    }
}

#[test]
fn a_wrong_length_gets_its_code_from_every_function() {
    let world = World::new();
    let mut report = Report::default();
    sweep(&world, &mut report);
    report.finish();
}
