//! Signature Version 4 from the signing side, right or, where a check asks for it, wrong (AWS's "Signature Version 4 signing
//! process"; XKS Proxy API 1.0.3, "Authentication").
//!
//! Shares nothing with the code that verifies signatures, for that is among what is checked.

use super::http::Request;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// The service in the scope.
pub const SERVICE: &str = "kms-xks-proxy";
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const DATE: &str = "x-amz-date";

/// How a request is signed. As KMS does it, until a field is changed.
#[derive(Clone)]
pub struct Signing {
    pub access_key_id: String,
    pub secret: Zeroizing<String>,
    pub region: String,
    pub service: String,
    pub terminator: String,
    /// Seconds: how far the clock is ahead.
    pub ahead: i64,
    /// Seconds: how far the scope's day is ahead of the date.
    pub scope_ahead: i64,
    /// In lower case.
    pub signed_headers: Vec<String>,
    /// In place of the body's hash.
    pub payload_hash: Option<String>,
}

/// What the header Authorization is made of.
#[derive(Clone)]
pub struct Parts {
    pub credential: String,
    pub signed_headers: String,
    pub signature: String,
}

impl Parts {
    pub fn header(&self) -> String {
        let Self { credential, signed_headers, signature } = self;
        format!("{ALGORITHM} Credential={credential}, SignedHeaders={signed_headers}, Signature={signature}")
    }
}

impl Signing {
    pub fn new(access_key_id: &str, secret: &str, region: &str) -> Self {
        Self {
            access_key_id: access_key_id.to_owned(),
            secret: Zeroizing::new(secret.to_owned()),
            region: region.to_owned(),
            service: SERVICE.to_owned(),
            terminator: "aws4_request".to_owned(),
            ahead: 0,
            scope_ahead: 0,
            signed_headers: vec!["host".to_owned(), DATE.to_owned()],
            payload_hash: None,
        }
    }

    pub fn also_signing(mut self, headers: &[&str]) -> Self {
        self.signed_headers.extend(headers.iter().map(|&name| name.to_owned()));
        self
    }

    /// Adds X-Amz-Date and Authorization.
    pub fn sign(&self, request: &mut Request) {
        let parts = self.parts(request);
        request.headers.push(("Authorization".to_owned(), parts.header()));
    }

    /// Adds X-Amz-Date alone.
    pub fn parts(&self, request: &mut Request) -> Parts {
        let date = date(self.ahead);
        request.headers.push(("X-Amz-Date".to_owned(), date.clone()));
        let day = match self.scope_ahead {
            0 => date[..8].to_owned(),
            ahead => self::date(self.ahead + ahead)[..8].to_owned(),
        };
        let scope = format!("{day}/{}/{}/{}", self.region, self.service, self.terminator);
        let mut names = self.signed_headers.clone();
        names.sort_unstable();
        let canonical = hex(&Sha256::digest(self.canonical(request, &names)));
        let signature = hmac(&self.key(&day), &format!("{ALGORITHM}\n{date}\n{scope}\n{canonical}"));
        Parts {
            credential: format!("{}/{scope}", self.access_key_id),
            signed_headers: names.join(";"),
            signature: hex(&signature[..]),
        }
    }

    fn key(&self, day: &str) -> Zeroizing<Vec<u8>> {
        let first = Zeroizing::new(format!("AWS4{}", self.secret.as_str()).into_bytes());
        let scope = [day, &self.region, &self.service, &self.terminator];
        scope.iter().fold(first, |key, part| hmac(&key, part))
    }

    fn canonical(&self, request: &Request, names: &[String]) -> String {
        let lines: String = names.iter().map(|name| format!("{name}:{}\n", value(request, name))).collect();
        let hash = match &self.payload_hash {
            Some(hash) => hash.clone(),
            None => payload_hash(&request.body),
        };
        format!("{}\n{}\n\n{lines}\n{}\n{hash}", request.method, request.path, names.join(";"))
    }
}

pub fn payload_hash(body: &[u8]) -> String {
    hex(&Sha256::digest(body))
}

/// `YYYYMMDDTHHMMSSZ`
pub fn date(ahead: i64) -> String {
    let apart = Duration::from_secs(ahead.unsigned_abs());
    let now = SystemTime::now();
    let then = if ahead < 0 { now - apart } else { now + apart };
    humantime::format_rfc3339_seconds(then).to_string().replace(['-', ':'], "")
}

/// All values of a header, trimmed, with single spaces, joined by commas.
fn value(request: &Request, name: &str) -> String {
    let values = request.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
    let folded = values.map(|(_, value)| value.split_whitespace().collect::<Vec<_>>().join(" "));
    folded.collect::<Vec<_>>().join(",")
}

fn hmac(key: &[u8], text: &str) -> Zeroizing<Vec<u8>> {
    // HMAC takes keys of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    mac.update(text.as_bytes());
    Zeroizing::new(mac.finalize().into_bytes().to_vec())
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
