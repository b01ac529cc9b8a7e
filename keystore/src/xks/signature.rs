//! Signature Version 4, as KMS signs for proxies (reference/xks-proxy.md sec. 2): host and x-amz-date are signed, and the hash
//! of the body as the canonical request's last line.

use super::api::SIGNING_NAME;
use super::client::ProxyCredential;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::time::SystemTime;
use zeroize::Zeroizing;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SIGNED_HEADERS: &str = "host;x-amz-date";

/// The two headers that sign a POST.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signature {
    /// X-Amz-Date
    pub date: String,
    /// Authorization
    pub authorization: String,
}

/// Signs a POST of `body` to `path` at `host`, whose port stands in it where it is not 443.
pub(super) fn sign(
    credential: &ProxyCredential,
    region: &str,
    host: &str,
    path: &str,
    body: &[u8],
    at: SystemTime,
) -> Signature {
    let date = basic(at);
    let day = &date[..8];
    let body_hash = hex(&Sha256::digest(body));
    let canonical =
        format!("POST\n{path}\n\nhost:{host}\nx-amz-date:{date}\n\n{SIGNED_HEADERS}\n{body_hash}");
    let scope = format!("{day}/{region}/{SIGNING_NAME}/aws4_request");
    let text = format!("{ALGORITHM}\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let key = signing_key(&credential.secret, day, region);
    let signature = hex(&*mac(&*key, text.as_bytes()));
    let access_key_id = &credential.access_key_id;
    let authorization = format!(
        "{ALGORITHM} Credential={access_key_id}/{scope}, SignedHeaders={SIGNED_HEADERS}, Signature={signature}"
    );
    Signature { date, authorization }
}

/// The secret's own bytes are the key's: it is not decoded.
fn signing_key(secret: &str, day: &str, region: &str) -> Zeroizing<[u8; 32]> {
    let first = Zeroizing::new([b"AWS4", secret.as_bytes()].concat());
    let day = mac(&first, day.as_bytes());
    let region = mac(&*day, region.as_bytes());
    let service = mac(&*region, SIGNING_NAME.as_bytes());
    mac(&*service, b"aws4_request")
}

fn mac(key: &[u8], text: &[u8]) -> Zeroizing<[u8; 32]> {
    // HMAC takes keys of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(text);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// `YYYYMMDDTHHMMSSZ`
fn basic(at: SystemTime) -> String {
    let extended = humantime::format_rfc3339_seconds(at).to_string();
    extended.chars().filter(|char| !matches!(char, '-' | ':')).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Text takes all that is written.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    /// The same request, signed by OpenSSL's command line (`dgst -sha256 -mac HMAC`).
    const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AAAAAAAAAAAAAAAAAAAA/20150830/us-east-1/kms-xks-proxy/aws4_request, \
                          SignedHeaders=host;x-amz-date, Signature=";

    fn signature(secret: &str, body: &str) -> Signature {
        let credential =
            ProxyCredential { access_key_id: "A".repeat(20), secret: Zeroizing::new(secret.into()) };
        let at = UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        let (host, path) = ("xks.example.com", "/kms/xks/v1/keys/k/encrypt");
        sign(&credential, "us-east-1", host, path, body.as_bytes(), at)
    }

    #[test]
    fn a_known_request_has_its_signature() {
        let Signature { date, authorization } = signature(&"s/+=".repeat(11), "{}");
        assert_eq!(date, "20150830T123600Z");
        let signature = authorization.strip_prefix(SIGNED).unwrap();
        assert_eq!(signature, "e1635523a4d606d2bc0d2826921492589562046ab58b05779815691b9471ff9e");
    }

    #[test]
    fn secret_and_body_are_in_it() {
        let one = signature(&"s".repeat(43), "{}");
        assert_ne!(one, signature(&"t".repeat(43), "{}"));
        assert_ne!(one, signature(&"s".repeat(43), "{ }"));
    }
}
