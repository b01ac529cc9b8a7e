//! The canonical request: the one way to write down what was signed.

use hyper::http::request::Parts;

/// Bytes that stand for themselves in paths and queries (RFC 3986 sec. 2.3).
const UNRESERVED: &[u8] = b"-._~";

/// `signed_headers`: the names, joined by `;`, as the client lists them. One that the request lacks has no value.
pub fn request(parts: &Parts, signed_headers: &str, body_hash: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(1024);
    text.extend_from_slice(parts.method.as_str().as_bytes());
    text.push(b'\n');
    push_path(&mut text, parts.uri.path());
    text.push(b'\n');
    push_query(&mut text, parts.uri.query().unwrap_or_default());
    text.push(b'\n');
    for name in signed_headers.split(';') {
        text.extend_from_slice(name.as_bytes());
        text.push(b':');
        push_values(&mut text, parts, name);
        text.push(b'\n');
    }
    text.push(b'\n');
    text.extend_from_slice(signed_headers.as_bytes());
    text.push(b'\n');
    text.extend_from_slice(&hex(body_hash));
    text
}

/// Of SHA-256's 32 bytes, in lower case.
pub fn hex(bytes: &[u8]) -> [u8; 64] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 64];
    for (digits, byte) in text.chunks_exact_mut(2).zip(bytes) {
        digits[0] = DIGITS[usize::from(byte >> 4)];
        digits[1] = DIGITS[usize::from(byte & 15)];
    }
    text
}

/// All values of a header, joined by commas; each trimmed, with single spaces inside.
fn push_values(text: &mut Vec<u8>, parts: &Parts, name: &str) {
    let mut any = false;
    for value in parts.headers.get_all(name) {
        if any {
            text.push(b',');
        }
        any = true;
        push_collapsed(text, value.as_bytes());
    }
    // HTTP/2 has the host in its :authority.
    if !any && name == "host" {
        let authority = parts.uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
        text.extend_from_slice(authority.as_bytes());
    }
}

fn push_collapsed(text: &mut Vec<u8>, value: &[u8]) {
    let value = value.trim_ascii();
    let mut before = 0;
    for &byte in value {
        if byte != b' ' || before != b' ' {
            text.push(byte);
        }
        before = byte;
    }
}

/// Without `.`, `..` and empty segments, and escaped once more: what arrives is escaped already.
fn push_path(text: &mut Vec<u8>, path: &str) {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    for segment in &kept {
        text.push(b'/');
        push_escaped(text, segment.as_bytes());
    }
    if kept.is_empty() || path.ends_with('/') {
        text.push(b'/');
    }
}

/// Sorted by name and value; a name alone gets an empty value.
fn push_query(text: &mut Vec<u8>, query: &str) {
    let escaped = |part: &str| {
        let mut escaped = Vec::new();
        push_escaped(&mut escaped, &unescaped(part));
        escaped
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<_> = pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (escaped(name), escaped(value)))
        .collect();
    pairs.sort_unstable();
    for (at, (name, value)) in pairs.iter().enumerate() {
        if at > 0 {
            text.push(b'&');
        }
        text.extend_from_slice(name);
        text.push(b'=');
        text.extend_from_slice(value);
    }
}

fn push_escaped(text: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || UNRESERVED.contains(&byte) {
            text.push(byte);
        } else {
            text.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
}

/// A `%` without two digits behind it stands for itself.
fn unescaped(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                plain.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    plain
}
