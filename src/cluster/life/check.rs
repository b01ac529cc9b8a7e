//! What the API's own patterns and limits say of a request's texts (the service's model, cloudhsmv2 of 2017-04-28).

use crate::cluster::Tag;
use crate::error::{Error, LifeError};
use std::net::Ipv4Addr;

/// Cert
const MAX_CERT_CHARS: usize = 20_000;
/// SubnetIds
const MAX_PLACES: usize = 10;
/// TagList, and the tags of a resource.
pub(super) const MAX_TAGS: usize = 50;
const MAX_TAG_KEY_CHARS: usize = 128;
const MAX_TAG_VALUE_CHARS: usize = 256;
/// Letters and digits behind `cluster-` and its like.
const NAME_CHARS: std::ops::RangeInclusive<usize> = 11..=16;
/// Hexadecimal digits behind `subnet-` and its like.
const HEX_DIGITS: std::ops::RangeInclusive<usize> = 8..=17;

pub(super) fn bad<T>(field: &'static str, reason: impl Into<String>) -> Result<T, Error> {
    Err(LifeError::Input { field, reason: reason.into() }.into())
}

pub(super) fn cluster_id(text: &str) -> Result<(), Error> {
    name("ClusterId", "cluster-", text)
}

pub(super) fn hsm_id(text: &str) -> Result<(), Error> {
    name("HsmId", "hsm-", text)
}

pub(super) fn is_name(prefix: &str, text: &str) -> bool {
    let chars =
        |rest: &str| rest.bytes().all(|byte| byte.is_ascii_alphabetic() || (b'2'..=b'7').contains(&byte));
    text.strip_prefix(prefix).is_some_and(|rest| NAME_CHARS.contains(&rest.len()) && chars(rest))
}

fn name(field: &'static str, prefix: &str, text: &str) -> Result<(), Error> {
    if is_name(prefix, text) {
        return Ok(());
    }
    bad(field, format!("{text:?} is not {prefix}, with 11 to 16 letters and digits from 2 to 7 behind it"))
}

pub(super) fn subnet_id(text: &str) -> Result<(), Error> {
    hexadecimal("SubnetIds", "subnet-", text)
}

pub(super) fn eni_id(text: &str) -> Result<(), Error> {
    hexadecimal("EniId", "eni-", text)
}

fn hexadecimal(field: &'static str, prefix: &str, text: &str) -> Result<(), Error> {
    let digits = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text.strip_prefix(prefix) {
        Some(rest) if HEX_DIGITS.contains(&rest.len()) && digits(rest) => Ok(()),
        _ => bad(field, format!("{text:?} is not {prefix}, with 8 to 17 hexadecimal digits behind it")),
    }
}

/// ExternalAz: a region and a letter.
pub(super) fn availability_zone(text: &str) -> Result<(), Error> {
    if region_of(text).is_some() {
        return Ok(());
    }
    bad("AvailabilityZone", format!("{text:?} is none; write one like us-east-1a"))
}

/// The region that an availability zone lies in.
pub(super) fn region_of(zone: &str) -> Option<&str> {
    let (region, letter) = zone.split_at_checked(zone.len().checked_sub(1)?)?;
    (letter.bytes().all(|byte| byte.is_ascii_lowercase()) && is_region(region)).then_some(region)
}

/// Whether this is how AWS names a region.
pub fn is_region(text: &str) -> bool {
    const DIRECTIONS: [&str; 5] = ["east", "west", "north", "south", "central"];
    let mut parts: Vec<&str> = text.split('-').collect();
    if parts.get(1) == Some(&"gov") {
        parts.remove(1);
    }
    let [country, direction, number] = parts[..] else { return false };
    let one = |text: &str| DIRECTIONS.contains(&text);
    let two = DIRECTIONS.iter().any(|first| direction.strip_prefix(first).is_some_and(one));
    country.len() == 2
        && country.bytes().all(|byte| byte.is_ascii_lowercase())
        && (one(direction) || two)
        && number.len() == 1
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// 1 to 10 of them, each once.
pub(super) fn places(field: &'static str, texts: &[String]) -> Result<(), Error> {
    if !(1..=MAX_PLACES).contains(&texts.len()) {
        return bad(field, format!("{} of them are not 1 to {MAX_PLACES}", texts.len()));
    }
    match texts.iter().enumerate().find(|(index, text)| texts[..*index].contains(text)) {
        Some((_, twice)) => bad(field, format!("{twice:?} stands there twice")),
        None => Ok(()),
    }
}

/// IpAddress
pub(super) fn ip_address(field: &'static str, text: &str) -> Result<(), Error> {
    match text.parse::<Ipv4Addr>() {
        Ok(_) => Ok(()),
        Err(_) => bad(field, format!("{text:?} is no IPv4 address")),
    }
}

/// Cert
pub(super) fn cert(field: &'static str, text: &str) -> Result<(), Error> {
    if text.chars().count() > MAX_CERT_CHARS {
        return bad(field, format!("it has more than {MAX_CERT_CHARS} characters"));
    }
    // The pattern's `+-/` is a range.
    let known =
        |c: char| c.is_ascii_alphanumeric() || ('+'..='/').contains(&c) || c == '=' || c.is_whitespace();
    match text.chars().find(|c| !known(*c)) {
        Some(c) => {
            bad(field, format!("{c:?} does not belong to PEM; leave out what stands around the certificate"))
        }
        None => Ok(()),
    }
}

/// TagList. Errors: `Input`, `Tag`.
pub fn tags(tags: &[Tag]) -> Result<(), Error> {
    if tags.len() > MAX_TAGS {
        return bad("TagList", format!("{} tags are more than {MAX_TAGS}", tags.len()));
    }
    for (index, tag) in tags.iter().enumerate() {
        tag_key(&tag.key)?;
        if tag.value.chars().count() > MAX_TAG_VALUE_CHARS {
            return wrong_tag("Value", format!("it has more than {MAX_TAG_VALUE_CHARS} characters"));
        }
        tag_text("Value", &tag.value)?;
        if tags[..index].iter().any(|other| other.key == tag.key) {
            return wrong_tag("Key", format!("{:?} stands there twice", tag.key));
        }
    }
    Ok(())
}

pub(super) fn tag_key(key: &str) -> Result<(), Error> {
    if !(1..=MAX_TAG_KEY_CHARS).contains(&key.chars().count()) {
        return wrong_tag("Key", format!("it has not 1 to {MAX_TAG_KEY_CHARS} characters"));
    }
    if key.to_ascii_lowercase().starts_with("aws:") {
        return wrong_tag("Key", "keys that begin with aws: are AWS's own".into());
    }
    tag_text("Key", key)
}

fn tag_text(field: &'static str, text: &str) -> Result<(), Error> {
    let known = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c);
    match text.chars().find(|c| !known(*c) || c.is_control()) {
        Some(c) => {
            wrong_tag(field, format!("{c:?} is not allowed: letters, digits, spaces and _.:/=+-@ are"))
        }
        None => Ok(()),
    }
}

fn wrong_tag<T>(field: &'static str, reason: String) -> Result<T, Error> {
    Err(LifeError::Tag { field, reason }.into())
}
