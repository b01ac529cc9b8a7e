//! C_GenerateKey and C_UnwrapKey: what is planned before the key is made, and what becomes of it.

use super::*;
use crate::error::Error;

fn unwrap(pairs: &[Pair], value: &[u8]) -> Result<Object, Error> {
    let key = Object::plan_key(&template(pairs), None, Origin::Unwrapped, &USER)?;
    key.finish(Secret::new(value))
}

const UNWRAPPED: &[Pair] = &[(CKA_CLASS, SECRET_CLASS), (CKA_KEY_TYPE, AES)];

#[test]
fn generation_refuses_what_it_cannot_make() {
    let rows: &[(&str, Pair, CK_RV)] = &[
        ("value", (CKA_VALUE, KEY_128), CKR_ATTRIBUTE_READ_ONLY),
        ("local", (CKA_LOCAL, YES), CKR_ATTRIBUTE_READ_ONLY),
        ("unique id", (CKA_UNIQUE_ID, b"1"), CKR_ATTRIBUTE_TYPE_INVALID),
        ("another class", (CKA_CLASS, &number(CKO_DATA)), CKR_TEMPLATE_INCONSISTENT),
        ("another type", (CKA_KEY_TYPE, &number(CKK_DES3)), CKR_TEMPLATE_INCONSISTENT),
        ("type of size 4", (CKA_KEY_TYPE, &[31, 0, 0, 0]), CKR_ATTRIBUTE_VALUE_INVALID),
        ("length 0", (CKA_VALUE_LEN, &number(0)), CKR_ATTRIBUTE_VALUE_INVALID),
        ("length 17", (CKA_VALUE_LEN, &number(17)), CKR_ATTRIBUTE_VALUE_INVALID),
        ("length in bits", (CKA_VALUE_LEN, &number(256)), CKR_ATTRIBUTE_VALUE_INVALID),
        ("endless", (CKA_VALUE_LEN, &number(u64::MAX)), CKR_ATTRIBUTE_VALUE_INVALID),
        ("length of size 4", (CKA_VALUE_LEN, &[16, 0, 0, 0]), CKR_ATTRIBUTE_VALUE_INVALID),
    ];
    for (name, pair, rv) in rows {
        refused(name, generate(&[*pair]), *rv);
    }
}

#[test]
fn generation_needs_a_length() {
    for key_type in [CKK_AES, CKK_GENERIC_SECRET] {
        let defaults = Some((CKO_SECRET_KEY, key_type));
        let plan = Object::plan_key(&template(&[]), defaults, Origin::Generated(1), &USER);
        assert!(matches!(plan, Err(ObjectError::Incomplete(CKA_VALUE_LEN))));
    }
}

#[test]
fn generic_secrets_have_any_length_up_to_the_limit() {
    let plan = |bytes: u64| {
        let length = number(bytes);
        let template = template(&[(CKA_VALUE_LEN, &length)]);
        let defaults = Some((CKO_SECRET_KEY, CKK_GENERIC_SECRET));
        Object::plan_key(&template, defaults, Origin::Generated(1), &USER).map(|key| key.value_bytes)
    };
    assert_eq!(plan(1).unwrap(), Some(1));
    assert_eq!(plan(800).unwrap(), Some(800));
    assert!(plan(0).is_err());
    assert!(plan(MAX_OBJECT_BYTES as u64 + 1).is_err());
}

#[test]
fn the_plan_tells_class_type_length_and_flags() {
    let template = template(&[
        (CKA_CLASS, SECRET_CLASS),
        (CKA_KEY_TYPE, AES),
        (CKA_VALUE_LEN, const { &number(32) }),
        (CKA_TOKEN, YES),
    ]);
    let defaults = Some((CKO_SECRET_KEY, CKK_AES));
    let key = Object::plan_key(&template, defaults, Origin::Generated(CKM_AES_KEY_GEN), &USER).unwrap();
    assert_eq!((key.class, key.key_type, key.value_bytes), (CKO_SECRET_KEY, CKK_AES, Some(32)));
    assert!(key.flag(CKA_TOKEN) && key.flag(CKA_PRIVATE) && !key.flag(CKA_EXTRACTABLE));
    assert!(key.fits(32) && !key.fits(16));
    assert!(matches!(key.finish(Secret::new(KEY_128)), Err(Error::Object(ObjectError::Inconsistent(_)))));
}

#[test]
fn a_generated_key_has_a_history() {
    let rows: &[(&[u8], &[u8], bool, bool)] =
        &[(YES, NO, true, true), (YES, YES, true, false), (NO, NO, false, true), (NO, YES, false, false)];
    for (sensitive, extractable, always, never) in rows {
        let key = generate(&[(CKA_SENSITIVE, sensitive), (CKA_EXTRACTABLE, extractable)]).unwrap();
        assert_eq!(key.flag(CKA_ALWAYS_SENSITIVE), *always);
        assert_eq!(key.flag(CKA_NEVER_EXTRACTABLE), *never);
        assert!(key.flag(CKA_LOCAL));
        let made_by = key.read(CKA_KEY_GEN_MECHANISM).unwrap();
        assert_eq!(made_by, number(CKM_AES_KEY_GEN).as_slice());
    }
    let key = generate(&[]).unwrap();
    assert!(key.flag(CKA_SENSITIVE) && !key.flag(CKA_EXTRACTABLE));
    assert!(key.flag(CKA_ALWAYS_SENSITIVE) && key.flag(CKA_NEVER_EXTRACTABLE));
}

