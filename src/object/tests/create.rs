//! C_CreateObject.

use super::*;

#[test]
fn what_must_be_given() {
    let rows: &[(&[Pair], &[CK_ATTRIBUTE_TYPE])] = &[
        (AES_KEY, &[CKA_CLASS, CKA_KEY_TYPE, CKA_VALUE]),
        (GENERIC_KEY, &[CKA_CLASS, CKA_KEY_TYPE, CKA_VALUE]),
        (DATA, &[CKA_CLASS]),
        (X509, &[CKA_CLASS, CKA_CERTIFICATE_TYPE, CKA_SUBJECT, CKA_VALUE]),
        (WTLS, &[CKA_CLASS, CKA_CERTIFICATE_TYPE, CKA_SUBJECT, CKA_VALUE]),
        (ATTRIBUTE_CERTIFICATE, &[CKA_CLASS, CKA_CERTIFICATE_TYPE, CKA_OWNER, CKA_VALUE]),
    ];
    for (whole, required) in rows {
        create(&template(whole));
        for missing in *required {
            let rest: Vec<_> = whole.iter().filter(|(kind, _)| kind != missing).copied().collect();
            match Object::create(&template(&rest), &USER) {
                Err(ObjectError::Incomplete(named)) => assert_eq!(named, *missing),
                other => panic!("without {missing:#x}: {other:?}"),
            }
        }
    }
}

#[test]
fn what_a_key_template_may_not_say() {
    let yes = YES;
    let of_templates = [CKA_WRAP_TEMPLATE.to_le_bytes(), [0; 8]].concat();
    let rows: &[(&str, Pair, CK_RV)] = &[
        ("unique id", (CKA_UNIQUE_ID, b"1"), CKR_ATTRIBUTE_TYPE_INVALID),
        ("local", (CKA_LOCAL, yes), CKR_ATTRIBUTE_READ_ONLY),
        ("key gen mechanism", (CKA_KEY_GEN_MECHANISM, &number(1)), CKR_ATTRIBUTE_READ_ONLY),
        ("always sensitive", (CKA_ALWAYS_SENSITIVE, yes), CKR_ATTRIBUTE_READ_ONLY),
        ("never extractable", (CKA_NEVER_EXTRACTABLE, yes), CKR_ATTRIBUTE_READ_ONLY),
        ("length of a value that is given", (CKA_VALUE_LEN, &number(16)), CKR_ATTRIBUTE_READ_ONLY),
        ("trusted, by a user", (CKA_TRUSTED, yes), CKR_ATTRIBUTE_READ_ONLY),
        ("of another class of key", (CKA_MODULUS, b"1"), CKR_TEMPLATE_INCONSISTENT),
        ("of data", (CKA_APPLICATION, b"1"), CKR_TEMPLATE_INCONSISTENT),
        ("of certificates", (CKA_SUBJECT, b"1"), CKR_TEMPLATE_INCONSISTENT),
        ("of one-time passwords", (CKA_OTP_LENGTH, &number(1)), CKR_TEMPLATE_INCONSISTENT),
        ("template of templates", (CKA_WRAP_TEMPLATE, &of_templates), CKR_TEMPLATE_INCONSISTENT),
        ("unknown", (0x7777_7777, b"1"), CKR_ATTRIBUTE_TYPE_INVALID),
        ("a vendor's", (CKA_VENDOR_DEFINED | 1, b"1"), CKR_ATTRIBUTE_TYPE_INVALID),
        ("beyond 32 bits", (1 << 40, b"1"), CKR_ATTRIBUTE_TYPE_INVALID),
        ("class of size 4", (CKA_CLASS, &[4, 0, 0, 0]), CKR_ATTRIBUTE_VALUE_INVALID),
        ("class that is none", (CKA_CLASS, &number(0x7000)), CKR_ATTRIBUTE_VALUE_INVALID),
        ("class without objects", (CKA_CLASS, &number(CKO_HW_FEATURE)), CKR_TEMPLATE_INCONSISTENT),
        ("type of size 1", (CKA_KEY_TYPE, &[31]), CKR_ATTRIBUTE_VALUE_INVALID),
        ("type that is none", (CKA_KEY_TYPE, &number(0x7000)), CKR_ATTRIBUTE_VALUE_INVALID),
        ("type without keys", (CKA_KEY_TYPE, &number(CKK_DES)), CKR_TEMPLATE_INCONSISTENT),
        ("value of 15 bytes", (CKA_VALUE, &[7; 15]), CKR_ATTRIBUTE_VALUE_INVALID),
        ("value of 33 bytes", (CKA_VALUE, &[7; 33]), CKR_ATTRIBUTE_VALUE_INVALID),
        ("empty value", (CKA_VALUE, b""), CKR_ATTRIBUTE_VALUE_INVALID),
        ("flag of two bytes", (CKA_TOKEN, &[1, 0]), CKR_ATTRIBUTE_VALUE_INVALID),
        ("flag of no bytes", (CKA_TOKEN, b""), CKR_ATTRIBUTE_VALUE_INVALID),
        ("flag that is 2", (CKA_ENCRYPT, &[2]), CKR_ATTRIBUTE_VALUE_INVALID),
        ("part of a mechanism", (CKA_ALLOWED_MECHANISMS, &[1; 9]), CKR_ATTRIBUTE_VALUE_INVALID),
        ("month 13", (CKA_START_DATE, b"20241301"), CKR_ATTRIBUTE_VALUE_INVALID),
        ("29 February 2023", (CKA_END_DATE, b"20230229"), CKR_ATTRIBUTE_VALUE_INVALID),
        ("29 February 1900", (CKA_END_DATE, b"19000229"), CKR_ATTRIBUTE_VALUE_INVALID),
        ("31 April", (CKA_END_DATE, b"20240431"), CKR_ATTRIBUTE_VALUE_INVALID),
        ("day 0", (CKA_END_DATE, b"20240400"), CKR_ATTRIBUTE_VALUE_INVALID),
        ("date with letters", (CKA_END_DATE, b"2024o401"), CKR_ATTRIBUTE_VALUE_INVALID),
        ("date of 7 bytes", (CKA_END_DATE, b"2024040"), CKR_ATTRIBUTE_VALUE_INVALID),
        ("wrong check value", (CKA_CHECK_VALUE, &[0, 0, 0]), CKR_ATTRIBUTE_VALUE_INVALID),
        ("check value of 2 bytes", (CKA_CHECK_VALUE, &[0, 0]), CKR_ATTRIBUTE_VALUE_INVALID),
    ];
    for (name, pair, rv) in rows {
        refused(name, Object::create(&with(AES_KEY, &[*pair]), &USER), *rv);
    }
}

