//! The Authorization header: `AWS4-HMAC-SHA256 Credential=..., SignedHeaders=..., Signature=...`.

use super::{invalid_signature, refusal};
use crate::http::service::Refusal;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;

pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What the header says, in its form; nothing of it is known to be true.
pub struct Authorization<'r> {
    pub access_key: &'r str,
    pub scope: Scope<'r>,
    /// As the client lists them.
    pub signed_headers: &'r str,
    pub signature: Vec<u8>,
}

/// `YYYYMMDD/region/service/aws4_request`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'r> {
    /// The whole.
    pub text: &'r str,
    pub date: &'r str,
    pub region: &'r str,
    pub service: &'r str,
    pub terminator: &'r str,
}

impl<'r> Authorization<'r> {
    pub fn of(parts: &'r Parts) -> Result<Self, Refusal> {
        let mut given = parts.headers.get_all(AUTHORIZATION).iter();
        let Some(header) = given.next() else { return Err(missing(parts)) };
        let text =
            header.to_str().map_err(|_| incomplete("Authorization header has bytes that are no text."))?;
        if given.next().is_some() {
            return Err(incomplete("There is more than one Authorization header."));
        }
        let (algorithm, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        if !algorithm.starts_with("AWS4-") {
            return Err(missing(parts));
        }
        if algorithm != ALGORITHM {
            return Err(incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'.")));
        }
        Self::parse(rest)
    }

    fn parse(text: &'r str) -> Result<Self, Refusal> {
        let (mut credential, mut headers, mut signature) = (None, None, None);
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let Some((name, value)) = part.split_once('=') else {
                return Err(incomplete(format!(
                    "'{part}' not a valid key=value pair (missing equal-sign) in Authorization header."
                )));
            };
            match name.trim() {
                "Credential" => credential = Some(value.trim()),
                "SignedHeaders" => headers = Some(value.trim()),
                "Signature" => signature = Some(value.trim()),
                _ => {}
            }
        }
        let (Some(credential), Some(headers), Some(signature)) = (credential, headers, signature) else {
            return Err(lacks(&[
                ("Credential", credential),
                ("Signature", signature),
                ("SignedHeaders", headers),
            ]));
        };
        let (access_key, scope) = parse_credential(credential)?;
        // What is not 64 hexadecimal digits is a signature that does not match.
        let signature = unhex(signature).unwrap_or_default();
        Ok(Self { access_key, scope, signed_headers: headers, signature })
    }

    /// Everything that is read of the head must be under the signature.
    pub fn check_signed(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let is_signed = |name: &str| self.signed_headers.split(';').any(|signed| signed == name);
        if !is_signed("host") {
            return Err(invalid_signature(
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
            ));
        }
        let date = if headers.contains_key("x-amz-date") { "x-amz-date" } else { "date" };
        for name in [date, "x-amz-target", "x-amz-security-token"] {
            if headers.contains_key(name) && !is_signed(name) {
                let message = format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.");
                return Err(invalid_signature(message));
            }
        }
        Ok(())
    }
}

fn parse_credential(text: &str) -> Result<(&str, Scope<'_>), Refusal> {
    let mut parts = text.split('/');
    let mut next = || parts.next();
    let found = (next(), next(), next(), next(), next(), next());
    let (Some(access_key), Some(date), Some(region), Some(service), Some(terminator), None) = found else {
        return Err(incomplete(format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{text}'."
        )));
    };
    let text = &text[access_key.len() + 1..];
    Ok((access_key, Scope { text, date, region, service, terminator }))
}

fn missing(parts: &Parts) -> Refusal {
    let in_query = parts.uri.query().is_some_and(|query| query.contains("X-Amz-Signature="));
    let message = match in_query {
        true => {
            "Missing Authentication Token: a signature in the query is not taken, sign with the Authorization header"
        }
        false => "Missing Authentication Token",
    };
    refusal("MissingAuthenticationTokenException", message)
}

fn lacks(parameters: &[(&str, Option<&str>)]) -> Refusal {
    let missing = parameters.iter().filter(|(_, value)| value.is_none());
    let told: Vec<_> =
        missing.map(|(name, _)| format!("Authorization header requires '{name}' parameter.")).collect();
    incomplete(told.join(" "))
}

pub(super) fn incomplete(message: impl Into<String>) -> Refusal {
    refusal("IncompleteSignatureException", message)
}

/// `None`: not 64 hexadecimal digits.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    digits.chunks_exact(2).map(|pair| Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8)).collect()
}
