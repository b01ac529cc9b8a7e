//! Slots, tokens and mechanisms as they are shown (PKCS#11 3.0 sec. 5.5.1 to 5.5.3, 5.5.5, 5.5.6).

use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;

const NO_SLOT: CK_SLOT_ID = 0x7fff_ffff;

fn is_padded(text: &[u8]) -> bool {
    let trimmed = text.iter().rev().skip_while(|byte| **byte == b' ');
    std::str::from_utf8(text).is_ok() && trimmed.into_iter().all(|byte| *byte != 0)
}

#[test]
fn a_fresh_library_has_one_uninitialized_token() {
    let module = Module::initialized();
    assert_eq!(module.slots(false).len(), 1);
    assert_eq!(module.slots(true), module.slots(false));
    let slot = module.free_slot();
    let info = module.token_info(slot).unwrap();
    assert_eq!(info.flags & CKF_TOKEN_INITIALIZED, 0);
    assert_eq!(info.flags & CKF_USER_PIN_INITIALIZED, 0);
}

#[test]
fn the_slot_list_is_asked_for_its_size() {
    let token = Token::new();
    let api = token.module.api;
    let mut count = 99;
    expect("size", call!(api, C_GetSlotList(CK_FALSE, null_mut(), &mut count)), CKR_OK);
    assert_eq!(count, 2, "the token and an uninitialized one");
    let mut slots = [NO_SLOT; 4];
    let mut room = 1;
    let rv = call!(api, C_GetSlotList(CK_FALSE, slots.as_mut_ptr(), &mut room));
    expect("too small", rv, CKR_BUFFER_TOO_SMALL);
    assert_eq!((room, slots), (2, [NO_SLOT; 4]), "nothing is written");
    let mut room = 4;
    expect("more than enough", call!(api, C_GetSlotList(CK_FALSE, slots.as_mut_ptr(), &mut room)), CKR_OK);
    assert_eq!((room, slots[2]), (2, NO_SLOT));
    expect("null count", call!(api, C_GetSlotList(CK_FALSE, null_mut(), null_mut())), CKR_ARGUMENTS_BAD);
    let rv = call!(api, C_GetSlotList(CK_FALSE, slots.as_mut_ptr(), null_mut()));
    expect("null count, list", rv, CKR_ARGUMENTS_BAD);
}

#[test]
fn slot_info_is_padded_and_says_that_a_token_is_there() {
    let token = Token::new();
    for slot in token.module.slots(false) {
        let mut info = CK_SLOT_INFO::default();
        expect("info", call!(token.module.api, C_GetSlotInfo(slot, &mut info)), CKR_OK);
        assert!(is_padded(&info.slotDescription) && is_padded(&info.manufacturerID));
        assert_ne!(info.flags & CKF_TOKEN_PRESENT, 0);
    }
    let mut info = CK_SLOT_INFO::default();
    expect("no slot", call!(token.module.api, C_GetSlotInfo(NO_SLOT, &mut info)), CKR_SLOT_ID_INVALID);
    expect("null", call!(token.module.api, C_GetSlotInfo(token.slot, null_mut())), CKR_ARGUMENTS_BAD);
}

#[test]
fn token_info_tells_label_flags_limits_and_counts() {
    let token = Token::new();
    let info = token.info();
    assert_eq!(info.label, padded::<32>(LABEL));
    for text in [&info.label[..], &info.manufacturerID, &info.model, &info.serialNumber] {
        assert!(is_padded(text), "{text:?}");
    }
    assert!(info.serialNumber.iter().any(|byte| *byte != b' '));
    for flag in [CKF_RNG, CKF_LOGIN_REQUIRED, CKF_USER_PIN_INITIALIZED, CKF_TOKEN_INITIALIZED] {
        assert_ne!(info.flags & flag, 0, "{flag:#x}");
    }
    for flag in [
        CKF_WRITE_PROTECTED,
        CKF_PROTECTED_AUTHENTICATION_PATH,
        CKF_USER_PIN_COUNT_LOW,
        CKF_USER_PIN_FINAL_TRY,
        CKF_USER_PIN_LOCKED,
        CKF_SO_PIN_COUNT_LOW,
        CKF_SO_PIN_LOCKED,
        CKF_ERROR_STATE,
    ] {
        assert_eq!(info.flags & flag, 0, "{flag:#x}");
    }
    assert_eq!((info.ulMinPinLen, info.ulMaxPinLen), (4, 255));
    let counts = |info: &CK_TOKEN_INFO| (info.ulSessionCount, info.ulRwSessionCount);
    assert_eq!(counts(&info), (0, 0));
    let _open = (token.open(READ_ONLY), token.open(READ_WRITE), token.open(READ_WRITE));
    assert_eq!(counts(&token.info()), (3, 2));
}

#[test]
fn two_tokens_have_their_own_serial_numbers() {
    let token = Token::new();
    let second = token.module.free_slot();
    assert_ne!(second, token.slot);
    expect("init", token.module.init_token(second, SO_PIN, "second"), CKR_OK);
    let other = token.module.token_info(second).unwrap();
    assert_ne!(other.serialNumber, token.info().serialNumber);
    assert_eq!(other.label, padded::<32>("second"));
    assert_eq!(token.module.slots(true).len(), 3, "there is an uninitialized one again");
}