#[test]
fn an_attribute_that_stands_in_a_template_twice_has_one_value() {
    let twice = |kind, first, again| {
        Object::create(&template(&[AES_KEY, &[(kind, first), (kind, again)]].concat()), &USER)
    };
    refused("two values", twice(CKA_TOKEN, YES, NO), CKR_TEMPLATE_INCONSISTENT);
    refused("two values", twice(CKA_LABEL, b"a", b"b"), CKR_TEMPLATE_INCONSISTENT);
    assert!(twice(CKA_TOKEN, YES, YES).expect("one value").flag(CKA_TOKEN));
    let labelled = twice(CKA_LABEL, b"a", b"a").expect("one value");
    assert_eq!(labelled.bytes(CKA_LABEL), Some(&b"a"[..]));
    assert!(Object::decode(&labelled.encode()).is_ok(), "kept once");
}

#[test]
fn dates_are_in_order() {
    let day =
        |start, end| Object::create(&with(AES_KEY, &[(CKA_START_DATE, start), (CKA_END_DATE, end)]), &USER);
    refused("end before start", day(b"20250102", b"20250101"), CKR_TEMPLATE_INCONSISTENT);
    for (start, end) in
        [("20240229", "20240229"), ("20240229", "20250101"), ("", "20000101"), ("20000229", "")]
    {
        let key = day(start.as_bytes(), end.as_bytes()).expect("dates in order");
        assert_eq!(key.bytes(CKA_START_DATE), Some(start.as_bytes()));
        assert_eq!(key.bytes(CKA_END_DATE), Some(end.as_bytes()));
    }
}

