//! The rows of the message functions (PKCS#11 3.0) and of what 3.2 added.

use super::*;

const GCM: Arg = cancels(|w| w.mechanism(CKM_AES_GCM));
const PARAMETER: Arg = arg(Kind::Pointer(Null::Parameter), |w| w.message());
const SEALED_PARAMETER: Arg = arg(Kind::Pointer(Null::Parameter), |w| w.sealed_message());
const SEALED: Arg = bad(|w| w.memory.kept("sealed").as_ptr() as u64);
const PARAMETER_BYTES: Arg = length(|_| size_of::<CK_GCM_MESSAGE_PARAMS>() as u64);
const NO_PARAMETER: Arg = arg(Kind::Pointer(Null::Fine), |_| 0);
const NO_BYTES: Arg = length(|_| 0);
/// Without a place for the signature's length, more data follow.
const MAYBE_LAST: Arg = arg(Kind::Pointer(Null::Fine), |w| w.memory.room());
const LAST: Arg = plain(|_| CKF_END_OF_MESSAGE);
const ENCRYPT: &[&str] = &["message encrypt"];
const DECRYPT: &[&str] = &["message decrypt"];
const SIGN: &[&str] = &["message sign"];
const VERIFY: &[&str] = &["message verify"];

fn is_kem(row: &MechanismRow) -> bool {
    row.kem.is_some()
}

#[rustfmt::skip]
pub static ROWS: &[Row] = &[
    row!(C_MessageEncryptInit: SESSION, GCM, KEY),
    row!(C_EncryptMessage: SESSION, PARAMETER, PARAMETER_BYTES, PIECE, PIECE_BYTES, PIECE, PIECE_BYTES, OUT,
        OUT_BYTES).before(&["C_MessageEncryptInit"]).keeps(ENCRYPT),
    row!(C_EncryptMessageBegin: SESSION, PARAMETER, PARAMETER_BYTES, PIECE, PIECE_BYTES)
        .before(&["C_MessageEncryptInit"]).keeps(ENCRYPT),
    row!(C_EncryptMessageNext: SESSION, PARAMETER, PARAMETER_BYTES, PIECE, PIECE_BYTES, OUT, OUT_BYTES, LAST)
        .before(&["C_MessageEncryptInit", "C_EncryptMessageBegin"]).keeps(ENCRYPT),
    row!(C_MessageEncryptFinal: SESSION).before(&["C_MessageEncryptInit"]),
    row!(C_MessageDecryptInit: SESSION, GCM, KEY),
    row!(C_DecryptMessage: SESSION, SEALED_PARAMETER, PARAMETER_BYTES, PIECE, PIECE_BYTES, SEALED, PIECE_BYTES, OUT,
        OUT_BYTES).before(&["C_MessageDecryptInit"]).keeps(DECRYPT),
    row!(C_DecryptMessageBegin: SESSION, SEALED_PARAMETER, PARAMETER_BYTES, PIECE, PIECE_BYTES)
        .before(&["C_MessageDecryptInit"]).keeps(DECRYPT),
    row!(C_DecryptMessageNext: SESSION, SEALED_PARAMETER, PARAMETER_BYTES, SEALED, PIECE_BYTES, OUT, OUT_BYTES, LAST)
        .before(&["C_MessageDecryptInit", "C_DecryptMessageBegin"]).keeps(DECRYPT),
    row!(C_MessageDecryptFinal: SESSION).before(&["C_MessageDecryptInit"]),
    row!(C_MessageSignInit: SESSION, CMAC, KEY),
    row!(C_SignMessage: SESSION, NO_PARAMETER, NO_BYTES, PIECE, PIECE_BYTES, OUT, OUT_BYTES)
        .before(&["C_MessageSignInit"]).keeps(SIGN),
    row!(C_SignMessageBegin: SESSION, NO_PARAMETER, NO_BYTES).before(&["C_MessageSignInit"]).keeps(SIGN),
    row!(C_SignMessageNext: SESSION, NO_PARAMETER, NO_BYTES, PIECE, PIECE_BYTES, OUT, MAYBE_LAST)
        .before(&["C_MessageSignInit", "C_SignMessageBegin"]).keeps(SIGN),
    row!(C_MessageSignFinal: SESSION).before(&["C_MessageSignInit"]),
    row!(C_MessageVerifyInit: SESSION, CMAC, KEY),
    row!(C_VerifyMessage: SESSION, NO_PARAMETER, NO_BYTES, PIECE, PIECE_BYTES, MAC, MAC_BYTES)
        .before(&["C_MessageVerifyInit"]).keeps(VERIFY),
    row!(C_VerifyMessageBegin: SESSION, NO_PARAMETER, NO_BYTES).before(&["C_MessageVerifyInit"]).keeps(VERIFY),
    row!(C_VerifyMessageNext: SESSION, NO_PARAMETER, NO_BYTES, PIECE, PIECE_BYTES, MAC, MAC_BYTES)
        .before(&["C_MessageVerifyInit", "C_VerifyMessageBegin"]).keeps(VERIFY),
    row!(C_MessageVerifyFinal: SESSION).before(&["C_MessageVerifyInit"]),

    row!(C_EncapsulateKey: SESSION, bad(|w| w.mechanism(CKM_ML_KEM)), key(|w| w.kem_public), SECRET_TEMPLATE,
        length(|_| 2), OUT, OUT_BYTES, PLACE).needs(is_kem).undone_by(destroy),
    row!(C_DecapsulateKey: SESSION, bad(|w| w.mechanism(CKM_ML_KEM)),
        arg(Kind::Object(CKR_UNWRAPPING_KEY_HANDLE_INVALID), |w| w.kem_private), SECRET_TEMPLATE, length(|_| 2),
        bad(|w| w.memory.data()), length(|_| 1088), PLACE).needs(is_kem).undone_by(destroy),
    row!(C_VerifySignatureInit: SESSION, CMAC, KEY, MAC, MAC_BYTES),
    row!(C_VerifySignature: SESSION, PIECE, PIECE_BYTES).before(&["C_VerifySignatureInit"]),
    row!(C_VerifySignatureUpdate: SESSION, PIECE, PIECE_BYTES).before(&["C_VerifySignatureInit"]),
    row!(C_VerifySignatureFinal: SESSION).before(&["C_VerifySignatureInit", "C_VerifySignatureUpdate"]),
    row!(C_GetSessionValidationFlags: SESSION, plain(|_| CKS_LAST_VALIDATION_OK), INFO),
    row!(C_AsyncComplete: SESSION, PIECE, INFO),
    row!(C_AsyncGetID: SESSION, PIECE, INFO),
    row!(C_AsyncJoin: SESSION, PIECE, ZERO, OUT, ZERO),
    row!(C_WrapKeyAuthenticated: SESSION, bad(|w| w.wrapping()),
        arg(Kind::Object(CKR_WRAPPING_KEY_HANDLE_INVALID), |w| w.key), KEY, PIECE, PIECE_BYTES, OUT, OUT_BYTES),
    row!(C_UnwrapKeyAuthenticated: SESSION, bad(|w| w.unwrapping()),
        arg(Kind::Object(CKR_UNWRAPPING_KEY_HANDLE_INVALID), |w| w.key),
        bad(|w| w.memory.kept("wrapped message").as_ptr() as u64), length(|_| 32), SECRET_TEMPLATE, length(|_| 2), PIECE,
        PIECE_BYTES, PLACE).undone_by(destroy),
];
