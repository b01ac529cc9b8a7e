//! Whatever stands in a body, it is read or refused in words that may go back, and as an independent reader takes it.

use super::super::request::Asked;
use super::super::{Api, ErrorName, Record};
use super::{METADATA, SEALED};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

fn judge(api: Api, body: &[u8]) {
    let mut record = Record::default();
    let parsed = Asked::parse(api, body, &mut record);
    let independent = serde_json::from_slice::<Value>(body);
    match parsed {
        Err(error) => {
            assert_eq!(error.name, ErrorName::Validation);
            assert!(error.message.len() < 512, "{}", error.message);
            assert!(error.message.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{}", error.message);
        }
        Ok(asked) => {
            let read = match independent {
                Ok(read) => read,
                Err(error) => return assert!(is_only_without_meaning(&error.to_string()), "{error}"),
            };
            assert_eq!(record.kms_request_id.as_deref(), read["requestMetadata"]["kmsRequestId"].as_str());
            let member = |name: &str| read[name].as_str().map(|text| STANDARD.decode(text).unwrap());
            match asked {
                Asked::Encrypt(asked) => {
                    assert_eq!(Some(asked.plaintext.to_vec()), member("plaintext"));
                    assert_eq!(asked.aad, member("additionalAuthenticatedData"));
                }
                Asked::Decrypt(asked) => {
                    assert_eq!(Some(asked.ciphertext), member("ciphertext"));
                    assert_eq!(Some(asked.iv), member("initializationVector"));
                    assert_eq!(Some(asked.tag), member("authenticationTag"));
                }
                Asked::Metadata | Asked::Health => {}
            }
        }
    }
}

/// JSON by its grammar, though no text or number of Rust's: in members that are not read it does no harm.
fn is_only_without_meaning(error: &str) -> bool {
    ["surrogate", "hex escape", "number out of range"].iter().any(|words| error.contains(words))
}

#[test]
fn any_bytes() {
    bolero::check!().with_type::<Vec<u8>>().for_each(|body| {
        Api::ALL.into_iter().for_each(|api| judge(api, body));
    });
}

/// A good request with pieces of JSON put in, and bytes changed.
#[test]
fn good_requests_that_were_damaged() {
    const PIECES: [&str; 14] = [
        "{",
        "}",
        "\"",
        ":",
        ",",
        "null",
        "1e999",
        "\\u0000",
        "\\ud800",
        "[",
        "\"plaintext\":",
        "\u{e9}",
        "-",
        " ",
    ];
    let good = format!(r#"{{{METADATA},"plaintext":"AAEC",{SEALED}}}"#).into_bytes();
    Api::ALL.into_iter().for_each(|api| judge(api, &good));
    bolero::check!().with_type::<Vec<(u16, u8, u8)>>().for_each(|damages| {
        let mut body = good.clone();
        for (at, what, byte) in damages.iter().take(6) {
            let at = usize::from(*at) % (body.len() + 1);
            match usize::from(*what) % (PIECES.len() + 3) {
                0 => body.insert(at, *byte),
                1 if at < body.len() => drop(body.remove(at)),
                1 => {}
                2 => body.truncate(at),
                piece => drop(body.splice(at..at, PIECES[piece - 3].bytes())),
            }
        }
        Api::ALL.into_iter().for_each(|api| judge(api, &body));
    });
}
