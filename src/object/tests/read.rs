//! C_GetAttributeValue, searches, and what stays secret.

use super::*;

#[test]
fn a_value_is_shown_by_keys_that_are_neither_sensitive_nor_unextractable() {
    let rows: &[(&[u8], &[u8], bool)] =
        &[(NO, YES, true), (NO, NO, false), (YES, YES, false), (YES, NO, false)];
    for (sensitive, extractable, shown) in rows {
        let flags = [(CKA_SENSITIVE, *sensitive), (CKA_EXTRACTABLE, *extractable)];
        let key = create(&with(AES_KEY, &flags));
        match key.read(CKA_VALUE) {
            Ok(value) => assert!(*shown && value == KEY_128),
            Err(error) => assert!(!*shown && code(error) == CKR_ATTRIBUTE_SENSITIVE),
        }
        assert_eq!(key.matches(&template(&[(CKA_VALUE, KEY_128)])), *shown);
        assert_eq!(key.bytes(CKA_VALUE), None, "keys show their value through `secret` only");
        assert_eq!(key.secret().unwrap().expose(), KEY_128);
    }
}

#[test]
fn what_the_class_does_not_have_is_no_attribute() {
    let rows: &[(&[Pair], &[CK_ATTRIBUTE_TYPE])] = &[
        (
            AES_KEY,
            &[CKA_MODULUS, CKA_APPLICATION, CKA_VENDOR_DEFINED, CKA_ENCAPSULATE_TEMPLATE, CKA_UNIQUE_ID],
        ),
        (DATA, &[CKA_KEY_TYPE, CKA_SENSITIVE, CKA_CHECK_VALUE, CKA_ID, CKA_VALUE_LEN]),
        (X509, &[CKA_KEY_TYPE, CKA_OWNER, CKA_SENSITIVE, CKA_APPLICATION]),
    ];
    for (whole, kinds) in rows {
        let object = create(&template(whole));
        for kind in *kinds {
            match object.read(*kind) {
                Err(ObjectError::TypeInvalid(named)) => assert_eq!(named, *kind),
                other => panic!("{kind:#x}: {other:?}"),
            }
            assert!(!object.matches(&template(&[(*kind, b"")])));
            assert!(!object.flag(*kind));
            assert_eq!(object.bytes(*kind), None);
        }
    }
}

#[test]
fn class_type_and_text_are_read_as_given() {
    let more: &[Pair] = &[(CKA_LABEL, b"label"), (CKA_ID, b"id"), (CKA_START_DATE, b"20240101")];
    let template = with(AES_KEY, &[more, &[(CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)]].concat());
    let key = create(&template);
    for attribute in &template.attributes {
        assert_eq!(key.read(attribute.kind).unwrap(), attribute.value, "{:#x}", attribute.kind);
    }
    assert!(key.matches(&template));
    assert_eq!((key.class(), key.key_type()), (CKO_SECRET_KEY, Some(CKK_AES)));
    assert_eq!(key.bytes(CKA_LABEL), Some(b"label".as_slice()));
    let certificate = create(&super::template(X509));
    assert_eq!((certificate.class(), certificate.key_type()), (CKO_CERTIFICATE, None));
    assert!(certificate.matches(&super::template(X509)));
    assert!(certificate.secret().is_none());
}

#[test]
fn a_search_matches_byte_for_byte() {
    let key = create(&with(AES_KEY, &[(CKA_LABEL, b"label")]));
    let matches = |kind, value: &[u8]| key.matches(&template(&[(kind, value)]));
    assert!(key.matches(&template(&[])));
    assert!(matches(CKA_LABEL, b"label"));
    assert!(!matches(CKA_LABEL, b"labe"));
    assert!(!matches(CKA_LABEL, b"LABEL"));
    assert!(matches(CKA_ID, b""), "the default");
    assert!(matches(CKA_TOKEN, NO));
    assert!(!matches(CKA_TOKEN, YES));
    assert!(!matches(CKA_TOKEN, &[0, 0]));
    assert!(matches(CKA_CLASS, SECRET_CLASS));
    assert!(!matches(CKA_CLASS, &[4, 0, 0, 0]));
    assert!(matches(CKA_VALUE_LEN, &number(16)));
    assert!(!key.matches(&template(&[(CKA_LABEL, b"label"), (CKA_TOKEN, YES)])));
}

#[test]
fn check_values_are_those_of_the_specification() {
    // FIPS 197 and SP 800-38A: AES-128 with an all-zero key gives 66e94b... for a zero block.
    let zero = create(&with(AES_KEY, &[(CKA_VALUE, &[0; 16])]));
    assert_eq!(zero.read(CKA_CHECK_VALUE).unwrap(), [0x66, 0xe9, 0x4b].as_slice());
    assert!(zero.matches(&template(&[(CKA_CHECK_VALUE, &[0x66, 0xe9, 0x4b])])));
    // FIPS 180: SHA-1 of "abc" is a9993e...
    let generic = create(&with(GENERIC_KEY, &[(CKA_VALUE, b"abc"), (CKA_CHECK_VALUE, &[0xa9, 0x99, 0x3e])]));
    assert_eq!(generic.read(CKA_CHECK_VALUE).unwrap(), [0xa9, 0x99, 0x3e].as_slice());
    let certificate = create(&with(X509, &[(CKA_VALUE, b"abc")]));
    assert_eq!(certificate.read(CKA_CHECK_VALUE).unwrap(), [0xa9, 0x99, 0x3e].as_slice());
    let unwanted = create(&with(AES_KEY, &[(CKA_CHECK_VALUE, b"")]));
    assert!(matches!(unwanted.read(CKA_CHECK_VALUE), Err(ObjectError::TypeInvalid(CKA_CHECK_VALUE))));
}

#[test]
fn allowed_mechanisms_are_all_or_those_listed() {
    assert!(create(&template(AES_KEY)).allows(CKM_AES_GCM));
    let list = [number(CKM_AES_GCM), number(CKM_AES_CBC)].concat();
    let key = create(&with(AES_KEY, &[(CKA_ALLOWED_MECHANISMS, &list)]));
    assert!(key.allows(CKM_AES_GCM) && key.allows(CKM_AES_CBC) && !key.allows(CKM_AES_ECB));
    assert_eq!(key.read(CKA_ALLOWED_MECHANISMS).unwrap(), list);
    assert!(create(&with(AES_KEY, &[(CKA_ALLOWED_MECHANISMS, b"")])).allows(CKM_AES_ECB));
}

#[test]
fn templates_give_flags_and_numbers() {
    let template =
        template(&[(CKA_TOKEN, YES), (CKA_WRAP, &[7]), (CKA_VALUE_LEN, const { &number(5) }), (CKA_ID, b"")]);
    assert_eq!(template.flag(CKA_TOKEN).unwrap(), Some(true));
    assert_eq!(template.flag(CKA_SIGN).unwrap(), None);
    assert!(matches!(template.flag(CKA_WRAP), Err(ObjectError::ValueInvalid { attribute: CKA_WRAP, .. })));
    assert_eq!(template.number(CKA_VALUE_LEN).unwrap(), Some(5));
    assert!(template.number(CKA_ID).is_err());
}

#[test]
fn nothing_secret_is_printed() {
    let key = create(&template(AES_KEY));
    let shown = format!("{key:?} {:?}", key.secret());
    assert!(!shown.contains("0123456789abcdef") && shown.contains("16 bytes"), "{shown}");
}
