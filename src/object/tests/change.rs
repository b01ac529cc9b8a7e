//! C_CopyObject and C_SetAttributeValue.

use super::*;

fn plain_key() -> Object {
    create(&with(AES_KEY, &[(CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES), (CKA_PRIVATE, NO)]))
}

fn set(object: &Object, pairs: &[Pair]) -> Result<Object, ObjectError> {
    object.with_changes(&template(pairs), &USER)
}

fn copy(object: &Object, pairs: &[Pair]) -> Result<Object, ObjectError> {
    object.copy(&template(pairs), &USER)
}

#[test]
fn what_may_be_set_later() {
    let key = plain_key();
    let rows: &[Pair] = &[
        (CKA_LABEL, b"a new label"),
        (CKA_ID, b"id"),
        (CKA_START_DATE, b"20250101"),
        (CKA_END_DATE, b"20260101"),
        (CKA_DERIVE, YES),
        (CKA_ENCRYPT, NO),
        (CKA_DECRYPT, NO),
        (CKA_SIGN, NO),
        (CKA_VERIFY, NO),
        (CKA_WRAP, NO),
        (CKA_UNWRAP, NO),
        (CKA_SENSITIVE, YES),
        (CKA_EXTRACTABLE, NO),
        (CKA_WRAP_WITH_TRUSTED, YES),
        (CKA_COPYABLE, NO),
        (CKA_TRUSTED, NO),
    ];
    for (kind, value) in rows {
        for changed in [set(&key, &[(*kind, value)]), copy(&key, &[(*kind, value)])] {
            assert_eq!(changed.unwrap().read(*kind).unwrap(), *value, "{kind:#x}");
        }
    }
    let all = set(&key, rows).unwrap();
    assert!(rows.iter().all(|(kind, value)| all.read(*kind).unwrap() == *value));
}

#[test]
fn what_may_not_be_set_later() {
    let key = plain_key();
    let rows: &[(Pair, CK_RV)] = &[
        ((CKA_CLASS, SECRET_CLASS), CKR_ATTRIBUTE_READ_ONLY),
        ((CKA_KEY_TYPE, AES), CKR_ATTRIBUTE_READ_ONLY),
        ((CKA_VALUE, KEY_128), CKR_ATTRIBUTE_READ_ONLY),
        ((CKA_VALUE_LEN, &number(16)), CKR_ATTRIBUTE_READ_ONLY),
        ((CKA_UNIQUE_ID, b"1"), CKR_ATTRIBUTE_READ_ONLY),
        ((CKA_LOCAL, YES), CKR_ATTRIBUTE_READ_ONLY),
        ((CKA_ALWAYS_SENSITIVE, YES), CKR_ATTRIBUTE_READ_ONLY),
        ((CKA_NEVER_EXTRACTABLE, YES), CKR_ATTRIBUTE_READ_ONLY),
        ((CKA_KEY_GEN_MECHANISM, &number(1)), CKR_ATTRIBUTE_READ_ONLY),
        ((CKA_ALLOWED_MECHANISMS, &number(1)), CKR_ATTRIBUTE_READ_ONLY),
        ((CKA_TRUSTED, YES), CKR_ATTRIBUTE_READ_ONLY),
        ((CKA_MODULUS, b"1"), CKR_TEMPLATE_INCONSISTENT),
        ((CKA_VENDOR_DEFINED, b"1"), CKR_ATTRIBUTE_TYPE_INVALID),
        ((CKA_ENCRYPT, &[5]), CKR_ATTRIBUTE_VALUE_INVALID),
        ((CKA_CHECK_VALUE, &[0, 0, 0]), CKR_ATTRIBUTE_VALUE_INVALID),
    ];
    for ((kind, value), rv) in rows {
        let name = format!("{kind:#x}");
        refused(&name, set(&key, &[(*kind, value)]), *rv);
        refused(&name, copy(&key, &[(*kind, value)]), *rv);
    }
    refused("two values", set(&key, &[(CKA_ID, b"1"), (CKA_ID, b"2")]), CKR_TEMPLATE_INCONSISTENT);
    assert!(set(&key, &[(CKA_ID, b"1"), (CKA_ID, b"1")]).is_ok());
}

#[test]
fn some_are_set_in_a_copy_only() {
    let key = plain_key();
    for (kind, value) in [(CKA_TOKEN, YES), (CKA_PRIVATE, YES), (CKA_MODIFIABLE, NO), (CKA_DESTROYABLE, NO)] {
        refused("set", set(&key, &[(kind, value)]), CKR_ATTRIBUTE_READ_ONLY);
        assert_eq!(copy(&key, &[(kind, value)]).unwrap().read(kind).unwrap(), value);
    }
}

#[test]
fn some_go_one_way() {
    let key = create(&with(AES_KEY, &[(CKA_WRAP_WITH_TRUSTED, YES)]));
    for (kind, back) in [(CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES), (CKA_WRAP_WITH_TRUSTED, NO)] {
        refused("set", set(&key, &[(kind, back)]), CKR_ATTRIBUTE_READ_ONLY);
        refused("copy", copy(&key, &[(kind, back)]), CKR_ATTRIBUTE_READ_ONLY);
        let same = [1 - back[0]];
        assert!(set(&key, &[(kind, &same)]).is_ok(), "as it is");
    }
    refused("less private", copy(&key, &[(CKA_PRIVATE, NO)]), CKR_TEMPLATE_INCONSISTENT);
    assert!(copy(&key, &[(CKA_PRIVATE, YES)]).is_ok());
}

