//! Signature Version 4, checked (AWS IAM User Guide, "Create a signed AWS API request"). Small on purpose, and nobody else's code.

use super::REGION;
use hmac::{Hmac, KeyInit, Mac};
use hyper::http::request::Parts;
use openssl::asn1::Asn1Time;
use openssl::sha::sha256;
use sha2::Sha256;
use std::collections::BTreeMap;

const SERVICE: &str = "kms-xks-proxy";
const MOST_SECONDS_OFF: i64 = 5 * 60;

/// Errors: what is wrong, for whoever reads the test's output.
pub fn check(head: &Parts, body: &[u8], credentials: &BTreeMap<String, String>) -> Result<(), String> {
    let authorization = header(head, "authorization").ok_or("no Authorization")?;
    let parts = authorization.strip_prefix("AWS4-HMAC-SHA256 ").ok_or("another algorithm")?;
    let part = |name: &str| {
        let found = parts.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        found.ok_or_else(|| format!("no {name}"))
    };
    let (credential, signed, signature) = (part("Credential")?, part("SignedHeaders")?, part("Signature")?);
    let time = header(head, "x-amz-date").ok_or("no X-Amz-Date")?;
    check_time(&time)?;
    let (id, scope) = credential.split_once('/').ok_or("no scope")?;
    let date = &time[..8];
    if scope != format!("{date}/{REGION}/{SERVICE}/aws4_request") {
        return Err(format!("the scope is {scope}"));
    }
    let secret = credentials.get(id).ok_or_else(|| format!("nobody is {id}"))?;
    let request = canonical_request(head, body, signed)?;
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&sha256(request.as_bytes())));
    let mut key = hmac(format!("AWS4{secret}").as_bytes(), date);
    for step in [REGION, SERVICE, "aws4_request"] {
        key = hmac(&key, step);
    }
    match hex(&hmac(&key, &text)) == signature {
        true => Ok(()),
        // errorMessage is printable ASCII of fewer than 512 characters.
        false => Err(format!("another signature for {:?}", request.chars().take(250).collect::<String>())),
    }
}

fn check_time(time: &str) -> Result<(), String> {
    let wrong = || format!("X-Amz-Date: {time}");
    let is_digits = |range: std::ops::Range<usize>| {
        time.get(range).is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))
    };
    if time.len() != 16 || !is_digits(0..8) || !is_digits(9..15) || &time[8..9] != "T" || !time.ends_with('Z')
    {
        return Err(wrong());
    }
    let time = Asn1Time::from_str_x509(&time.replace('T', "")).map_err(|_| wrong())?;
    let off = Asn1Time::days_from_now(0).and_then(|now| now.diff(&time)).map_err(|_| wrong())?;
    let off = i64::from(off.days) * 24 * 60 * 60 + i64::from(off.secs);
    if off.abs() > MOST_SECONDS_OFF { Err(wrong()) } else { Ok(()) }
}

fn canonical_request(head: &Parts, body: &[u8], signed: &str) -> Result<String, String> {
    let names: Vec<&str> = signed.split(';').collect();
    if !names.is_sorted() || !["host", "x-amz-date"].iter().all(|name| names.contains(name)) {
        return Err(format!("SignedHeaders are {signed}"));
    }
    let mut lines = String::new();
    for name in names {
        let value = header(head, name).ok_or_else(|| format!("{name} is signed and not there"))?;
        lines += &format!("{name}:{}\n", value.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    let query = head.uri.query().unwrap_or_default();
    Ok(format!("{}\n{}\n{query}\n{lines}\n{signed}\n{}", head.method, head.uri.path(), hex(&sha256(body))))
}

/// HTTP/2 has no Host: there it is the URI's authority.
fn header(head: &Parts, name: &str) -> Option<String> {
    let values: Vec<&str> =
        head.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    match (values.is_empty(), name) {
        (false, _) => Some(values.join(",")),
        (true, "host") => head.uri.authority().map(ToString::to_string),
        (true, _) => None,
    }
}

fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("keys of HMAC have any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
