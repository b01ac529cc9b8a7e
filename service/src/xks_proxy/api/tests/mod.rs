//! Requests as they are read: what is tolerated, and what is refused with which words.

mod fuzz;
mod on_hsms;
mod proxy;

use super::request::{Asked, Decrypt, Encrypt};
use super::{Api, ErrorName, ProxyError, Record};
use serde_json::{Value, json};

const METADATA: &str =
    r#""requestMetadata":{"awsPrincipalArn":"a","kmsKeyArn":"k","kmsOperation":"o","kmsRequestId":"r"}"#;

fn parse(api: Api, body: &str) -> Result<Asked, ProxyError> {
    Asked::parse(api, body.as_bytes(), &mut Record::default())
}

/// ValidationException's message.
fn refused(api: Api, body: &str) -> String {
    let error = parse(api, body).err().unwrap_or_else(|| panic!("taken: {body}"));
    assert_eq!(error.name, ErrorName::Validation, "{body}");
    error.message
}

fn request(members: &str) -> String {
    format!("{{{METADATA},{members}}}")
}

fn encrypt(members: &str) -> Encrypt {
    match parse(Api::Encrypt, &request(members)) {
        Ok(Asked::Encrypt(encrypt)) => encrypt,
        Ok(_) => panic!("another operation"),
        Err(error) => panic!("{error:?}"),
    }
}

fn decrypt(members: &str) -> Decrypt {
    match parse(Api::Decrypt, &request(members)) {
        Ok(Asked::Decrypt(decrypt)) => decrypt,
        Ok(_) => panic!("another operation"),
        Err(error) => panic!("{error:?}"),
    }
}

const SEALED: &str = r#""ciphertext":"AAEC","initializationVector":"AAAAAAAAAAAAAAAA","authenticationTag":"AAAAAAAAAAAAAAAAAAAAAA==","encryptionAlgorithm":"AES_GCM""#;

