//! Functions that answer CKR_FUNCTION_NOT_SUPPORTED: those of calls that go on by themselves (PKCS#11 3.2 sec. 5.21). Every
//! call here ends when it returns, and none answers CKR_PENDING.

use super::{Trace, call};
use crate::error::CallError;
use cryptoki_sys::*;

macro_rules! unsupported {
    ($($name:ident($($argument:ty),*);)+) => {
        $(
            pub unsafe extern "C" fn $name(session: CK_SESSION_HANDLE $(, _: $argument)*) -> CK_RV {
                call(stringify!($name), Trace::session(session), |_, _| Err(CallError::NotSupported.into()))
            }
        )+
        /// Their names.
        pub const NAMES: &[&str] = &[$(stringify!($name)),+];
    };
}

unsupported! {
    C_AsyncComplete(*mut CK_UTF8CHAR, *mut CK_ASYNC_DATA);
    C_AsyncGetID(*mut CK_UTF8CHAR, *mut CK_ULONG);
    C_AsyncJoin(*mut CK_UTF8CHAR, CK_ULONG, *mut CK_BYTE, CK_ULONG);
}
