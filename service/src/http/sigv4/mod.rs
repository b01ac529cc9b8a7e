//! AWS Signature Version 4, header form: who signed a request, and whether it is the request that was signed.
//!
//! Source: AWS General Reference, "Signature Version 4 signing process"; the texts of refusals are AWS's own. What is
//! read of a request (its target, date and token) must be signed. The body's hash is always the body's own: UNSIGNED-PAYLOAD
//! is a signature that does not match. Signatures in the query are refused.

mod authorization;
mod canonical;
mod date;
mod signing_key;
#[cfg(test)]
mod tests;

use super::service::Refusal;
use crate::credential::{Credential, Keyring};
use authorization::Authorization;
use date::SignedDate;
use hmac::{Hmac, KeyInit, Mac};
use hyper::http::request::Parts;
use sha2::{Digest, Sha256};
pub use signing_key::SigningKeys;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How far a signature's time may be from this machine's.
const SKEW: Duration = Duration::from_secs(300);

/// Judges signatures for one region.
pub struct Verifier {
    region: String,
    keyring: Arc<Keyring>,
}

/// A request whose head is in order: what remains to be seen is whether the signature fits head and body.
pub struct Pending {
    pub credential: Arc<Credential>,
    authorization: Authorization,
    date: SignedDate,
}

impl Verifier {
    pub fn new(region: &str, keyring: Arc<Keyring>) -> Self {
        Self { region: region.into(), keyring }
    }

    /// `service`: the name in the credential's scope.
    pub fn head(&self, parts: &Parts, service: &str, now: SystemTime) -> Result<Pending, Refusal> {
        let authorization = Authorization::of(parts)?;
        let date = SignedDate::of(&parts.headers)?;
        authorization.check_signed(&parts.headers)?;
        let credential = self.keyring.find(&authorization.access_key).ok_or_else(unrecognized)?;
        check_token(parts, &credential)?;
        self.check_scope(&authorization, service, &date)?;
        date.check(now, SKEW)?;
        Ok(Pending { credential, authorization, date })
    }

    fn check_scope(
        &self,
        authorization: &Authorization,
        service: &str,
        date: &SignedDate,
    ) -> Result<(), Refusal> {
        let scope = &authorization.scope;
        let mut wrong = Vec::new();
        if scope.region != self.region {
            wrong.push(format!("Credential should be scoped to a valid region, not '{}'.", scope.region));
        }
        if scope.service != service {
            wrong.push(format!("Credential should be scoped to correct service: '{service}'."));
        }
        if scope.terminator != "aws4_request" {
            let found = &scope.terminator;
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

impl Pending {
    /// Takes as long for a signature that is nearly right as for any other.
    pub fn check(&self, parts: &Parts, body: &[u8]) -> Result<(), Refusal> {
        let Authorization { scope, signed_headers, signature, .. } = &self.authorization;
        let canonical = canonical::request(parts, signed_headers, &Sha256::digest(body));
        let to_sign = string_to_sign(self.date.text(), &scope.to_string(), &canonical);
        let key = self.credential.signing_keys.key(&self.credential.secret, scope);
        let mut mac = key;
        mac.update(to_sign.as_bytes());
        mac.verify_slice(signature).map_err(|_| mismatch())
    }
}

fn string_to_sign(date: &str, scope: &str, canonical: &[u8]) -> String {
    let mut text = format!("{}\n{date}\n{scope}\n", authorization::ALGORITHM);
    canonical::push_hex(&mut text, &Sha256::digest(canonical));
    text
}

/// A credential with a session token is used with it, one without goes without.
fn check_token(parts: &Parts, credential: &Credential) -> Result<(), Refusal> {
    let given = parts.headers.get("x-amz-security-token").map(|value| value.as_bytes());
    let is_right = match (given, &credential.session_token) {
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