#[test]
fn what_encrypt_asks_is_taken() {
    let bare = encrypt(r#""plaintext":"AAEC","encryptionAlgorithm":"AES_GCM""#);
    assert_eq!((&**bare.plaintext, bare.aad, bare.wants_cdiv), (&[0, 1, 2][..], None, false));
    let full = encrypt(
        r#""plaintext":"","encryptionAlgorithm":"AES_GCM","additionalAuthenticatedData":"","ciphertextDataIntegrityValueAlgorithm":"SHA_256""#,
    );
    assert_eq!((full.plaintext.len(), full.aad, full.wants_cdiv), (0, Some(Vec::new()), true));
}

#[test]
fn what_decrypt_asks_is_taken() {
    let bare = decrypt(SEALED);
    assert_eq!((bare.ciphertext, bare.iv, bare.tag), (vec![0, 1, 2], vec![0; 12], vec![0; 16]));
    assert_eq!((bare.aad, bare.ciphertext_metadata), (None, Vec::new()));
    let full =
        decrypt(&format!(r#"{SEALED},"additionalAuthenticatedData":"AQ==","ciphertextMetadata":"Ag==""#));
    assert_eq!((full.aad, full.ciphertext_metadata), (Some(vec![1]), vec![2]));
}

/// KMS may add members, name operations that do not exist yet, and write what it likes into ids and ARNs.
#[test]
fn what_is_not_known_is_tolerated() {
    let long = "x".repeat(2048);
    let body = json!({
        "future": {"plaintext": [1, {"plaintext": 2}]},
        "requestMetadata": {
            "awsPrincipalArn": long, "kmsKeyArn": "arn:/key/", "kmsOperation": "BulkEncrypt",
            "kmsRequestId": "not a uuid \u{e9}", "kmsViaService": null, "awsSourceVpc": "", "other": [[], {}],
        },
        "plaintext": "AA==", "encryptionAlgorithm": "AES_GCM", "additionalAuthenticatedData": null,
        "initializationVector": 7,
    });
    let mut record = Record::default();
    assert!(Asked::parse(Api::Encrypt, body.to_string().as_bytes(), &mut record).is_ok());
    assert_eq!(record.aws_principal_arn, Some(long));
    assert_eq!(record.kms_operation.as_deref(), Some("BulkEncrypt"));
    assert_eq!(record.kms_request_id.as_deref(), Some("not a uuid \u{e9}"));
    assert_eq!((record.kms_via_service, record.aws_source_vpc.as_deref()), (None, Some("")));
}

/// Base64 that was written with escapes, and members' names too.
#[test]
fn escapes_are_read() {
    let escaped = encrypt(r#""plaintext":"\/\/8\u003d","encryptionAlgorithm":"AES_GCM""#);
    assert_eq!(**escaped.plaintext, [0xff, 0xff]);
    let escaped = encrypt(r#""plai\u006etext":"AA==","encryptionAlgorithm":"AES\u005fGCM""#);
    assert_eq!(**escaped.plaintext, [0]);
}

/// All operations of the public test client that are to fail so, and each member that has to be there.
#[test]
fn what_is_missing_is_named() {
    for api in Api::ALL {
        assert_eq!(refused(api, "{}"), "The request lacks requestMetadata.");
        assert_eq!(refused(api, r#"{"requestMetadata":null}"#), "The request lacks requestMetadata.");
        assert_eq!(
            refused(api, r#"{"requestMetadata":{}}"#),
            "The request lacks requestMetadata.kmsRequestId."
        );
    }
    let (metadata, plain, sealed) = (
        ["awsPrincipalArn", "kmsOperation", "kmsRequestId"],
        ["plaintext", "encryptionAlgorithm"],
        ["ciphertext", "initializationVector", "authenticationTag", "encryptionAlgorithm"],
    );
    for (api, inside, beside) in [
        (Api::GetHealthStatus, &metadata[1..], &[][..]),
        (Api::GetKeyMetadata, &metadata[..], &[]),
        (Api::Encrypt, &["awsPrincipalArn", "kmsOperation", "kmsRequestId", "kmsKeyArn"], &plain[..]),
        (Api::Decrypt, &["awsPrincipalArn", "kmsOperation", "kmsRequestId", "kmsKeyArn"], &sealed[..]),
    ] {
        let whole: Value =
            serde_json::from_str(&request(&format!(r#""plaintext":"AA==",{SEALED}"#))).unwrap();
        assert!(parse(api, &whole.to_string()).is_ok());
        for name in inside {
            let mut less = whole.clone();
            less["requestMetadata"].as_object_mut().unwrap().remove(*name).unwrap();
            let message = format!("The request lacks requestMetadata.{name}.");
            assert_eq!(refused(api, &less.to_string()), message, "{api:?}");
        }
        for name in beside {
            let mut less = whole.clone();
            less.as_object_mut().unwrap().remove(*name).unwrap();
            assert_eq!(refused(api, &less.to_string()), format!("The request lacks {name}."), "{api:?}");
        }
    }
}

#[test]
fn another_type_is_named() {
    for (value, kind) in [
        ("1", "a number"),
        ("-1", "a number"),
        ("1.5e3", "a number"),
        ("true", "a boolean"),
        ("[\"x\"]", "an array"),
        ("{\"x\":{}}", "an object"),
    ] {
        let body = request(&format!(r#""plaintext":{value},"encryptionAlgorithm":"AES_GCM""#));
        let message = format!("plaintext is {kind}: it has to be a string.");
        assert_eq!(refused(Api::Encrypt, &body), message);
        let body = format!(r#"{{"requestMetadata":{{"kmsRequestId":{value}}}}}"#);
        let message = format!("requestMetadata.kmsRequestId is {kind}: it has to be a string.");
        assert_eq!(refused(Api::GetHealthStatus, &body), message);
    }
    for (value, kind) in [("[]", "an array"), ("\"x\"", "a string"), ("7", "a number")] {
        let message = format!("The request is {kind}: it has to be a JSON object.");
        assert_eq!(refused(Api::Encrypt, value), message);
        let body = format!(r#"{{"requestMetadata":{value}}}"#);
        assert_eq!(
            refused(Api::Decrypt, &body),
            format!("requestMetadata is {kind}: it has to be an object.")
        );
    }
    let optional = request(&format!(r#"{SEALED},"ciphertextMetadata":[]"#));
    assert_eq!(refused(Api::Decrypt, &optional), "ciphertextMetadata is an array: it has to be a string.");
    let optional = METADATA.replace("\"kmsOperation\"", "\"awsSourceVpc\":1,\"kmsOperation\"");
    let message = "requestMetadata.awsSourceVpc is a number: it has to be a string.";
    assert_eq!(refused(Api::GetKeyMetadata, &format!("{{{optional}}}")), message);
}

/// Two readers could take different ones.
#[test]
fn what_stands_twice_is_named() {
    let twice = request(r#""plaintext":"AA==","plaintext":"AQ==","encryptionAlgorithm":"AES_GCM""#);
    let message = refused(Api::Encrypt, &twice);
    assert!(message.starts_with("In the request, plaintext stands twice at line 1 column "), "{message}");
    let inside = r#"{"requestMetadata":{"kmsRequestId":"1","kmsOperation":"o","kmsRequestId":null}}"#;
    assert!(refused(Api::GetHealthStatus, inside).contains("kmsRequestId stands twice"));
    let escaped = r#"{"requestMetadata":{},"requestMetad\u0061ta":{}}"#;
    assert!(refused(Api::GetHealthStatus, escaped).contains("requestMetadata stands twice"));
}

#[test]
fn what_is_not_json_is_refused_where_it_ends_to_be() {
    let whole = format!("{{{METADATA}}}");
    for (body, words) in [
        ("", "EOF"),
        ("{", "EOF"),
        (&*format!("{whole} x"), "trailing characters at line 1"),
        (&format!("{whole}{whole}"), "trailing characters"),
        (r#"{"requestMetadata":{"kmsRequestId":"a"#, "EOF"),
        ("{'requestMetadata':{}}", "key must be a string"),
        ("{\"a\":01}", "invalid number"),
        ("{\"a\":\"\u{1}\"}", "control character"),
        ("{\"plaintext\":\"\\ud800\"}", "escape"),
        ("{\"a\":1,}", "trailing comma"),
    ] {
        let message = refused(Api::GetKeyMetadata, body);
        assert!(message.starts_with("The request is not JSON: "), "{message}");
        assert!(message.contains(words), "{message}");
    }
    assert!(parse(Api::GetKeyMetadata, &format!(" \r\n{whole}\n ")).is_ok());
    let deep = format!("{{\"requestMetadata\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    refused(Api::GetKeyMetadata, &deep);
    let mut bytes = whole.into_bytes();
    bytes[2] = 0xff;
    let error = Asked::parse(Api::GetKeyMetadata, &bytes, &mut Record::default()).err().unwrap();
    assert_eq!(error.message, "The request is not UTF-8 from byte 2 on.");
}

#[test]
fn base64_is_the_standard_alphabet_with_padding() {
    let named = "plaintext is not base64 of the standard alphabet with its padding.";
    for text in
        ["A", "AA", "AAA", "AA=", "A===", "AA==AA==", "AB==", "-_8=", "AA ==", "AA==\\n", "\u{e9}", "!"]
    {
        let body = request(&format!(r#""plaintext":"{text}","encryptionAlgorithm":"AES_GCM""#));
        assert_eq!(refused(Api::Encrypt, &body), named, "{text}");
    }
    assert_eq!(**encrypt(r#""plaintext":"+/8=","encryptionAlgorithm":"AES_GCM""#).plaintext, [0xfb, 0xff]);
}

#[test]
fn version_1_has_one_algorithm_of_each_kind() {
    for name in ["AES_CBC", "aes_gcm", ""] {
        let body = request(&format!(r#""plaintext":"","encryptionAlgorithm":"{name}""#));
        assert_eq!(refused(Api::Encrypt, &body), "encryptionAlgorithm has to be AES_GCM.");
        let body = request(&SEALED.replace("AES_GCM", name));
        assert_eq!(refused(Api::Decrypt, &body), "encryptionAlgorithm has to be AES_GCM.");
    }
    let body = request(
        r#""plaintext":"","encryptionAlgorithm":"AES_GCM","ciphertextDataIntegrityValueAlgorithm":"SHA_1""#,
    );
    let message = "ciphertextDataIntegrityValueAlgorithm has to be SHA_256.";
    assert_eq!(refused(Api::Encrypt, &body), message);
}

#[test]
fn lengths_that_no_ciphertext_has_are_refused() {
    let of = |text: &str| format!(r#"{SEALED},"ciphertextMetadata":"{text}""#);
    assert_eq!(decrypt(&of(&format!("{}A==", "A".repeat(25)))).ciphertext_metadata.len(), 19);
    let message = refused(Api::Decrypt, &request(&of(&"AAAA".repeat(7))));
    assert_eq!(message, "ciphertextMetadata has 21 bytes: at most 20 are allowed.");
    let mut asked = decrypt(SEALED);
    for (iv, tag, refused) in [
        (12, 16, None),
        (16, 16, None),
        (0, 16, Some("initializationVector has 0 bytes, not 12 or 16.")),
        (13, 16, Some("initializationVector has 13 bytes, not 12 or 16.")),
        (12, 15, Some("authenticationTag has 15 bytes, not 16.")),
        (12, 0, Some("authenticationTag has 0 bytes, not 16.")),
    ] {
        (asked.iv, asked.tag) = (vec![0; iv], vec![0; tag]);
        let error = asked.check_lengths().err();
        assert_eq!(error.as_ref().map(|error| error.message.as_str()), refused);
        assert!(error.is_none_or(|error| error.name == ErrorName::InvalidCiphertext));
    }
}

/// What is wrong is told, and nothing of what was sent: it may be plaintext that stands in another place.
#[test]
fn nothing_of_a_request_is_quoted() {
    let secret = "SecretSecret";
    for body in [
        format!("\"{secret}\""),
        format!(r#"{{"requestMetadata":"{secret}"}}"#),
        request(&format!(r#""plaintext":"{secret}!","encryptionAlgorithm":"AES_GCM""#)),
        request(&format!(r#""plaintext":"AA==","encryptionAlgorithm":"{secret}""#)),
        request(&format!(r#""plaintext":["{secret}"]"#)),
        request(&format!(r#""plaintext":{secret}"#)),
        request(&format!(r#""{secret}":1,"{secret}":x"#)),
    ] {
        assert!(!refused(Api::Encrypt, &body).contains("ecret"), "{body}");
    }
}

/// The access log tells of requests that fail too.
#[test]
fn the_record_has_what_was_read_before_an_error() {
    let mut record = Record::default();
    let body = request(r#""plaintext":7"#);
    assert!(Asked::parse(Api::Encrypt, body.as_bytes(), &mut record).is_err());
    assert_eq!(record.kms_request_id.as_deref(), Some("r"));
    assert_eq!(record.kms_key_arn.as_deref(), Some("k"));
}
