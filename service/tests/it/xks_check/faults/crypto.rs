//! In Encrypt and Decrypt.

use super::super::relay::{Answered, Asked};
use super::*;
use serde_json::json;
use std::collections::HashMap;
use std::sync::Mutex;

pub fn encrypting() -> Vec<Fault> {
    let kept: Mutex<Option<Vec<u8>>> = Mutex::default();
    let repeated = move |asked: &Asked, answered: &mut Answered| {
        if asked.is("/encrypt") && asked.text("plaintext") == "AAAAAAAAAAAAAAAAAAAAAA==" {
            answered.body.clone_from(kept.lock().unwrap().get_or_insert_with(|| answered.body.clone()));
        }
    };
    let too_large = |asked: &Asked, bytes: usize, aad: usize| {
        asked.text("plaintext").len() > bytes * 4 / 3
            || asked.text("additionalAuthenticatedData").len() > aad * 4 / 3
    };
    vec![
        answer("the same IV twice", repeated, &["encrypt.fresh-ivs"]),
        answer(
            "URL-safe answers",
            |_, answered| {
                let text = String::from_utf8(answered.body.clone()).unwrap();
                if answered.status == 200 && !text.contains("keySpec") && !text.contains("ekm") {
                    answered.body = text.replace('+', "-").replace('/', "_").into_bytes();
                }
            },
            &["encrypt.base64"],
        ),
        answer(
            "CDIV is not asked for",
            |asked, answered| {
                if asked.is("/encrypt") && answered.status == 200 {
                    answered.change(|body| {
                        if body["ciphertextDataIntegrityValue"].is_null() {
                            body["ciphertextDataIntegrityValue"] = json!("AAAA");
                        }
                    });
                }
            },
            &["encrypt.cdiv-unasked"],
        ),
        answer(
            "another CDIV",
            |_, answered| member(answered, "ciphertextDataIntegrityValue", json!("AAAA")),
            &["encrypt.cdiv", "encrypt.cdiv-aad"],
        ),
        refuse(
            "4096 bytes of plaintext",
            move |asked| too_large(asked, 4096, 1 << 20),
            (501, "UnsupportedOperationException"),
            &["encrypt.largest", "encrypt.round-trip"],
        ),
        refuse(
            "4096 bytes of AAD",
            move |asked| too_large(asked, 1 << 20, 4097),
            (501, "UnsupportedOperationException"),
            &["encrypt.aad", "encrypt.largest"],
        ),
        refuse(
            "16 KiB at once",
            |asked| asked.body.len() > 16_384,
            (501, "UnsupportedOperationException"),
            &["encrypt.largest"],
        ),
        refuse(
            "larger input is an internal error",
            move |asked| too_large(asked, 5000, 9000),
            INTERNAL,
            &["encrypt.larger-aad", "encrypt.larger-plaintext"],
        ),
        change(
            "the length of AADs has two bytes",
            |body| {
                let aad = body["additionalAuthenticatedData"].as_str().unwrap_or_default();
                // 65536 bytes and more.
                if aad.len() >= 87_384 {
                    body["additionalAuthenticatedData"] = json!(aad[87_380..].to_owned());
                    drop(body.as_object_mut().unwrap().remove("additionalAuthenticatedData"));
                }
            },
            &["encrypt.larger-aad"],
        ),
        refuse(
            "an empty AAD is refused",
            |asked| asked.json()["additionalAuthenticatedData"] == "",
            VALIDATION,
            &["decrypt.aad", "encrypt.empty-aad"],
        ),
        change(
            "AES_GCM without being told",
            |body| {
                let is_call = body.get("plaintext").or(body.get("ciphertext")).is_some();
                if is_call && body["encryptionAlgorithm"].is_null() {
                    body["encryptionAlgorithm"] = json!("AES_GCM");
                }
            },
            &["decrypt.missing", "encrypt.missing"],
        ),
        change(
            "algorithms in any case",
            |body| {
                for member in ["encryptionAlgorithm", "ciphertextDataIntegrityValueAlgorithm"] {
                    if let Some(name) = body[member].as_str() {
                        body[member] = json!(name.to_uppercase());
                    }
                }
            },
            &["decrypt.algorithm", "encrypt.algorithm", "encrypt.cdiv-algorithm"],
        ),
        change(
            "lists are texts",
            |body| {
                for (name, value) in body.as_object_mut().unwrap() {
                    if name != "requestMetadata" && value.is_array() {
                        *value = value[0].take();
                    }
                }
            },
            &["decrypt.types", "encrypt.types"],
        ),
        texts(
            "URL-safe base64 is taken",
            |text| text.replace('-', "+").replace('_', "/"),
            &["decrypt.base64", "encrypt.url-safe"],
        ),
        texts(
            "padding is not needed",
            |text| match text.len() % 4 {
                2 if !text.ends_with('=') => format!("{text}=="),
                3 if !text.ends_with('=') => format!("{text}="),
                _ => text.to_owned(),
            },
            &["decrypt.base64", "encrypt.padding"],
        ),
        texts(
            "spaces in base64 are left out",
            |text| text.replace([' ', '\n'], ""),
            &["decrypt.base64", "encrypt.no-base64"],
        ),
    ]
}