#[test]
fn what_has_no_slot_has_no_token() {
    let token = Token::new();
    let api = token.module.api;
    let (mut token_info, mut mechanism_info) = (CK_TOKEN_INFO::default(), CK_MECHANISM_INFO::default());
    let mut count = 0;
    expect("token", call!(api, C_GetTokenInfo(NO_SLOT, &mut token_info)), CKR_SLOT_ID_INVALID);
    expect("null", call!(api, C_GetTokenInfo(token.slot, null_mut())), CKR_ARGUMENTS_BAD);
    let rv = call!(api, C_GetMechanismList(NO_SLOT, null_mut(), &mut count));
    expect("mechanisms", rv, CKR_SLOT_ID_INVALID);
    let rv = call!(api, C_GetMechanismInfo(NO_SLOT, CKM_AES_GCM, &mut mechanism_info));
    expect("mechanism", rv, CKR_SLOT_ID_INVALID);
    expect("sessions", call!(api, C_CloseAllSessions(NO_SLOT)), CKR_SLOT_ID_INVALID);
    expect("open", token.module.open(NO_SLOT, READ_WRITE).err().unwrap(), CKR_SLOT_ID_INVALID);
    expect("init", token.module.init_token(NO_SLOT, SO_PIN, "no"), CKR_SLOT_ID_INVALID);
}

#[test]
fn the_mechanism_list_is_asked_for_its_size_and_agrees_with_the_infos() {
    let token = Token::new();
    let api = token.module.api;
    let mut count = 0;
    expect("size", call!(api, C_GetMechanismList(token.slot, null_mut(), &mut count)), CKR_OK);
    let mut list = vec![0; count as usize];
    let mut room = count - 1;
    let rv = call!(api, C_GetMechanismList(token.slot, list.as_mut_ptr(), &mut room));
    expect("too small", rv, CKR_BUFFER_TOO_SMALL);
    assert_eq!(room, count);
    expect("list", call!(api, C_GetMechanismList(token.slot, list.as_mut_ptr(), &mut room)), CKR_OK);
    for mechanism in &list {
        let mut info = CK_MECHANISM_INFO::default();
        expect("info", call!(api, C_GetMechanismInfo(token.slot, *mechanism, &mut info)), CKR_OK);
        assert_ne!(info.flags, 0, "{mechanism:#x} can do something");
        assert!(info.ulMinKeySize <= info.ulMaxKeySize, "{mechanism:#x}");
    }
    let rv = call!(api, C_GetMechanismList(token.slot, list.as_mut_ptr(), null_mut()));
    expect("null", rv, CKR_ARGUMENTS_BAD);
    let rv = call!(api, C_GetMechanismInfo(token.slot, CKM_AES_GCM, null_mut()));
    expect("null", rv, CKR_ARGUMENTS_BAD);
    let mut info = CK_MECHANISM_INFO::default();
    for unknown in [CKM_RC2_CBC, CKM_VENDOR_DEFINED | 0x7777, CK_MECHANISM_TYPE::MAX] {
        let rv = call!(api, C_GetMechanismInfo(token.slot, unknown, &mut info));
        expect("unknown", rv, CKR_MECHANISM_INVALID);
    }
}

#[test]
fn mechanisms_say_what_they_do() {
    let token = Token::new();
    let both = CKF_ENCRYPT | CKF_DECRYPT;
    let wrap = CKF_WRAP | CKF_UNWRAP;
    let mac = CKF_SIGN | CKF_VERIFY;
    let rows = [
        (CKM_AES_KEY_GEN, CKF_GENERATE),
        (CKM_GENERIC_SECRET_KEY_GEN, CKF_GENERATE),
        (CKM_AES_ECB, both),
        (CKM_AES_CBC, both),
        (CKM_AES_CBC_PAD, both | wrap),
        (CKM_AES_CTR, both),
        (CKM_AES_GCM, both | wrap),
        (CKM_AES_CMAC, mac),
        (CKM_AES_CMAC_GENERAL, mac),
        (CKM_AES_KEY_WRAP, wrap),
        (CKM_AES_KEY_WRAP_KWP, wrap),
        (CKM_AES_KEY_WRAP_PKCS7, wrap),
        (CKM_SHA_1, CKF_DIGEST),
        (CKM_SHA224, CKF_DIGEST),
        (CKM_SHA256, CKF_DIGEST),
        (CKM_SHA384, CKF_DIGEST),
        (CKM_SHA512, CKF_DIGEST),
        (CKM_SHA3_224, CKF_DIGEST),
        (CKM_SHA3_256, CKF_DIGEST),
        (CKM_SHA3_384, CKF_DIGEST),
        (CKM_SHA3_512, CKF_DIGEST),
        (CKM_SHA_1_HMAC, mac),
        (CKM_SHA256_HMAC, mac),
        (CKM_SHA384_HMAC, mac),
        (CKM_SHA512_HMAC, mac),
        (CKM_SHA3_256_HMAC, mac),
        (CKM_SHA256_HMAC_GENERAL, mac),
    ];
    for (mechanism, flags) in rows {
        let mut info = CK_MECHANISM_INFO::default();
        let rv = call!(token.module.api, C_GetMechanismInfo(token.slot, mechanism, &mut info));
        expect(&format!("{mechanism:#x}"), rv, CKR_OK);
        assert_eq!(info.flags & flags, flags, "{mechanism:#x} has {:#x}", info.flags);
    }
    let mut info = CK_MECHANISM_INFO::default();
    call!(token.module.api, C_GetMechanismInfo(token.slot, CKM_AES_KEY_GEN, &mut info));
    assert_eq!((info.ulMinKeySize, info.ulMaxKeySize), (16, 32), "AES key sizes are in bytes");
}
