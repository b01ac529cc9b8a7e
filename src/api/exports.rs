//! The function lists and interfaces, and the three symbols that the library exports (PKCS#11 3.0 sec. 5.4).
//!
//! The lists lead to functions that are not exported by name, so that no other library in the process that
//! exports the same names can get between.

use super::decrypt::*;
use super::digest::*;
use super::dual::*;
use super::encrypt::*;
use super::general::*;
use super::kem::*;
use super::key::*;
use super::message_cipher::*;
use super::message_sign::*;
use super::object::*;
use super::random::*;
use super::raw;
use super::recover::*;
use super::session::*;
use super::sign::*;
use super::slot::*;
use super::unsupported::{self, *};
use super::verify_signature::*;
use super::wrap_messages::*;
use super::{LIBRARY, bad, configured, fork};
use crate::config::Config;
use crate::error::Error;
use crate::profile::{Active, Profile, Settings};
use cryptoki_sys::*;
use std::ffi::CStr;
use std::panic::catch_unwind;

/// A row of README's table of functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionRow {
    pub name: &'static str,
    pub supported: bool,
}

macro_rules! lists {
    (v2_40: $($old:ident)+; v3_0: $($new:ident)+; v3_2: $($newest:ident)+;) => {
        static LIST_2_40: CK_FUNCTION_LIST = CK_FUNCTION_LIST {
            version: CK_VERSION { major: 2, minor: 40 },
            $($old: Some($old),)+
        };
        static LIST_3_0: CK_FUNCTION_LIST_3_0 = CK_FUNCTION_LIST_3_0 {
            version: CK_VERSION { major: 3, minor: 0 },
            $($old: Some($old),)+
            $($new: Some($new),)+
        };
        static LIST_3_2: CK_FUNCTION_LIST_3_2 = CK_FUNCTION_LIST_3_2 {
            version: CK_VERSION { major: 3, minor: 2 },
            $($old: Some($old),)+
            $($new: Some($new),)+
            $($newest: Some($newest),)+
        };
        const NAMES: &[&str] =
            &[$(stringify!($old),)+ $(stringify!($new),)+ $(stringify!($newest),)+];
    };
}

lists! {
    v2_40:
        C_Initialize C_Finalize C_GetInfo C_GetFunctionList C_GetSlotList C_GetSlotInfo C_GetTokenInfo
        C_GetMechanismList C_GetMechanismInfo C_InitToken C_InitPIN C_SetPIN C_OpenSession C_CloseSession
        C_CloseAllSessions C_GetSessionInfo C_GetOperationState C_SetOperationState C_Login C_Logout
        C_CreateObject C_CopyObject C_DestroyObject C_GetObjectSize C_GetAttributeValue C_SetAttributeValue
        C_FindObjectsInit C_FindObjects C_FindObjectsFinal C_EncryptInit C_Encrypt C_EncryptUpdate
        C_EncryptFinal C_DecryptInit C_Decrypt C_DecryptUpdate C_DecryptFinal C_DigestInit C_Digest
        C_DigestUpdate C_DigestKey C_DigestFinal C_SignInit C_Sign C_SignUpdate C_SignFinal
        C_SignRecoverInit C_SignRecover C_VerifyInit C_Verify C_VerifyUpdate C_VerifyFinal
        C_VerifyRecoverInit C_VerifyRecover C_DigestEncryptUpdate C_DecryptDigestUpdate C_SignEncryptUpdate
        C_DecryptVerifyUpdate C_GenerateKey C_GenerateKeyPair C_WrapKey C_UnwrapKey C_DeriveKey C_SeedRandom
        C_GenerateRandom C_GetFunctionStatus C_CancelFunction C_WaitForSlotEvent;
    v3_0:
        C_GetInterfaceList C_GetInterface C_LoginUser C_SessionCancel C_MessageEncryptInit C_EncryptMessage
        C_EncryptMessageBegin C_EncryptMessageNext C_MessageEncryptFinal C_MessageDecryptInit
        C_DecryptMessage C_DecryptMessageBegin C_DecryptMessageNext C_MessageDecryptFinal C_MessageSignInit
        C_SignMessage C_SignMessageBegin C_SignMessageNext C_MessageSignFinal C_MessageVerifyInit
        C_VerifyMessage C_VerifyMessageBegin C_VerifyMessageNext C_MessageVerifyFinal;
    v3_2:
        C_EncapsulateKey C_DecapsulateKey C_VerifySignatureInit C_VerifySignature C_VerifySignatureUpdate
        C_VerifySignatureFinal C_GetSessionValidationFlags C_AsyncComplete C_AsyncGetID C_AsyncJoin
        C_WrapKeyAuthenticated C_UnwrapKeyAuthenticated;
}

