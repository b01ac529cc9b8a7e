use super::*;
use serde_json::json;

fn answer(status: u16, body: &[u8]) -> Answer {
    Answer { status, content_type: Some("application/json".into()), body: body.to_vec().into() }
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// The specification's own example.
#[test]
fn the_integrity_value_is_that_of_the_specification() {
    let aad = b"project=nile,department=marketing";
    let body = json!({
        "ciphertext": STANDARD.encode(bytes("821c642b5b71783367deaf18")),
        "initializationVector": STANDARD.encode(bytes("1ccae5470f39700254779031")),
        "authenticationTag": STANDARD.encode(bytes("bc1c4dda7707d6812447c5955e99b261")),
        "ciphertextMetadata": STANDARD.encode("key_version=1"),
        "ciphertextDataIntegrityValue": "qHA/ImC9h5HsLRXqCyPmWgYx7tzyoTplzILbP0fPXsc=",
    });
    let answer = answer(200, body.to_string().as_bytes());
    assert_eq!(encrypt(&answer, 12, aad).unwrap().ciphertext_metadata, b"key_version=1");
    assert!(encrypt(&answer, 12, b"project=nile").is_err());
    assert!(encrypt(&answer, 13, aad).is_err());
}

#[test]
fn an_error_goes_by_its_name_and_is_fit_for_a_log() {
    let body = json!({ "errorName": "KeyNotFoundException", "errorMessage": "a\n\u{e9}".repeat(600) });
    let refused = key_metadata(&answer(418, body.to_string().as_bytes())).unwrap_err();
    let ProxyFailure::Refused { name, status, message } = refused else { panic!("{refused}") };
    assert_eq!((name.as_str(), status), ("KeyNotFoundException", 418));
    assert!(message.len() == 512 && message.starts_with("a??a??"), "{message}");
    for body in ["{}", "[]", "{\"errorName\":null}", ""] {
        let failure = health(&answer(500, body.as_bytes())).unwrap_err();
        assert!(matches!(failure, ProxyFailure::Malformed(_)), "{body}: {failure}");
    }
}

#[test]
fn content_types_are_json_in_whatever_letters() {
    let body = br#"{"keySpec":"AES_256","keyUsage":[],"keyStatus":"ENABLED"}"#;
    let of = |kind: Option<&str>| Answer { content_type: kind.map(str::to_owned), ..answer(200, body) };
    for kind in ["application/json", "Application/JSON; charset=utf-8", "application/json ;x"] {
        assert!(key_metadata(&of(Some(kind))).is_ok(), "{kind}");
    }
    for kind in [None, Some(""), Some("text/json"), Some("application/jsonp")] {
        assert!(key_metadata(&of(kind)).is_err(), "{kind:?}");
    }
}

#[test]
fn any_body_is_read_or_refused() {
    bolero::check!().for_each(|body: &[u8]| {
        for status in [200, 400] {
            let answer = answer(status, body);
            // Nothing of the API is so short that it is right by chance.
            let _ = (key_metadata(&answer), health(&answer));
            assert!(encrypt(&answer, 3, b"aad").is_err());
            if let Ok(plaintext) = decrypt(&answer, 3) {
                assert_eq!(plaintext.len(), 3);
            }
        }
    });
}

/// Members of the right names and types, with whatever in them.
#[test]
fn any_members_are_read_or_refused() {
    bolero::check!().with_type::<([Vec<u8>; 4], u8)>().for_each(|(parts, plaintext_bytes)| {
        let [ciphertext, iv, tag, metadata] = parts;
        let sealed = Sealed {
            ciphertext: ciphertext.clone(),
            iv: iv.clone(),
            tag: tag.clone(),
            ciphertext_metadata: metadata.clone(),
        };
        let body = json!({
            "ciphertext": STANDARD.encode(ciphertext),
            "initializationVector": STANDARD.encode(iv),
            "authenticationTag": STANDARD.encode(tag),
            "ciphertextMetadata": STANDARD.encode(metadata),
            "ciphertextDataIntegrityValue": STANDARD.encode(integrity_value(&sealed, b"aad")),
        });
        let is_right = ciphertext.len() == usize::from(*plaintext_bytes)
            && [12, 16].contains(&iv.len())
            && tag.len() == 16
            && metadata.len() <= 20;
        let read = encrypt(&answer(200, body.to_string().as_bytes()), usize::from(*plaintext_bytes), b"aad");
        assert_eq!(read.is_ok(), is_right);
    });
}
