//! Objects that another token kept.

use super::*;

fn adopted(attributes: &[Pair]) -> Adopted {
    Object::adopt(&template(attributes), &USER).unwrap()
}

/// An AES key as a token keeps it: with its past, and with empty attributes that nobody gave.
const KEPT: &[Pair] = &[
    (CKA_CLASS, SECRET_CLASS),
    (CKA_KEY_TYPE, AES),
    (CKA_VALUE, KEY_128),
    (CKA_VALUE_LEN, &number(16)),
    (CKA_LABEL, b"kept"),
    (CKA_START_DATE, b""),
    (CKA_WRAP_TEMPLATE, b""),
    (CKA_SENSITIVE, YES),
    (CKA_EXTRACTABLE, NO),
    (CKA_ENCRYPT, NO),
    (CKA_LOCAL, YES),
    (CKA_ALWAYS_SENSITIVE, YES),
    (CKA_NEVER_EXTRACTABLE, YES),
    (CKA_KEY_GEN_MECHANISM, &number(CKM_AES_KEY_GEN)),
    (CKA_TRUSTED, NO),
];

#[test]
fn an_object_keeps_its_attributes_and_loses_its_past() {
    let Adopted { object, left_out } = adopted(KEPT);
    assert!(left_out.is_empty());
    assert!(object.flag(CKA_SENSITIVE) && !object.flag(CKA_EXTRACTABLE) && !object.flag(CKA_ENCRYPT));
    for of_the_past in [CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE] {
        assert!(!object.flag(of_the_past), "{of_the_past:#x}");
    }
    assert_eq!(*object.read(CKA_KEY_GEN_MECHANISM).unwrap(), number(CK_UNAVAILABLE_INFORMATION));
    assert_eq!(object.bytes(CKA_LABEL), Some(&b"kept"[..]));
}

#[test]
fn what_an_object_cannot_have_here_is_told() {
    let more =
        [(CKA_TRUSTED, YES), (CKA_MODULUS, b"1".as_slice()), (CKA_VENDOR_DEFINED + 7, b"x"), (CKA_URL, b"")];
    let mut all: Vec<Pair> = KEPT.iter().copied().filter(|(kind, _)| *kind != CKA_TRUSTED).collect();
    all.extend(more);
    let Adopted { object, left_out } = adopted(&all);
    assert_eq!(left_out, [CKA_TRUSTED, CKA_MODULUS, CKA_VENDOR_DEFINED + 7]);
    assert!(!object.flag(CKA_TRUSTED));
    let officer = Object::adopt(&template(&all), &OFFICER).unwrap();
    assert!(officer.object.flag(CKA_TRUSTED));
}

#[test]
fn the_rules_of_new_objects_hold() {
    let wrong = [&KEPT[..2], &[(CKA_VALUE, b"short")]].concat();
    let refused = Object::adopt(&template(&wrong), &USER).unwrap_err();
    assert!(matches!(refused, ObjectError::ValueInvalid { attribute: CKA_VALUE, .. }), "{refused:?}");
    let strict = Context { refuse_public_keys: true, ..USER };
    let public = with(KEPT, &[(CKA_PRIVATE, NO)]);
    assert!(matches!(Object::adopt(&public, &strict).unwrap_err(), ObjectError::Inconsistent(_)));
    let missing = Object::adopt(&template(&KEPT[..2]), &USER).unwrap_err();
    assert!(matches!(missing, ObjectError::Incomplete(CKA_VALUE)), "{missing:?}");
}

#[test]
fn the_same_thing_has_one_identity_whatever_its_flags() {
    let identity =
        |more: &[Pair]| Object::adopt(&with(KEPT, more), &USER).unwrap().object.identity().unwrap();
    let own = identity(&[]);
    assert_eq!(identity(&[(CKA_DECRYPT, NO), (CKA_START_DATE, b"20240228")]), own);
    for other in [
        (CKA_LABEL, b"kept2".as_slice()),
        (CKA_ID, b"1"),
        (CKA_VALUE, b"0123456789abcdeX"),
        (CKA_KEY_TYPE, &number(CKK_GENERIC_SECRET)),
    ] {
        assert_ne!(identity(&[other]), own, "{:#x}", other.0);
    }
    // A label does not run into an id.
    assert_ne!(
        identity(&[(CKA_LABEL, b"ab"), (CKA_ID, b"c")]),
        identity(&[(CKA_LABEL, b"a"), (CKA_ID, b"bc")])
    );
}