const BASE64: [&str; 5] =
    ["plaintext", "ciphertext", "initializationVector", "authenticationTag", "additionalAuthenticatedData"];

/// A fault in how base64 is read.
fn texts(
    what: &'static str,
    read: impl Fn(&str) -> String + Send + Sync + 'static,
    found_by: Found,
) -> Fault {
    change(
        what,
        move |body| {
            for member in BASE64 {
                if let Some(text) = body[member].as_str() {
                    body[member] = json!(read(text));
                }
            }
        },
        found_by,
    )
}

/// What the proxy gave, by ciphertext.
#[derive(Default)]
struct Given(Mutex<HashMap<String, Value>>);

impl Given {
    fn remember(&self, asked: &Asked, answered: &Answered) {
        if asked.is("/encrypt") && answered.status == 200 {
            let json = answered.json();
            self.0.lock().unwrap().insert(json["ciphertext"].as_str().unwrap().to_owned(), json);
        }
    }

    /// Lets a request be as it was given.
    fn restore(&self, asked: &mut Asked, members: &[&str], only_if: impl Fn(&Value, &Value) -> bool) {
        let given = self.0.lock().unwrap().get(&asked.text("ciphertext")).cloned();
        let Some(given) = given else { return };
        asked.change(|body| {
            if only_if(body, &given) {
                for member in members {
                    body[member] = given[member].clone();
                }
            }
        });
    }
}

fn with_given(
    what: &'static str,
    members: &'static [&'static str],
    only_if: impl Fn(&Value, &Value) -> bool + Send + Sync + 'static,
    found_by: Found,
) -> Fault {
    let given = std::sync::Arc::new(Given::default());
    let remembered = std::sync::Arc::clone(&given);
    Fault {
        what,
        ask: Box::new(move |asked| {
            given.restore(asked, members, &only_if);
            None
        }),
        answer: Box::new(move |asked, answered| remembered.remember(asked, answered)),
        found_by,
    }
}