#[test]
fn an_unwrapped_key_has_none() {
    let key = unwrap(UNWRAPPED, KEY_128).unwrap();
    for kind in [CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_EXTRACTABLE] {
        assert!(!key.flag(kind), "{kind:#x}");
    }
    for kind in [CKA_SENSITIVE, CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN, CKA_VERIFY, CKA_WRAP, CKA_UNWRAP] {
        assert!(key.flag(kind), "{kind:#x}");
    }
}

#[test]
fn unwrapping_needs_class_and_type_and_a_fitting_length() {
    let rv = |pairs: &[Pair], value: &[u8]| unwrap(pairs, value).err().map(|error| error.rv());
    assert_eq!(rv(&UNWRAPPED[..1], KEY_128), Some(CKR_TEMPLATE_INCOMPLETE));
    assert_eq!(rv(&UNWRAPPED[1..], KEY_128), Some(CKR_TEMPLATE_INCOMPLETE));
    assert_eq!(rv(DATA, KEY_128), Some(CKR_TEMPLATE_INCONSISTENT));
    assert_eq!(rv(X509, KEY_128), Some(CKR_TEMPLATE_INCONSISTENT));
    assert_eq!(rv(AES_KEY, KEY_128), Some(CKR_ATTRIBUTE_READ_ONLY));
    assert_eq!(rv(UNWRAPPED, &[1; 15]), Some(CKR_TEMPLATE_INCONSISTENT));
    let length = [UNWRAPPED, &[(CKA_VALUE_LEN, const { &number(16) })]].concat();
    assert_eq!(rv(&length, KEY_128), None);
    assert_eq!(rv(&length, &[1; 32]), Some(CKR_TEMPLATE_INCONSISTENT));
}

#[test]
fn a_check_value_in_the_template_is_that_of_the_key() {
    let right = create(&template(AES_KEY)).read(CKA_CHECK_VALUE).unwrap().into_owned();
    let given = |value| [UNWRAPPED, &[(CKA_CHECK_VALUE, value)]].concat();
    assert!(unwrap(&given(&right), KEY_128).is_ok());
    let wrong = unwrap(&given(&right), &[9; 16]).unwrap_err();
    assert_eq!(wrong.rv(), CKR_ATTRIBUTE_VALUE_INVALID);
    let without = unwrap(&given(b""), KEY_128).unwrap();
    assert!(matches!(without.read(CKA_CHECK_VALUE), Err(ObjectError::TypeInvalid(_))));
    assert!(generate(&[(CKA_CHECK_VALUE, b"")]).unwrap().read(CKA_CHECK_VALUE).is_err());
}

#[test]
fn policies_bind_generated_and_unwrapped_keys() {
    let strict = Context { refuse_public_keys: true, refuse_extractable: true, ..USER };
    let aes = Some((CKO_SECRET_KEY, CKK_AES));
    for (kind, value) in [(CKA_PRIVATE, NO), (CKA_EXTRACTABLE, YES)] {
        let template = with(UNWRAPPED, &[(CKA_VALUE_LEN, const { &number(16) }), (kind, value)]);
        for (defaults, origin) in [(aes, Origin::Generated(1)), (None, Origin::Unwrapped)] {
            let plan = Object::plan_key(&template, defaults, origin, &strict);
            assert!(matches!(plan, Err(ObjectError::Inconsistent(_))), "{kind:#x}");
        }
    }
}

const OLD: Context = Context { legacy: true, ..USER };

fn plan(key_type: CK_KEY_TYPE, context: &Context) -> Result<NewKey, ObjectError> {
    let key_type = number(key_type);
    let template = [(CKA_CLASS, SECRET_CLASS), (CKA_KEY_TYPE, &key_type[..])];
    Object::plan_key(&super::template(&template), None, Origin::Unwrapped, context)
}

#[test]
fn keys_of_old_types_are_planned_only_where_the_setting_is_on() {
    for key_type in [CKK_DES, CKK_DES2, CKK_DES3, CKK_MD5_HMAC] {
        assert!(matches!(plan(key_type, &USER), Err(ObjectError::Inconsistent(_))), "{key_type:#x}");
        assert!(plan(key_type, &OLD).is_ok(), "{key_type:#x}");
    }
}

#[test]
fn a_type_with_one_length_tells_it() {
    for (key_type, bytes) in [(CKK_CHACHA20, 32), (CKK_DES, 8), (CKK_DES2, 16), (CKK_DES3, 24)] {
        assert_eq!(plan(key_type, &OLD).unwrap().value_bytes, Some(bytes), "{key_type:#x}");
    }
    assert_eq!(plan(CKK_AES_XTS, &OLD).unwrap().value_bytes, None);
}

#[test]
fn derived_bytes_become_a_des_key_by_their_parity() {
    let even = [0x10, 0x11, 0x12, 0x13, 0xfe, 0xff, 0x00, 0x01];
    let odd = [0x10, 0x10, 0x13, 0x13, 0xfe, 0xfe, 0x01, 0x01];
    let key = plan(CKK_DES, &OLD).unwrap();
    assert!(!key.is_sound(&Secret::new(even)) && key.is_sound(&Secret::new(odd)));
    assert_eq!(key.adjusted(Secret::new(even)).expose(), odd);
    let refused = key.finish(Secret::new(even)).unwrap_err();
    assert!(matches!(refused, Error::Object(ObjectError::Inconsistent(_))), "{refused}");
    let aes = plan(CKK_AES, &OLD).unwrap();
    assert_eq!(aes.adjusted(Secret::new([0; 16])).expose(), [0; 16]);
}

#[test]
fn an_xts_key_has_halves_that_differ() {
    let key = plan(CKK_AES_XTS, &OLD).unwrap();
    let mut value = [7; 64];
    assert!(!key.is_sound(&Secret::new(value)));
    value[63] = 8;
    assert!(key.is_sound(&Secret::new(value)));
}
