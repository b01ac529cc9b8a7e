//! How requests and answers are written: AWS JSON 1.1, and Smithy RPC v2 CBOR.
//!
//! The API has texts, whole numbers, booleans, lists, maps and, in answers only, timestamps. A request becomes a JSON value
//! in either protocol; members that are null count as absent, unknown ones are ignored.

use super::refused::Refused;
use crate::http::service::Protocol;
use ciborium::tag::Required;
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// RFC 8949 sec. 3.4.2: seconds since 1970.
const EPOCH_TAG: u64 = 1;

/// A body's structure; an empty body is an empty structure. Errors: SerializationException.
pub(super) fn decode(protocol: Protocol, body: &[u8]) -> Result<Value, Refused> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let value = match protocol {
        Protocol::Json11 => {
            serde_json::from_slice(body).map_err(|_| Refused::serialization("The body is not JSON."))?
        }
        Protocol::RpcV2Cbor => from_cbor(body)?,
    };
    match value {
        Value::Object(_) => Ok(value),
        _ => Err(Refused::serialization("The body is not a structure.")),
    }
}

fn from_cbor(body: &[u8]) -> Result<Value, Refused> {
    let mut rest = body;
    match ciborium::from_reader::<ciborium::Value, _>(&mut rest) {
        Ok(value) if rest.is_empty() => json_of(value),
        _ => Err(Refused::serialization("The body is not one CBOR item.")),
    }
}

fn json_of(value: ciborium::Value) -> Result<Value, Refused> {
    use ciborium::Value as Cbor;
    let other = || Refused::serialization("The body has a value of a type that no member has.");
    Ok(match value {
        Cbor::Null => Value::Null,
        Cbor::Bool(it) => Value::Bool(it),
        Cbor::Text(it) => Value::String(it),
        Cbor::Integer(it) => Value::from(i64::try_from(it).map_err(|_| other())?),
        Cbor::Float(it) => serde_json::Number::from_f64(it).map(Value::Number).ok_or_else(other)?,
        Cbor::Array(all) => Value::Array(all.into_iter().map(json_of).collect::<Result<_, _>>()?),
        Cbor::Map(all) => {
            let mut object = Map::new();
            for (key, value) in all {
                object.insert(key.into_text().map_err(|_| other())?, json_of(value)?);
            }
            Value::Object(object)
        }
        _ => return Err(other()),
    })
}

/// An operation's request. Errors: SerializationException.
pub(super) fn request<T: DeserializeOwned>(value: &Value) -> Result<T, Refused> {
    T::deserialize(value)
        .map_err(|error| Refused::serialization(format!("A member cannot be read: {error}.")))
}

pub(super) fn encode<T: Serialize>(protocol: Protocol, answer: &T) -> Result<Vec<u8>, Refused> {
    match protocol {
        Protocol::Json11 => serde_json::to_vec(answer).map_err(|error| Refused::internal(&error)),
        Protocol::RpcV2Cbor => {
            let mut body = Vec::new();
            ciborium::into_writer(answer, &mut body).map_err(|error| Refused::internal(&error))?;
            Ok(body)
        }
    }
}

/// As CloudTrail shows it: members begin in lower case. Keys of maps (`SubnetMapping`) do so anyway.
pub(super) fn audited(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let lower = |(name, value): (&String, &Value)| (lower_case(name), audited(value));
            Value::Object(members.iter().map(lower).collect())
        }
        Value::Array(all) => Value::Array(all.iter().map(audited).collect()),
        other => other.clone(),
    }
}

fn lower_case(name: &str) -> String {
    let mut rest = name.chars();
    rest.next().into_iter().flat_map(char::to_lowercase).chain(rest).collect()
}

/// Milliseconds since 1970; on the wire seconds with a fraction, in CBOR tagged as a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timestamp(pub u64);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let seconds = self.0 as f64 / 1000.0;
        match serializer.is_human_readable() {
            true => serializer.serialize_f64(seconds),
            false => Required::<f64, EPOCH_TAG>(seconds).serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn name(refused: Refused) -> String {
        format!("{refused:?}")
    }

    #[test]
    fn bodies_that_are_no_structures_are_refused() {
        for body in [&b"{"[..], b"[]", b"1", b"null", b"{} {}", b"\xff"] {
            let refused = decode(Protocol::Json11, body).unwrap_err();
            assert!(name(refused).contains("SerializationException"), "{body:?}");
        }
        // Cut short, an array, a map with a number for a key, bytes, two items, an endless nest.
        let nested = [0x81; 100_000];
        for body in [
            &[0xa1, 0x61, 0x61][..],
            &[0x80],
            &[0xa1, 1, 1],
            &[0xa1, 0x61, 0x61, 0x41, 0],
            &[0xa0, 0xa0],
            &nested,
        ] {
            let refused = decode(Protocol::RpcV2Cbor, body).unwrap_err();
            assert!(name(refused).contains("SerializationException"), "{}", body.len());
        }
    }

    #[test]
    fn both_protocols_read_the_same() {
        let expected = json!({"A": "x", "B": [1, true, null], "C": {"k": ["v"]}, "D": 0.5});
        let json = serde_json::to_vec(&expected).unwrap();
        let mut cbor = Vec::new();
        ciborium::into_writer(&expected, &mut cbor).unwrap();
        assert_eq!(decode(Protocol::Json11, &json).unwrap(), expected);
        assert_eq!(decode(Protocol::RpcV2Cbor, &cbor).unwrap(), expected);
        // Maps, lists and texts without a length, as some clients write them.
        let open = [0xbf, 0x61, b'A', 0x9f, 0x7f, 0x61, b'x', 0x61, b'y', 0xff, 0xff, 0xff];
        assert_eq!(decode(Protocol::RpcV2Cbor, &open).unwrap(), json!({"A": ["xy"]}));
        for protocol in [Protocol::Json11, Protocol::RpcV2Cbor] {
            assert_eq!(decode(protocol, b"").unwrap(), json!({}));
        }
    }

    #[test]
    fn times_are_seconds_and_tagged_in_cbor() {
        let at = Timestamp(1_700_000_000_250);
        assert_eq!(encode(Protocol::Json11, &at).unwrap(), b"1700000000.25");
        let cbor = encode(Protocol::RpcV2Cbor, &at).unwrap();
        let read: ciborium::Value = ciborium::from_reader(&cbor[..]).unwrap();
        assert_eq!(read, ciborium::Value::Tag(1, Box::new(ciborium::Value::Float(1_700_000_000.25))));
    }

    #[test]
    fn the_audit_log_names_members_as_cloudtrail_does() {
        let shown = audited(&json!({"HsmType": "x", "TagList": [{"Key": "A"}]}));
        assert_eq!(shown, json!({"hsmType": "x", "tagList": [{"key": "A"}]}));
    }
}
