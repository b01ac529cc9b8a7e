//! What goes back when all went well. Written into one buffer that is wiped, for a body of Decrypt is plaintext.

use crate::xks_proxy::health::{Fleet, FleetEntry};
use crate::xks_proxy::hsms::{KeyFacts, Sealed};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use zeroize::Zeroizing;

/// JSON, made by hand: nothing in it needs an escape.
struct Body(Zeroizing<Vec<u8>>);

impl Body {
    fn with_capacity(bytes: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(bytes)))
    }

    fn text(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    /// A member, with its comma.
    fn base64(&mut self, before: &str, bytes: &[u8]) {
        self.text(before);
        self.text("\"");
        let from = self.0.len();
        self.0.resize(from + encoded_bytes(bytes), 0);
        // The room is exactly what it takes.
        let _ = STANDARD.encode_slice(bytes, &mut self.0[from..]);
        self.text("\"");
    }
}

fn encoded_bytes(bytes: &[u8]) -> usize {
    bytes.len().div_ceil(3) * 4
}

/// Of Encrypt.
pub fn encrypted(sealed: &Sealed, ciphertext_metadata: &[u8]) -> Zeroizing<Vec<u8>> {
    // Names, IV, tag, metadata and digest take fewer than these.
    let mut body = Body::with_capacity(320 + encoded_bytes(&sealed.ciphertext));
    body.base64("{\"ciphertext\":", &sealed.ciphertext);
    body.base64(",\"initializationVector\":", &sealed.iv);
    body.base64(",\"authenticationTag\":", &sealed.tag);
    if !ciphertext_metadata.is_empty() {
        body.base64(",\"ciphertextMetadata\":", ciphertext_metadata);
    }
    if let Some(cdiv) = &sealed.cdiv {
        body.base64(",\"ciphertextDataIntegrityValue\":", cdiv);
    }
    body.text("}");
    body.0
}

/// Of Decrypt.
pub fn decrypted(plaintext: &[u8]) -> Zeroizing<Vec<u8>> {
    // All of it at once: a buffer that grew would leave plaintext behind.
    let mut body = Body::with_capacity(32 + encoded_bytes(plaintext));
    body.base64("{\"plaintext\":", plaintext);
    body.text("}");
    body.0
}

/// Of GetKeyMetadata.
pub fn described(facts: &KeyFacts, is_disabled: bool) -> Zeroizing<Vec<u8>> {
    let mut body = Body::with_capacity(160);
    body.text(&format!("{{\"keySpec\":\"{}\",\"keyUsage\":[", key_spec(facts)));
    body.text(&usages(facts).join(","));
    body.text(if is_disabled { "],\"keyStatus\":\"DISABLED\"}" } else { "],\"keyStatus\":\"ENABLED\"}" });
    body.0
}

/// Of GetHealthStatus.
pub fn healthy(fleet: &Fleet) -> Zeroizing<Vec<u8>> {
    let entry = |entry: &FleetEntry| json!({"id": entry.id, "model": entry.model, "healthStatus": entry.health_status});
    let body = json!({
        "xksProxyFleetSize": fleet.xks_proxy_fleet_size,
        "xksProxyVendor": fleet.xks_proxy_vendor,
        "xksProxyModel": fleet.xks_proxy_model,
        "ekmVendor": fleet.ekm_vendor,
        "ekmFleetDetails": fleet.ekm_fleet_details.iter().map(entry).collect::<Vec<_>>(),
    });
    Zeroizing::new(body.to_string().into_bytes())
}

/// `AES_256`, as KMS wants it; another one tells what the key is. Only characters that need no escape.
fn key_spec(facts: &KeyFacts) -> String {
    let kind = facts.key_type.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    format!("{kind}_{}", facts.bits)
}