#[test]
fn a_key_has_these_defaults() {
    let key = create(&template(AES_KEY));
    let rows = [
        (CKA_TOKEN, false),
        (CKA_PRIVATE, true),
        (CKA_MODIFIABLE, true),
        (CKA_COPYABLE, true),
        (CKA_DESTROYABLE, true),
        (CKA_SENSITIVE, true),
        (CKA_EXTRACTABLE, false),
        (CKA_ENCRYPT, true),
        (CKA_DECRYPT, true),
        (CKA_SIGN, true),
        (CKA_VERIFY, true),
        (CKA_WRAP, true),
        (CKA_UNWRAP, true),
        (CKA_DERIVE, false),
        (CKA_LOCAL, false),
        (CKA_ALWAYS_SENSITIVE, false),
        (CKA_NEVER_EXTRACTABLE, false),
        (CKA_TRUSTED, false),
        (CKA_WRAP_WITH_TRUSTED, false),
    ];
    for (kind, value) in rows {
        assert_eq!(key.flag(kind), value, "{kind:#x}");
        assert_eq!(key.read(kind).unwrap(), [u8::from(value)].as_slice(), "{kind:#x}");
    }
    assert!(matches!(key.read(CKA_ALLOWED_MECHANISMS), Err(ObjectError::TypeInvalid(_))));
    for kind in [CKA_LABEL, CKA_ID, CKA_START_DATE, CKA_END_DATE] {
        assert_eq!(key.read(kind).unwrap(), b"".as_slice(), "{kind:#x}");
    }
    assert_eq!(key.read(CKA_KEY_GEN_MECHANISM).unwrap(), number(CK_UNAVAILABLE_INFORMATION).as_slice());
    assert_eq!(key.read(CKA_VALUE_LEN).unwrap(), number(16).as_slice());
}

#[test]
fn data_and_certificates_are_public_unless_asked() {
    for whole in [DATA, X509, WTLS, ATTRIBUTE_CERTIFICATE] {
        assert!(!create(&template(whole)).flag(CKA_PRIVATE));
        assert!(create(&with(whole, &[(CKA_PRIVATE, YES)])).flag(CKA_PRIVATE));
    }
}

#[test]
fn every_key_type_is_made_with_its_lengths() {
    let hmac = [
        CKK_GENERIC_SECRET,
        CKK_SHA_1_HMAC,
        CKK_SHA224_HMAC,
        CKK_SHA256_HMAC,
        CKK_SHA384_HMAC,
        CKK_SHA512_HMAC,
        CKK_SHA512_224_HMAC,
        CKK_SHA512_256_HMAC,
        CKK_SHA3_224_HMAC,
        CKK_SHA3_256_HMAC,
        CKK_SHA3_384_HMAC,
        CKK_SHA3_512_HMAC,
    ];
    let bytes = [5; 200];
    let make = |key_type: CK_KEY_TYPE, length: usize| {
        let key_type = number(key_type);
        let pairs = [(CKA_KEY_TYPE, key_type.as_slice()), (CKA_VALUE, &bytes[..length])];
        Object::create(&with(AES_KEY, &pairs), &USER)
    };
    for key_type in hmac {
        assert_eq!(make(key_type, 1).unwrap().key_type(), Some(key_type));
        assert_eq!(make(key_type, 200).unwrap().secret().unwrap().expose(), bytes);
        refused("empty", make(key_type, 0), CKR_ATTRIBUTE_VALUE_INVALID);
    }
    for length in 0..=64 {
        assert_eq!(make(CKK_AES, length).is_ok(), [16, 24, 32].contains(&length), "{length}");
    }
}

#[test]
fn only_the_officer_makes_trusted_objects() {
    for whole in [AES_KEY, X509] {
        let trusted = with(whole, &[(CKA_TRUSTED, YES)]);
        refused("by a user", Object::create(&trusted, &USER), CKR_ATTRIBUTE_READ_ONLY);
        assert!(Object::create(&trusted, &OFFICER).unwrap().flag(CKA_TRUSTED));
        assert!(!create(&with(whole, &[(CKA_TRUSTED, NO)])).flag(CKA_TRUSTED));
    }
}

