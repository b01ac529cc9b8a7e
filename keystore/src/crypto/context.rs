//! The encryption context, in the one form that is authenticated.
//!
//! Per pair, in the order of the keys' bytes: the key's length and the value's, 4 bytes each, big-endian, each before its
//! UTF-8. Two contexts have the same form only if they are the same set of pairs: lengths say where each text ends, and the order
//! is that of the map. Nothing is normalized: what looks the same but has other bytes is another context.

use crate::error::KmsError;
use crate::validate::invalid;
use crate::wire::EncryptionContext;

/// The most bytes of all keys and values together (reference sec. 4, "Context size").
const MAX_BYTES: usize = 8192;

/// Errors: ValidationException for a context that is too long. Keys and values may be empty, and there may be any number of
/// them.
pub(crate) fn check(member: &str, context: Option<&EncryptionContext>) -> Result<(), KmsError> {
    let bytes: usize = context.into_iter().flatten().map(|(key, value)| key.len() + value.len()).sum();
    if bytes > MAX_BYTES {
        return Err(invalid(format!(
            "1 validation error detected: Value '***' at '{member}' failed to satisfy constraint: \
             Keys and values together must have at most {MAX_BYTES} bytes"
        )));
    }
    Ok(())
}

pub(crate) fn encoded_bytes(context: &EncryptionContext) -> usize {
    context.iter().map(|(key, value)| 8 + key.len() + value.len()).sum()
}

pub(crate) fn encode(context: &EncryptionContext, out: &mut Vec<u8>) {
    for text in context.iter().flat_map(|(key, value)| [key, value]) {
        // Checked contexts are far shorter than 4 GiB.
        out.extend_from_slice(&(text.len() as u32).to_be_bytes());
        out.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn context(pairs: &[(&str, &str)]) -> EncryptionContext {
        pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    fn encoded(context: &EncryptionContext) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(context, &mut bytes);
        assert_eq!(bytes.len(), encoded_bytes(context));
        bytes
    }

    /// What `encode` made, read back.
    fn decoded(mut bytes: &[u8]) -> EncryptionContext {
        let mut text = || {
            let (length, rest) = bytes.split_first_chunk::<4>()?;
            let (text, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
            bytes = rest;
            Some(String::from_utf8(text.to_vec()).unwrap())
        };
        let mut context = EncryptionContext::new();
        while let Some(key) = text() {
            context.insert(key, text().unwrap());
        }
        context
    }

    #[test]
    fn all_small_contexts_differ() {
        let texts = ["", "a", "b", "aa", "ab", "ba", "\0", "\0\0\0\x01", "\u{e9}", "e\u{301}"];
        let mut pairs = Vec::new();
        texts.iter().for_each(|key| pairs.extend(texts.iter().map(|value| (*key, *value))));
        let mut seen: HashMap<Vec<u8>, EncryptionContext> = HashMap::new();
        seen.insert(Vec::new(), context(&[]));
        for one in &pairs {
            for two in &pairs {
                let context = context(&[*one, *two]);
                let other = seen.entry(encoded(&context)).or_insert_with(|| context.clone());
                assert_eq!(*other, context);
            }
        }
    }

    #[test]
    fn the_form_is_read_back() {
        bolero::check!().with_type::<Vec<(String, String)>>().for_each(|pairs| {
            let context: EncryptionContext = pairs.iter().cloned().collect();
            assert_eq!(decoded(&encoded(&context)), context);
        });
    }

    #[test]
    fn order_does_not_matter() {
        let (one, two) = (context(&[("a", "1"), ("b", "2")]), context(&[("b", "2"), ("a", "1")]));
        assert_eq!(encoded(&one), encoded(&two));
        assert_ne!(encoded(&one), encoded(&context(&[("A", "1"), ("b", "2")])));
    }

    #[test]
    fn eight_kib_are_the_most() {
        let of = |bytes: usize| context(&[("k", &"v".repeat(bytes - 1))]);
        assert_eq!(check("encryptionContext", None), Ok(()));
        assert_eq!(check("encryptionContext", Some(&of(8192))), Ok(()));
        let error = check("encryptionContext", Some(&of(8193))).unwrap_err();
        assert!(error.message.contains("'encryptionContext'"), "{error}");
    }
}
