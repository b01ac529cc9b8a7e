//! AWS Signature Version 4, header form: who signed a request, and whether it is the request that was signed.
//!
//! Source: AWS General Reference, "Signature Version 4 signing process"; the texts of refusals are AWS's own. What is
//! read of a request (its target, date and token) must be signed. The body's hash is always the body's own: UNSIGNED-PAYLOAD
//! is a signature that does not match. Signatures in the query are refused.

mod access_key;
mod authorization;
mod canonical;
mod date;
mod signing_key;
#[cfg(test)]
mod tests;

use super::service::Refusal;
pub use access_key::AccessKey;
use authorization::Authorization;
use date::SignedDate;
use hmac::{Hmac, KeyInit, Mac};
use hyper::http::request::Parts;
use sha2::{Digest, Sha256};
pub use signing_key::SigningKeys;
use std::time::{Duration, SystemTime};

/// How far a signature's time may be from this machine's.
const SKEW: Duration = Duration::from_secs(300);

/// Judges signatures for one service.
pub struct Verifier<'a> {
    /// `None`: any.
    pub region: Option<&'a str>,
    /// As the credential's scope names it.
    pub service: &'a str,
}

/// A request whose head is in order: what remains to be seen is whether the signature fits head and body.
pub struct Pending<'r, K> {
    pub key: K,
    parts: &'r Parts,
    authorization: Authorization<'r>,
    date: SignedDate<'r>,
}

impl Verifier<'_> {
    /// `find`: the access key of an id, where there is one.
    pub fn head<'r, K: AccessKey>(
        &self,
        parts: &'r Parts,
        now: SystemTime,
        find: impl FnOnce(&str) -> Option<K>,
    ) -> Result<Pending<'r, K>, Refusal> {
        let authorization = Authorization::of(parts)?;
        let date = SignedDate::of(&parts.headers)?;
        authorization.check_signed(&parts.headers)?;
        let key = find(authorization.access_key).ok_or_else(unrecognized)?;
        check_token(parts, key.session_token())?;
        self.check_scope(&authorization, &date)?;
        date.check(now, SKEW)?;
        Ok(Pending { key, parts, authorization, date })
    }

    fn check_scope(&self, authorization: &Authorization<'_>, date: &SignedDate<'_>) -> Result<(), Refusal> {
        let scope = &authorization.scope;
        let mut wrong = Vec::new();
        if self.region.is_some_and(|region| scope.region != region) {
            wrong.push(format!("Credential should be scoped to a valid region, not '{}'.", scope.region));
        }
        if scope.service != self.service {
            let service = self.service;
            wrong.push(format!("Credential should be scoped to correct service: '{service}'."));
        }
        if scope.terminator != "aws4_request" {
            let found = scope.terminator;
            wrong.push(format!(
                "Credential should be scoped with a valid terminator: 'aws4_request', not '{found}'."
            ));
        }
        if scope.date != date.day() {
            wrong.push(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{}', \
                 from '{}'.",
                scope.date,
                date.day(),
                date.text()
            ));
        }
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(invalid_signature(wrong.join(" "))),
        }
    }
}

impl<K: AccessKey> Pending<'_, K> {
    /// `body_hash`: SHA-256 of the body. Takes as long for a signature that is nearly right as for any other.
    pub fn check(&self, body_hash: &[u8]) -> Result<(), Refusal> {
        let Authorization { scope, signed_headers, signature, .. } = &self.authorization;
        let canonical = canonical::request(self.parts, signed_headers, body_hash);
        let mut mac = self.key.signing_keys().key(self.key.secret(), scope);
        // The string to sign.
        for line in [authorization::ALGORITHM, self.date.text(), scope.text] {
            mac.update(line.as_bytes());
            mac.update(b"\n");
        }
        mac.update(&canonical::hex(&Sha256::digest(canonical)));
        mac.verify_slice(signature).map_err(|_| mismatch())
    }
}

/// The access key that a request names, whether or not it is right about it.
pub fn access_key_id(parts: &Parts) -> Option<&str> {
    Authorization::of(parts).ok().map(|authorization| authorization.access_key)
}

/// A credential with a session token is used with it, one without goes without.
fn check_token(parts: &Parts, known: Option<&str>) -> Result<(), Refusal> {
    let given = parts.headers.get("x-amz-security-token").map(|value| value.as_bytes());
    let is_right = match (given, known) {
        (None, None) => true,
        (Some(given), Some(token)) => same(given, token.as_bytes()),
        _ => false,
    };
    if is_right { Ok(()) } else { Err(unrecognized()) }
}

/// In a time that does not tell where they differ: both are hashed under a key that nobody knows beforehand.
fn same(one: &[u8], other: &[u8]) -> bool {
    use ctutils::CtEq;
    Sha256::digest(one).as_slice().ct_eq(Sha256::digest(other).as_slice()).to_bool()
}

fn unrecognized() -> Refusal {
    refusal("UnrecognizedClientException", "The security token included in the request is invalid.")
}

fn mismatch() -> Refusal {
    invalid_signature(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and \
         signing method. Consult the service documentation for details.",
    )
}

fn invalid_signature(message: impl Into<String>) -> Refusal {
    refusal("InvalidSignatureException", message)
}

fn refusal(exception: &'static str, message: impl Into<String>) -> Refusal {
    Refusal { status: 400, exception, message: message.into() }
}

fn hmac(key: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of any length (RFC 2104 sec. 2).
    Hmac::new_from_slice(key).expect("a key of any length")
}
