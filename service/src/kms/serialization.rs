//! Bodies to requests, and responses to bodies.
//!
//! What is wrong with a body is told without the values that stand in it: they may be plaintext or a password.

use super::{Fault, RESPONSE_BYTES};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;
use zeroize::Zeroizing;

/// Errors: SerializationException.
pub fn request<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    let told = |error: &serde_json::Error| Fault::Serialization(explain(error));
    // A request is a structure: serde would take a list of members as well.
    if body.trim_ascii_start().first() != Some(&b'{') {
        let what = match serde_json::from_slice::<Value>(body) {
            Ok(Value::Array(_)) => "Start of list found where not expected",
            Ok(_) => "A value was found where a structure is expected",
            Err(_) => "The request body is not JSON",
        };
        return Err(Fault::Serialization(what.into()));
    }
    if !has_null(body) {
        return serde_json::from_slice(body).map_err(|error| told(&error));
    }
    // JSON's null is a member that is not there.
    let mut value: Value = serde_json::from_slice(body).map_err(|error| told(&error))?;
    drop_nulls(&mut value);
    serde_json::from_value(value).map_err(|error| told(&error))
}

/// An operation without output answers nothing at all.
pub fn response<T: Serialize>(response: &T) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let mut body = Zeroizing::new(Vec::with_capacity(RESPONSE_BYTES));
    serde_json::to_writer(&mut *body, response)
        .map_err(|error| Fault::Kms(vhsm_keystore::KmsError::internal(error.to_string())))?;
    if body.as_slice() == b"null" {
        body.clear();
    }
    Ok(body)
}

fn has_null(body: &[u8]) -> bool {
    body.windows(4).any(|word| word == b"null")
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// In AWS's words where it has some: `NUMBER_VALUE can not be converted to a String`.
fn explain(error: &serde_json::Error) -> String {
    match error.classify() {
        Category::Syntax => return "The request body is not JSON".into(),
        Category::Eof => return "Unexpected end of the request body".into(),
        Category::Io | Category::Data => {}
    }
    let text = error.to_string();
    let Some(found) = text.strip_prefix("invalid type: ") else {
        let known = ["duplicate field", "invalid value", "invalid length"];
        let what =
            known.iter().find(|known| text.starts_with(*known)).unwrap_or(&"a member is not of its type");
        return format!("The request cannot be read: {what}");
    };
    let found = match found.split([' ', ',', '`']).next().unwrap_or_default() {
        "integer" | "floating" => "NUMBER_VALUE",
        "string" => "STRING_VALUE",
        "boolean" => "BOOLEAN_VALUE",
        "sequence" => return "Start of list found where not expected".into(),
        "map" => return "Start of structure or map found where not expected".into(),
        _ => "A value",
    };
    // What is expected stands last, and comes from the types here.
    let expected = text.rsplit_once(", expected ").map(|(_, rest)| rest).unwrap_or_default();
    let expected = expected.split(" at line ").next().unwrap_or_default();
    let wanted = match expected {
        "a string" => "a String",
        "a boolean" => "a Boolean",
        "a sequence" => "a List",
        "a map" => "a Map",
        text if text.starts_with("struct ") => "a Structure",
        text if ["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "usize"].contains(&text) => {
            "an Integer"
        }
        text if text.starts_with('f') => "a Timestamp",
        _ => "what this member is",
    };
    format!("{found} can not be converted to {wanted}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use vhsm_keystore::{Blob, EncryptionContext, SecretBlob};

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    #[expect(dead_code, reason = "only read")]
    struct Example {
        key_id: Option<String>,
        limit: Option<i32>,
        plaintext: Option<SecretBlob>,
        blob: Option<Blob>,
        context: Option<EncryptionContext>,
        #[serde(default)]
        dry_run: bool,
    }

    fn told(body: &str) -> String {
        match request::<Example>(body.as_bytes()) {
            Err(Fault::Serialization(why)) => why,
            Err(Fault::Kms(error)) => panic!("{error}"),
            Ok(read) => panic!("{read:?}"),
        }
    }

    #[test]
    fn what_is_wrong_is_told_without_values() {
        for (body, why) in [
            ("{\"KeyId\": 5}", "NUMBER_VALUE can not be converted to a String"),
            ("{\"Limit\": \"secret, expected u8\"}", "STRING_VALUE can not be converted to an Integer"),
            ("{\"KeyId\": [\"secret\"]}", "Start of list found where not expected"),
            ("{\"KeyId\": {\"secret\": 1}}", "Start of structure or map found where not expected"),
            ("{\"DryRun\": \"secret\"}", "STRING_VALUE can not be converted to a Boolean"),
            ("{\"Context\": {\"secret\": 1}}", "NUMBER_VALUE can not be converted to a String"),
            ("{\"KeyId\": \"secret", "Unexpected end of the request body"),
            ("{\"KeyId\": secret}", "The request body is not JSON"),
            ("secret", "The request body is not JSON"),
            ("\"secret\"", "A value was found where a structure is expected"),
            ("[\"secret\"]", "Start of list found where not expected"),
        ] {
            assert_eq!(told(body), why, "{body}");
        }
        for body in
            ["{\"Plaintext\": \"sec~ret\"}", "{\"Limit\": 1, \"Limit\": 2}", "{\"Limit\": 9999999999}"]
        {
            assert!(!told(body).contains("sec"), "{body}: {}", told(body));
        }
    }

    #[test]
    fn null_is_a_member_that_is_not_there() {
        let read = request::<Example>(b"{\"KeyId\": null, \"DryRun\": null, \"Unknown\": {\"a\": null}}");
        let read = read.unwrap_or_else(|_| panic!("it can be read"));
        assert!(read.key_id.is_none() && !read.dry_run);
    }

    #[test]
    fn no_output_is_an_empty_body() {
        let Ok(none) = response(&()) else { panic!("() is a response") };
        let Ok(some) = response(&serde_json::json!({})) else { panic!("{{}} is a response") };
        assert_eq!((none.as_slice(), some.as_slice()), (&b""[..], &b"{}"[..]));
    }
}
