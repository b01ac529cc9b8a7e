//! C_GetFunctionList, C_GetInterfaceList, C_GetInterface (PKCS#11 3.0 sec. 5.4.4 to 5.4.6).

use crate::general::FUNCTIONS;
use crate::support::*;
use cryptoki_sys::*;
use std::ffi::CStr;
use std::ptr::null_mut;

struct Found {
    name: String,
    version: (u8, u8),
    list: usize,
    flags: CK_FLAGS,
}

fn found(interface: &CK_INTERFACE) -> Found {
    // SAFETY: names are C strings and lists begin with their version.
    unsafe {
        let version = *interface.pFunctionList.cast::<CK_VERSION>();
        Found {
            name: CStr::from_ptr(interface.pInterfaceName.cast()).to_str().unwrap().to_string(),
            version: (version.major, version.minor),
            list: interface.pFunctionList as usize,
            flags: interface.flags,
        }
    }
}

fn interface(
    module: &Module,
    name: Option<&CStr>,
    version: Option<(u8, u8)>,
    flags: CK_FLAGS,
) -> Result<Found, CK_RV> {
    let name = name.map_or(null_mut(), |name| name.as_ptr() as *mut CK_UTF8CHAR);
    let mut version = version.map(|(major, minor)| CK_VERSION { major, minor });
    let version = version.as_mut().map_or(null_mut(), |version| version as *mut _);
    let mut pointer = null_mut();
    match call!(module.api, C_GetInterface(name, version, &mut pointer, flags)) {
        // SAFETY: a successful call set the pointer to an interface of the library.
        CKR_OK => Ok(found(unsafe { pointer.as_ref() }.expect("not null"))),
        rv => Err(rv),
    }
}

/// The pointers of a list behind its version.
fn entries(list: usize, count: usize) -> &'static [usize] {
    // SAFETY: the list is static and has so many entries.
    unsafe { std::slice::from_raw_parts((list as *const usize).add(1), count) }
}

#[test]
fn the_2_40_list_has_every_function() {
    let module = Module::loaded();
    let mut list = null_mut();
    expect("list", call!(module.api, C_GetFunctionList(&mut list)), CKR_OK);
    // SAFETY: a successful call set the pointer.
    let version = unsafe { (*list).version };
    assert_eq!((version.major, version.minor), (2, 40));
    for (entry, function) in entries(list as usize, 68).iter().zip(FUNCTIONS) {
        assert_ne!(*entry, 0, "{function}");
    }
    expect("null", call!(module.api, C_GetFunctionList(null_mut())), CKR_ARGUMENTS_BAD);
}

/// A longer list begins with the shorter ones: the same functions at the same places.
#[test]
fn the_3_2_list_has_every_function_and_begins_with_the_others() {
    let module = Module::loaded();
    assert_eq!((module.api.version.major, module.api.version.minor), (3, 2));
    let list = entries(module.api as *const Api as usize, FUNCTIONS.len());
    for (entry, function) in list.iter().zip(FUNCTIONS) {
        assert_ne!(*entry, 0, "{function}");
    }
    for (version, count) in [((3, 0), 92), ((2, 40), 68)] {
        let older = interface(&module, None, Some(version), 0).unwrap();
        assert_eq!(entries(older.list, count), &list[..count], "{version:?}");
    }
}

/// Exported names are open to whatever else the process loaded that has the same.
#[test]
fn only_the_ways_in_are_exported() {
    let module = Module::loaded();
    for function in FUNCTIONS {
        // SAFETY: only the address is taken.
        let symbol = unsafe { module.library.get::<unsafe extern "C" fn()>(function) };
        let is_way_in = matches!(function, "C_GetFunctionList" | "C_GetInterfaceList" | "C_GetInterface");
        assert_eq!(symbol.is_ok(), is_way_in, "{function}");
    }
}

#[test]
fn the_interfaces_are_2_40_3_0_and_3_2() {
    let module = Module::loaded();
    let mut count = 0;
    expect("count", call!(module.api, C_GetInterfaceList(null_mut(), &mut count)), CKR_OK);
    assert_eq!(count, 3);
    let mut list = vec![CK_INTERFACE { pInterfaceName: null_mut(), pFunctionList: null_mut(), flags: 0 }; 16];
    let mut small = count - 1;
    let rv = call!(module.api, C_GetInterfaceList(list.as_mut_ptr(), &mut small));
    expect("too small", rv, CKR_BUFFER_TOO_SMALL);
    assert_eq!(small, count);
    let mut room = 16;
    expect("list", call!(module.api, C_GetInterfaceList(list.as_mut_ptr(), &mut room)), CKR_OK);
    assert_eq!(room, count);
    let all: Vec<_> = list[..count as usize].iter().map(found).collect();
    for version in [(2, 40), (3, 0), (3, 2)] {
        assert!(all.iter().any(|one| one.name == "PKCS 11" && one.version == version), "{version:?}");
    }
    expect("null", call!(module.api, C_GetInterfaceList(null_mut(), null_mut())), CKR_ARGUMENTS_BAD);
    let rv = call!(module.api, C_GetInterfaceList(list.as_mut_ptr(), null_mut()));
    expect("null count", rv, CKR_ARGUMENTS_BAD);
}

#[test]
fn an_interface_is_found_by_name_version_and_flags() {
    let module = Module::loaded();
    let standard = Some(c"PKCS 11");
    let any = interface(&module, None, None, 0).unwrap();
    assert_eq!((any.name.as_str(), any.version), ("PKCS 11", (3, 2)), "the newest where none is asked for");
    assert_eq!(interface(&module, standard, None, 0).unwrap().name, "PKCS 11");
    for version in [(2, 40), (3, 0), (3, 2)] {
        assert_eq!(interface(&module, standard, Some(version), 0).unwrap().version, version);
        assert_eq!(interface(&module, None, Some(version), 0).unwrap().version, version);
    }
    for (name, version, flags) in [
        (Some(c"PKCS 12"), None, 0),
        (Some(c"PKCS 1"), None, 0),
        (Some(c"pkcs 11"), None, 0),
        (Some(c""), None, 0),
        (standard, Some((9, 9)), 0),
        (standard, Some((3, 99)), 0),
        (standard, None, 1 << 40),
    ] {
        let rv = interface(&module, name, version, flags).err().expect("no such interface");
        expect("no such", rv, CKR_ARGUMENTS_BAD);
    }
    let rv = call!(module.api, C_GetInterface(null_mut(), null_mut(), null_mut(), 0));
    expect("null", rv, CKR_ARGUMENTS_BAD);
}

#[test]
fn the_fork_flag_is_given_only_where_it_is_kept() {
    let module = Module::loaded();
    let plain = interface(&module, None, None, 0).unwrap();
    match interface(&module, None, None, CKF_INTERFACE_FORK_SAFE) {
        Ok(safe) => assert_ne!(safe.flags & CKF_INTERFACE_FORK_SAFE, 0),
        Err(_) => assert_eq!(plain.flags & CKF_INTERFACE_FORK_SAFE, 0),
    }
}

#[test]
fn both_lists_lead_to_the_same_library() {
    let module = Module::initialized();
    let list = interface(&module, Some(c"PKCS 11"), Some((2, 40)), 0).unwrap().list;
    // SAFETY: this is the 2.40 list.
    let old = unsafe { &*(list as *const CK_FUNCTION_LIST) };
    let mut count = 0;
    expect("slots", call!(old, C_GetSlotList(CK_FALSE, null_mut(), &mut count)), CKR_OK);
    assert_eq!(count as usize, module.slots(false).len());
}
