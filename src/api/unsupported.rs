//! Functions that this version does not have yet: they answer CKR_FUNCTION_NOT_SUPPORTED.

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
    C_WrapKeyAuthenticated(*mut CK_MECHANISM, CK_OBJECT_HANDLE, CK_OBJECT_HANDLE, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG);
    C_UnwrapKeyAuthenticated(*mut CK_MECHANISM, CK_OBJECT_HANDLE, *mut CK_BYTE, CK_ULONG, *mut CK_ATTRIBUTE, CK_ULONG, *mut CK_BYTE, CK_ULONG, *mut CK_OBJECT_HANDLE);
}