/// Every function of the 3.2 list, and whether it does its work.
pub fn functions() -> Vec<FunctionRow> {
    NAMES.iter().map(|name| FunctionRow { name, supported: !unsupported::NAMES.contains(name) }).collect()
}

/// An interface list that C programs read; its pointers lead to statics that nobody writes.
struct Interfaces([CK_INTERFACE; 3]);

// SAFETY: the pointers lead to immutable statics.
unsafe impl Sync for Interfaces {}

const INTERFACE_NAME: &CStr = c"PKCS 11";

/// Best first. Fork safety: see `fork`.
static INTERFACES: Interfaces = Interfaces([
    interface((&raw const LIST_3_2).cast_mut().cast()),
    interface((&raw const LIST_3_0).cast_mut().cast()),
    interface((&raw const LIST_2_40).cast_mut().cast()),
]);

const fn interface(list: CK_VOID_PTR) -> CK_INTERFACE {
    CK_INTERFACE {
        pInterfaceName: INTERFACE_NAME.as_ptr().cast_mut().cast(),
        pFunctionList: list,
        flags: CKF_INTERFACE_FORK_SAFE,
    }
}

/// The exported names. They only pass on to what the lists hold.
mod symbols {
    use cryptoki_sys::*;

    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn C_GetFunctionList(list: CK_FUNCTION_LIST_PTR_PTR) -> CK_RV {
        // SAFETY: the caller's promise, passed on.
        unsafe { super::C_GetFunctionList(list) }
    }

    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn C_GetInterfaceList(list: CK_INTERFACE_PTR, count: CK_ULONG_PTR) -> CK_RV {
        // SAFETY: the caller's promise, passed on.
        unsafe { super::C_GetInterfaceList(list, count) }
    }

    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn C_GetInterface(
        name: CK_UTF8CHAR_PTR,
        version: CK_VERSION_PTR,
        interface: CK_INTERFACE_PTR_PTR,
        flags: CK_FLAGS,
    ) -> CK_RV {
        // SAFETY: the caller's promise, passed on.
        unsafe { super::C_GetInterface(name, version, interface, flags) }
    }
}

unsafe extern "C" fn C_GetFunctionList(list: CK_FUNCTION_LIST_PTR_PTR) -> CK_RV {
    // SAFETY: the caller passes null or a place for a pointer.
    answer(unsafe { raw::place(list, "ppFunctionList is null") }.map(|place| {
        *place = (&raw const LIST_2_40).cast_mut();
    }))
}

unsafe extern "C" fn C_GetInterfaceList(list: CK_INTERFACE_PTR, count: CK_ULONG_PTR) -> CK_RV {
    // SAFETY: the caller's promise about its array.
    answer(unsafe { raw::write_list(list, count, shown()) })
}

/// The best interface that fits: any name but "PKCS 11", version or flag that is not had: CKR_ARGUMENTS_BAD.
unsafe extern "C" fn C_GetInterface(
    name: CK_UTF8CHAR_PTR,
    version: CK_VERSION_PTR,
    interface: CK_INTERFACE_PTR_PTR,
    flags: CK_FLAGS,
) -> CK_RV {
    // SAFETY: the caller passes null or a place, a string that ends, a version.
    answer(unsafe { raw::place(interface, "ppInterface is null") }.and_then(|place| {
        // SAFETY: as above.
        let (named, version) =
            unsafe { (name.is_null() || CStr::from_ptr(name.cast()) == INTERFACE_NAME, version.as_ref()) };
        let fits = |i: &&CK_INTERFACE| {
            // SAFETY: every function list begins with its version.
            let has = unsafe { *i.pFunctionList.cast::<CK_VERSION>() };
            version.is_none_or(|v| (v.major, v.minor) == (has.major, has.minor)) && i.flags & flags == flags
        };
        let found = shown().iter().find(fits).filter(|_| named);
        *place = std::ptr::from_ref(found.ok_or_else(|| bad("there is no such interface"))?).cast_mut();
        Ok(())
    }))
}

/// The interfaces that the profile has: of the run of the library, else the one that C_Initialize would find.
fn shown() -> &'static [CK_INTERFACE] {
    let current = LIBRARY.load();
    let profile = match current.as_deref().filter(|_| !fork::is_child()) {
        Some(library) => library.active.profile,
        None => catch_unwind(profile_to_be).unwrap_or_default(),
    };
    if Active::new(profile, Settings::default()).rules.new_interfaces {
        return &INTERFACES.0;
    }
    // The oldest is the last.
    INTERFACES.0.last_chunk::<1>().map_or(&[], |oldest| oldest)
}

fn profile_to_be() -> Profile {
    configured().map_or_else(Config::profile_now, |config| config.profile)
}

/// These functions work before C_Initialize: nothing is logged.
fn answer(result: Result<(), Error>) -> CK_RV {
    result.map_or_else(|error| error.rv(), |()| CKR_OK)
}
