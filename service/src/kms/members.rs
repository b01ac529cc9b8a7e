//! What the audit log gets of a request or a response: the members that the table names, with CloudTrail's names
//! (`KeyId` is `keyId`). What is not named is not even read.

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// Their keys are data, and stay as they are.
const MAPS: &[&str] = &[
    "EncryptionContext",
    "SourceEncryptionContext",
    "DestinationEncryptionContext",
    "EncryptionContextEquals",
    "EncryptionContextSubset",
];
/// Never told, however deep they stand.
const SECRETS: &[&str] =
    &["KeyStorePassword", "RawSecretAccessKey", "Plaintext", "CiphertextBlob", "GrantToken"];

/// `null` where there is none of them, or the text is no object.
pub fn kept(json: &[u8], names: &[&str]) -> Value {
    if names.is_empty() {
        return Value::Null;
    }
    let mut reader = serde_json::Deserializer::from_slice(json);
    match Kept(names).deserialize(&mut reader) {
        Ok(members) if !members.is_empty() => Value::Object(members),
        _ => Value::Null,
    }
}

struct Kept<'a>(&'a [&'a str]);

impl<'de> DeserializeSeed<'de> for Kept<'_> {
    type Value = Map<String, Value>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Kept<'_> {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a structure")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut kept = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if !self.0.contains(&name.as_str()) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value: Value = map.next_value()?;
            if !value.is_null() {
                kept.insert(lowered(&name), renamed(&name, value));
            }
        }
        Ok(kept)
    }
}

/// `value` of the member `name`, with CloudTrail's names inside.
fn renamed(name: &str, value: Value) -> Value {
    match value {
        Value::Object(members) if !MAPS.contains(&name) => {
            let told = members.into_iter().filter(|(name, _)| !SECRETS.contains(&name.as_str()));
            Value::Object(told.map(|(name, value)| (lowered(&name), renamed(&name, value))).collect())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(|value| renamed(name, value)).collect()),
        value => value,
    }
}

fn lowered(name: &str) -> String {
    let mut letters = name.chars();
    // `AWSAccountId` is `aWSAccountId` in CloudTrail, too.
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn named_members_are_kept_under_their_names_in_cloudtrail() {
        let request = json!({
            "KeyId": "alias/a",
            "Plaintext": "c2VjcmV0",
            "EncryptionContext": {"Purpose": "x"},
            "Tags": [{"TagKey": "A", "TagValue": "b"}],
            "Configuration": {"RawSecretAccessKey": "s", "AccessKeyId": "i"},
            "GrantTokens": null,
        });
        let names = ["KeyId", "EncryptionContext", "Tags", "Configuration", "GrantTokens"];
        let kept = kept(request.to_string().as_bytes(), &names);
        let wanted = json!({
            "keyId": "alias/a",
            "encryptionContext": {"Purpose": "x"},
            "tags": [{"tagKey": "A", "tagValue": "b"}],
            "configuration": {"accessKeyId": "i"},
        });
        assert_eq!(kept, wanted);
    }

    #[test]
    fn what_is_no_structure_is_nothing() {
        for text in ["", "[]", "{", "5", "{\"Other\": 1}"] {
            assert_eq!(kept(text.as_bytes(), &["KeyId"]), Value::Null, "{text}");
        }
        assert_eq!(kept(b"{\"KeyId\": \"a\"}", &[]), Value::Null);
    }
}
