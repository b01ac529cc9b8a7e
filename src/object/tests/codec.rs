//! Objects as bytes.

use super::*;

fn samples() -> Vec<Object> {
    let certificate: &[Pair] =
        &[(CKA_ID, b"i"), (CKA_CERTIFICATE_CATEGORY, &number(2)), (CKA_PUBLIC_KEY_INFO, &[3; 300])];
    vec![
        create(&with(AES_KEY, &[(CKA_LABEL, b"label"), (CKA_ID, &[1; 100]), (CKA_TOKEN, YES)])),
        create(&with(AES_KEY, &[(CKA_CHECK_VALUE, b""), (CKA_ALLOWED_MECHANISMS, &number(CKM_AES_GCM))])),
        create(&template(GENERIC_KEY)),
        generate(&[(CKA_END_DATE, b"20301231")]).unwrap(),
        create(&template(DATA)),
        create(&with(DATA, &[(CKA_VALUE, &[9; 5000]), (CKA_APPLICATION, b"a"), (CKA_PRIVATE, YES)])),
        create(&with(X509, certificate)),
        create(&template(WTLS)),
        create(&template(ATTRIBUTE_CERTIFICATE)),
    ]
}

#[test]
fn objects_survive_encoding() {
    for object in samples() {
        let bytes = object.encode();
        assert_eq!(bytes.len(), object.size_bytes());
        let again = Object::decode(&bytes).unwrap();
        assert_eq!(*again.encode(), *bytes);
        let kinds = (0..0x300).chain([CKA_ALLOWED_MECHANISMS]);
        for kind in kinds {
            match (object.read(kind), again.read(kind)) {
                (Ok(one), Ok(other)) => assert_eq!(one, other, "{kind:#x}"),
                (Err(one), Err(other)) => assert_eq!(code(one), code(other), "{kind:#x}"),
                (one, other) => panic!("{kind:#x}: {one:?} and {other:?}"),
            }
        }
        assert_eq!(object.secret().map(Secret::expose), again.secret().map(Secret::expose));
    }
}

/// Version 1 as it lies in stores: this must open for ever.
#[test]
fn a_record_of_version_1_opens() {
    let mut record = vec![1, 4, 31];
    // Private, sensitive, encrypt, modifiable, copyable, destroyable.
    let flags: u64 = 1 << 1 | 1 << 3 | 1 << 4 | 1 << 17 | 1 << 18 | 1 << 19;
    let flags = [flags as u8 | 0x80, (flags >> 7) as u8 | 0x80, (flags >> 14) as u8];
    record.extend(flags);
    record.push(16);
    record.extend(KEY_128);
    record.extend([3, 2, b'h', b'i']);
    let key = Object::decode(&record).unwrap();
    assert_eq!(key.bytes(CKA_LABEL), Some(b"hi".as_slice()));
    for kind in [CKA_PRIVATE, CKA_SENSITIVE, CKA_ENCRYPT, CKA_MODIFIABLE, CKA_COPYABLE, CKA_DESTROYABLE] {
        assert!(key.flag(kind), "{kind:#x}");
    }
    for kind in [CKA_TOKEN, CKA_TRUSTED, CKA_DECRYPT, CKA_EXTRACTABLE, CKA_LOCAL, CKA_WRAP_WITH_TRUSTED] {
        assert!(!key.flag(kind), "{kind:#x}");
    }
    assert_eq!(*key.encode(), record);
}

#[test]
fn what_is_no_object_is_corrupt() {
    for bytes in [&[][..], &[0], &[2, 4, 31], &[1, 4, 77, 0, 0], &[1, 2, 77, 0, 0], &[1, 0, 0, 8, 0]] {
        assert!(matches!(Object::decode(bytes), Err(ObjectError::Corrupt(_))), "{bytes:?}");
    }
    for object in samples() {
        let bytes = object.encode();
        for length in 0..bytes.len() {
            if let Ok(short) = Object::decode(&bytes[..length]) {
                assert_eq!(*short.encode(), bytes[..length], "cut at the end of an attribute");
            }
        }
    }
}

/// Changed and random bytes never panic, and what opens is what would be written.
#[test]
fn any_bytes_decode_or_are_refused() {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let samples: Vec<_> = samples().iter().map(Object::encode).collect();
    for round in 0..200_000 {
        let mut bytes = samples[round % samples.len()].to_vec();
        bytes.truncate(400);
        for _ in 0..random() % 4 + 1 {
            let at = random() as usize % bytes.len();
            bytes[at] = random() as u8;
        }
        if round % 5 == 0 {
            bytes.truncate(random() as usize % (bytes.len() + 1));
        }
        if let Ok(object) = Object::decode(&bytes) {
            assert_eq!(*object.encode(), bytes);
        }
    }
}
