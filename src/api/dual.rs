//! Dual-function cryptographic functions (PKCS#11 3.0 sec. 5.14).

use super::{Trace, call, raw};
use crate::session::Dual;
use cryptoki_sys::*;

macro_rules! dual {
    ($($name:ident: $dual:ident;)+) => {
        $(
            pub unsafe extern "C" fn $name(
                session: CK_SESSION_HANDLE,
                part: CK_BYTE_PTR,
                part_bytes: CK_ULONG,
                output: CK_BYTE_PTR,
                output_bytes: CK_ULONG_PTR,
            ) -> CK_RV {
                call(stringify!($name), Trace::session(session), |library, _| {
                    let session = library.session(session)?;
                    // SAFETY: the caller's promise about its buffers.
                    unsafe {
                        raw::with_io((part, part_bytes), output, output_bytes, |io| {
                            session.dual_update(Dual::$dual, io)
                        })
                    }
                })
            }
        )+
    };
}

dual! {
    C_DigestEncryptUpdate: DigestEncrypt;
    C_DecryptDigestUpdate: DecryptDigest;
    C_SignEncryptUpdate: SignEncrypt;
    C_DecryptVerifyUpdate: DecryptVerify;
}