fn usages(facts: &KeyFacts) -> Vec<&'static str> {
    let all = [
        (facts.can_encrypt, "\"ENCRYPT\""),
        (facts.can_decrypt, "\"DECRYPT\""),
        (facts.can_sign, "\"SIGN\""),
        (facts.can_verify, "\"VERIFY\""),
        (facts.can_wrap, "\"WRAP\""),
        (facts.can_unwrap, "\"UNWRAP\""),
        (facts.can_derive, "\"DERIVE\""),
    ];
    all.into_iter().filter_map(|(can, usage)| can.then_some(usage)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn hex(digits: &str) -> Vec<u8> {
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
    }

    fn parsed(body: &[u8]) -> Value {
        serde_json::from_slice(body).unwrap()
    }

    /// The specification's example of an Encrypt response (IV, ciphertext, tag, metadata and CDIV).
    #[test]
    fn encrypts_response_is_the_specifications() {
        let cdiv = hex("a8703f2260bd8791ec2d15ea0b23e65a0631eedcf2a13a65cc82db3f47cf5ec7");
        let sealed = Sealed {
            ciphertext: hex("821c642b5b71783367deaf18"),
            iv: hex("1ccae5470f39700254779031"),
            tag: hex("bc1c4dda7707d6812447c5955e99b261"),
            cdiv: Some(cdiv.try_into().unwrap()),
        };
        let wanted = json!({
            "ciphertext": "ghxkK1txeDNn3q8Y",
            "initializationVector": "HMrlRw85cAJUd5Ax",
            "authenticationTag": "vBxN2ncH1oEkR8WVXpmyYQ==",
            "ciphertextMetadata": "a2V5X3ZlcnNpb249MQ==",
            "ciphertextDataIntegrityValue": "qHA/ImC9h5HsLRXqCyPmWgYx7tzyoTplzILbP0fPXsc=",
        });
        assert_eq!(parsed(&encrypted(&sealed, b"key_version=1")), wanted);
        let bare = parsed(&encrypted(&Sealed { cdiv: None, ..sealed }, b""));
        let mut names: Vec<_> = bare.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["authenticationTag", "ciphertext", "initializationVector"]);
    }

    /// A buffer that grew would have left a part of the plaintext where it was before.
    #[test]
    fn no_buffer_grows_under_plaintext() {
        for bytes in [0, 1, 2, 3, 4096, 65_535] {
            let plaintext = vec![0xa5; bytes];
            let body = decrypted(&plaintext);
            assert!(body.capacity() == 32 + bytes.div_ceil(3) * 4, "{bytes}");
            assert_eq!(parsed(&body), json!({"plaintext": STANDARD.encode(&plaintext)}));
        }
    }

    #[test]
    fn metadata_tells_what_the_key_is() {
        let aes = KeyFacts {
            key_type: "AES".into(),
            bits: 256,
            can_encrypt: true,
            can_decrypt: true,
            can_sign: false,
            can_verify: false,
            can_wrap: false,
            can_unwrap: false,
            can_derive: false,
        };
        let wanted =
            json!({"keySpec": "AES_256", "keyUsage": ["ENCRYPT", "DECRYPT"], "keyStatus": "ENABLED"});
        assert_eq!(parsed(&described(&aes, false)), wanted);
        let rsa = KeyFacts {
            key_type: "RSA".into(),
            bits: 2048,
            can_encrypt: false,
            can_sign: true,
            can_verify: true,
            can_wrap: true,
            can_unwrap: true,
            can_derive: true,
            ..aes
        };
        let usage = ["DECRYPT", "SIGN", "VERIFY", "WRAP", "UNWRAP", "DERIVE"];
        let wanted = json!({"keySpec": "RSA_2048", "keyUsage": usage, "keyStatus": "DISABLED"});
        assert_eq!(parsed(&described(&rsa, true)), wanted);
        let odd = KeyFacts { key_type: "\"\\0x80".into(), ..rsa };
        assert_eq!(parsed(&described(&odd, true))["keySpec"], "0x80_2048");
    }
}