#[test]
fn the_history_flags_stay_behind() {
    let changed = set(&plain_key(), &[(CKA_SENSITIVE, YES), (CKA_EXTRACTABLE, NO)]).unwrap();
    assert!(changed.flag(CKA_SENSITIVE) && !changed.flag(CKA_EXTRACTABLE));
    assert!(!changed.flag(CKA_ALWAYS_SENSITIVE) && !changed.flag(CKA_NEVER_EXTRACTABLE));
    let generated = generate(&[]).unwrap();
    let copied = copy(&generated, &[(CKA_TOKEN, YES)]).unwrap();
    for kind in [CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE] {
        assert!(copied.flag(kind), "{kind:#x}");
    }
    assert_eq!(copied.read(CKA_KEY_GEN_MECHANISM).unwrap(), number(CKM_AES_KEY_GEN).as_slice());
    assert_eq!(copied.secret().unwrap().expose(), KEY_128);
}

#[test]
fn prohibited_comes_before_everything() {
    let bad = [(CKA_VENDOR_DEFINED, YES)];
    let fixed = create(&with(AES_KEY, &[(CKA_MODIFIABLE, NO), (CKA_COPYABLE, NO)]));
    refused("set", set(&fixed, &bad), CKR_ACTION_PROHIBITED);
    refused("copy", copy(&fixed, &bad), CKR_ACTION_PROHIBITED);
    let copyable = create(&with(AES_KEY, &[(CKA_MODIFIABLE, NO)]));
    assert!(copy(&copyable, &[(CKA_LABEL, b"copy"), (CKA_MODIFIABLE, YES)]).is_ok());
    let once = create(&with(AES_KEY, &[(CKA_COPYABLE, NO)]));
    refused("copyable again", set(&once, &[(CKA_COPYABLE, YES)]), CKR_ATTRIBUTE_READ_ONLY);
}

#[test]
fn certificates_change_little() {
    let certificate = create(&template(X509));
    let changes: &[Pair] =
        &[(CKA_LABEL, b"l"), (CKA_ID, b"i"), (CKA_ISSUER, b"j"), (CKA_SERIAL_NUMBER, b"s")];
    assert!(set(&certificate, changes).is_ok());
    for pair in [
        (CKA_SUBJECT, b"s".as_slice()),
        (CKA_VALUE, b"v"),
        (CKA_URL, b"u"),
        (CKA_CERTIFICATE_CATEGORY, &number(1)),
        (CKA_START_DATE, b"20240101"),
        (CKA_TRUSTED, YES),
    ] {
        refused("certificate", set(&certificate, &[pair]), CKR_ATTRIBUTE_READ_ONLY);
    }
    let trusted = certificate.with_changes(&template(&[(CKA_TRUSTED, YES)]), &OFFICER).unwrap();
    refused("trusted", set(&trusted, &[(CKA_LABEL, b"x")]), CKR_ACTION_PROHIBITED);
    let attribute_certificate = create(&template(ATTRIBUTE_CERTIFICATE));
    let changes: &[Pair] = &[(CKA_AC_ISSUER, b"j"), (CKA_SERIAL_NUMBER, b"s"), (CKA_ATTR_TYPES, b"t")];
    assert!(set(&attribute_certificate, changes).is_ok());
    refused("owner", set(&attribute_certificate, &[(CKA_OWNER, b"o")]), CKR_ATTRIBUTE_READ_ONLY);
}

#[test]
fn data_keep_all_but_their_label() {
    let data = create(&with(DATA, &[(CKA_VALUE, b"v")]));
    for kind in [CKA_APPLICATION, CKA_OBJECT_ID, CKA_VALUE] {
        refused("data", set(&data, &[(kind, b"x")]), CKR_ATTRIBUTE_READ_ONLY);
    }
    assert_eq!(set(&data, &[(CKA_LABEL, b"x")]).unwrap().bytes(CKA_VALUE), Some(b"v".as_slice()));
}

#[test]
fn the_check_value_can_be_destroyed_and_comes_back_if_right() {
    let key = create(&template(AES_KEY));
    let right = key.read(CKA_CHECK_VALUE).unwrap().into_owned();
    let without = set(&key, &[(CKA_CHECK_VALUE, b"")]).unwrap();
    assert!(without.read(CKA_CHECK_VALUE).is_err());
    let again = set(&without, &[(CKA_CHECK_VALUE, &right)]).unwrap();
    assert_eq!(again.read(CKA_CHECK_VALUE).unwrap(), right);
}

#[test]
fn changed_dates_stay_in_order() {
    let key = create(&with(AES_KEY, &[(CKA_START_DATE, b"20250601")]));
    refused("end", set(&key, &[(CKA_END_DATE, b"20250531")]), CKR_TEMPLATE_INCONSISTENT);
    let moved = set(&key, &[(CKA_START_DATE, b""), (CKA_END_DATE, b"20250531")]).unwrap();
    assert_eq!(moved.bytes(CKA_START_DATE), Some(b"".as_slice()));
}

#[test]
fn a_policy_binds_copies_and_leaves_changes_alone() {
    let old = plain_key();
    let strict = Context { refuse_public_keys: true, refuse_extractable: true, ..USER };
    let label = template(&[(CKA_LABEL, b"x")]);
    assert!(old.with_changes(&label, &strict).is_ok());
    refused("copy", old.copy(&label, &strict), CKR_TEMPLATE_INCONSISTENT);
    let tighter = template(&[(CKA_PRIVATE, YES), (CKA_EXTRACTABLE, NO)]);
    assert!(old.copy(&tighter, &strict).is_ok());
}