#[test]
fn policies_refuse_public_and_extractable_keys() {
    let public = with(AES_KEY, &[(CKA_PRIVATE, NO)]);
    let extractable = with(AES_KEY, &[(CKA_EXTRACTABLE, YES)]);
    let strict = Context { refuse_public_keys: true, refuse_extractable: true, ..USER };
    refused("public", Object::create(&public, &strict), CKR_TEMPLATE_INCONSISTENT);
    refused("extractable", Object::create(&extractable, &strict), CKR_TEMPLATE_INCONSISTENT);
    assert!(Object::create(&template(AES_KEY), &strict).is_ok());
    assert!(Object::create(&template(DATA), &strict).is_ok(), "the policy is about keys");
    assert!(Object::create(&public, &USER).is_ok());
    assert!(Object::create(&extractable, &USER).is_ok());
}

#[test]
fn certificates_have_a_value_or_a_url_with_hashes() {
    for whole in [X509, WTLS] {
        let rows: &[(&str, &[Pair], bool)] = &[
            ("neither", &[(CKA_VALUE, b"")], false),
            ("url without hashes", &[(CKA_VALUE, b""), (CKA_URL, b"https://a")], false),
            ("one hash", &[(CKA_URL, b"u"), (CKA_HASH_OF_SUBJECT_PUBLIC_KEY, b"1")], false),
            (
                "url and hashes",
                &[
                    (CKA_VALUE, b""),
                    (CKA_URL, b"https://a"),
                    (CKA_HASH_OF_SUBJECT_PUBLIC_KEY, b"1"),
                    (CKA_HASH_OF_ISSUER_PUBLIC_KEY, b"2"),
                ],
                true,
            ),
        ];
        for (name, more, good) in rows {
            match good {
                true => drop(create(&with(whole, more))),
                false => refused(name, Object::create(&with(whole, more), &USER), CKR_TEMPLATE_INCONSISTENT),
            }
        }
    }
}

#[test]
fn certificate_attributes_keep_to_their_values_and_types() {
    let rows: &[(&[Pair], Pair, CK_RV)] = &[
        (X509, (CKA_CERTIFICATE_TYPE, &number(3)), CKR_ATTRIBUTE_VALUE_INVALID),
        (X509, (CKA_CERTIFICATE_CATEGORY, &number(4)), CKR_ATTRIBUTE_VALUE_INVALID),
        (X509, (CKA_JAVA_MIDP_SECURITY_DOMAIN, &number(4)), CKR_ATTRIBUTE_VALUE_INVALID),
        (X509, (CKA_OWNER, b"o"), CKR_TEMPLATE_INCONSISTENT),
        (X509, (CKA_KEY_TYPE, AES), CKR_TEMPLATE_INCONSISTENT),
        (X509, (CKA_CHECK_VALUE, b"abc"), CKR_ATTRIBUTE_VALUE_INVALID),
        (WTLS, (CKA_ID, b"i"), CKR_TEMPLATE_INCONSISTENT),
        (WTLS, (CKA_SERIAL_NUMBER, b"i"), CKR_TEMPLATE_INCONSISTENT),
        (ATTRIBUTE_CERTIFICATE, (CKA_SUBJECT, b"s"), CKR_TEMPLATE_INCONSISTENT),
        (DATA, (CKA_ID, b"i"), CKR_TEMPLATE_INCONSISTENT),
        (DATA, (CKA_SENSITIVE, YES), CKR_TEMPLATE_INCONSISTENT),
    ];
    for (whole, pair, rv) in rows {
        refused("certificate", Object::create(&with(whole, &[*pair]), &USER), *rv);
    }
    let certificate = create(&template(X509));
    assert_eq!(certificate.read(CKA_NAME_HASH_ALGORITHM).unwrap(), number(CKM_SHA_1).as_slice());
    assert_eq!(certificate.read(CKA_CERTIFICATE_CATEGORY).unwrap(), number(0).as_slice());
}

#[test]
fn an_object_over_the_limit_is_too_large() {
    let big = vec![1; MAX_OBJECT_BYTES];
    let result = |kind, length: usize| Object::create(&with(DATA, &[(kind, &big[..length])]), &USER);
    for kind in [CKA_VALUE, CKA_LABEL] {
        refused("as long as the limit", result(kind, MAX_OBJECT_BYTES), CKR_DEVICE_MEMORY);
        assert!(result(kind, MAX_OBJECT_BYTES - 100).is_ok());
    }
    let huge = vec![1; MAX_OBJECT_BYTES + 1];
    refused("over", Object::create(&with(DATA, &[(CKA_VALUE, &huge)]), &USER), CKR_DEVICE_MEMORY);
}