pub fn decrypting() -> Vec<Fault> {
    let once = Mutex::new(HashMap::<String, usize>::new());
    let remove =
        |member: &'static str| move |body: &mut Value| drop(body.as_object_mut().unwrap().remove(member));
    let bytes =
        |text: &Value| openssl::base64::decode_block(text.as_str().unwrap_or_default()).unwrap_or_default();
    vec![
        change(
            "the AAD is not bound",
            remove("additionalAuthenticatedData"),
            &[
                "decrypt.aad",
                "decrypt.types",
                "encrypt.aad",
                "encrypt.cdiv-aad",
                "encrypt.larger-aad",
                "encrypt.no-base64",
                "encrypt.padding",
                "encrypt.types",
                "encrypt.url-safe",
            ],
        ),
        change(
            "the metadata are not bound",
            remove("ciphertextMetadata"),
            &["decrypt.metadata", "decrypt.metadata-length", "decrypt.types"],
        ),
        change(
            "AAD and metadata are joined",
            move |body| {
                if !body["ciphertextMetadata"].is_null() {
                    let joined =
                        [bytes(&body["additionalAuthenticatedData"]), bytes(&body["ciphertextMetadata"])]
                            .concat();
                    body["additionalAuthenticatedData"] = json!(openssl::base64::encode_block(&joined));
                    drop(body.as_object_mut().unwrap().remove("ciphertextMetadata"));
                }
            },
            &["decrypt.boundary", "decrypt.types"],
        ),
        with_given(
            "the tag is not checked",
            &["authenticationTag"],
            |_, _| true,
            &[
                "decrypt.base64",
                "decrypt.missing",
                "decrypt.swapped",
                "decrypt.tag",
                "decrypt.tag-length",
                "decrypt.types",
            ],
        ),
        with_given(
            "12 bytes of the tag are checked",
            &["authenticationTag"],
            |body, given| {
                let tag = |json: &Value| {
                    json["authenticationTag"].as_str().and_then(|tag| tag.get(..16)).unwrap_or("x").to_owned()
                };
                tag(body) == tag(given)
            },
            &["decrypt.base64", "decrypt.tag", "decrypt.tag-length"],
        ),
        with_given(
            "the IV is not checked",
            &["initializationVector"],
            |_, _| true,
            &[
                "decrypt.base64",
                "decrypt.iv",
                "decrypt.iv-length",
                "decrypt.missing",
                "decrypt.swapped",
                "decrypt.types",
            ],
        ),
        change(
            "what is behind an IV is left out",
            move |body| {
                let iv = bytes(&body["initializationVector"]);
                if iv.len() > 12 {
                    body["initializationVector"] = json!(openssl::base64::encode_block(&iv[..12]));
                }
            },
            &["decrypt.iv-length"],
        ),
        change(
            "what is behind a tag is left out",
            move |body| {
                let tag = bytes(&body["authenticationTag"]);
                if tag.len() > 16 {
                    body["authenticationTag"] = json!(openssl::base64::encode_block(&tag[..16]));
                }
            },
            &["decrypt.tag-length"],
        ),
        change(
            "what is behind 48 bytes is left out",
            move |body| {
                let text = bytes(&body["ciphertext"]);
                if text.len() > 48 && text.len() < 70 {
                    body["ciphertext"] = json!(openssl::base64::encode_block(&text[..48]));
                }
            },
            &["decrypt.length"],
        ),
        ask(
            "an empty ciphertext is an empty plaintext",
            |asked| {
                (asked.is("/decrypt") && asked.json()["ciphertext"] == "")
                    .then(|| Answered::new(200, &json!({"plaintext": ""})))
            },
            &["decrypt.empty"],
        ),
        refuse(
            "long metadata are an internal error",
            |asked| asked.text("ciphertextMetadata").len() > 28,
            INTERNAL,
            &["decrypt.metadata-length"],
        ),
        answer(
            "what is wrong is an internal error",
            |_, answered| {
                if answered.is("InvalidCiphertextException") {
                    *answered = Answered::error(500, "InternalException").unwrap();
                }
            },
            &[
                "decrypt.aad",
                "decrypt.boundary",
                "decrypt.ciphertext",
                "decrypt.empty",
                "decrypt.iv",
                "decrypt.iv-length",
                "decrypt.length",
                "decrypt.metadata",
                "decrypt.metadata-length",
                "decrypt.other-key",
                "decrypt.swapped",
                "decrypt.tag",
                "decrypt.tag-length",
                "encrypt.aad",
                "encrypt.larger-aad",
            ],
        ),
        ask(
            "a ciphertext decrypts once",
            move |asked| {
                let mut once = once.lock().unwrap();
                let count = once.entry(asked.text("authenticationTag")).or_default();
                *count += usize::from(asked.is("/decrypt"));
                (*count > 1 && asked.is("/decrypt"))
                    .then(|| Answered::error(400, "InvalidCiphertextException"))?
            },
            &["decrypt.algorithm", "decrypt.repeated", "decrypt.types"],
        ),
        answer(
            "another plaintext",
            |_, answered| member(answered, "plaintext", json!("AAAA")),
            &[
                "decrypt.aad",
                "decrypt.algorithm",
                "decrypt.boundary",
                "decrypt.ciphertext",
                "decrypt.empty",
                "decrypt.iv",
                "decrypt.iv-length",
                "decrypt.length",
                "decrypt.metadata",
                "decrypt.metadata-length",
                "decrypt.missing",
                "decrypt.repeated",
                "decrypt.swapped",
                "decrypt.tag",
                "decrypt.tag-length",
                "decrypt.types",
                "encrypt.aad",
                "encrypt.cdiv",
                "encrypt.cdiv-aad",
                "encrypt.empty-aad",
                "encrypt.larger-aad",
                "encrypt.larger-plaintext",
                "encrypt.largest",
                "encrypt.round-trip",
            ],
        ),
    ]
}
