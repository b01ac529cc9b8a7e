//! When a request was signed: X-Amz-Date, or Date in the same form (ISO 8601 basic: `20150830T123600Z`).

use super::authorization::incomplete;
use super::invalid_signature;
use crate::http::service::Refusal;
use hyper::HeaderMap;
use std::time::{Duration, SystemTime};

/// A time with its text.
pub struct SignedDate<'r> {
    text: &'r str,
    at: SystemTime,
}

impl<'r> SignedDate<'r> {
    pub fn of(headers: &'r HeaderMap) -> Result<Self, Refusal> {
        let Some(header) = headers.get("x-amz-date").or_else(|| headers.get("date")) else {
            return Err(incomplete(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
            ));
        };
        let text = header.to_str().unwrap_or_default().trim();
        match parse(text) {
            Some(at) => Ok(Self { text, at }),
            None => Err(incomplete(format!(
                "Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601"
            ))),
        }
    }

    pub fn text(&self) -> &'r str {
        self.text
    }

    /// `YYYYMMDD`.
    pub fn day(&self) -> &str {
        &self.text[..8]
    }

    /// Whether it is at most `skew` from `now`, in seconds as the header has them.
    pub fn check(&self, now: SystemTime, skew: Duration) -> Result<(), Refusal> {
        let (earliest, latest) = (now - skew, now + skew);
        let minutes = skew.as_secs() / 60;
        let signed = self.text;
        if seconds(self.at) < seconds(earliest) {
            let (earliest, now) = (basic(earliest), basic(now));
            return Err(invalid_signature(format!(
                "Signature expired: {signed} is now earlier than {earliest} ({now} - {minutes} min.)"
            )));
        }
        if seconds(self.at) > seconds(latest) {
            let (latest, now) = (basic(latest), basic(now));
            return Err(invalid_signature(format!(
                "Signature not yet current: {signed} is still later than {latest} ({now} + {minutes} min.)"
            )));
        }
        Ok(())
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn parse(text: &str) -> Option<SystemTime> {
    let form = b"00000000T000000Z";
    let fits = |(byte, wanted): (u8, &u8)| match wanted {
        b'0' => byte.is_ascii_digit(),
        letter => byte == *letter,
    };
    if text.len() != form.len() || !text.bytes().zip(form).all(fits) {
        return None;
    }
    let part = |from: usize, to: usize| &text[from..to];
    let extended = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(9, 11),
        part(11, 13),
        part(13, 15)
    );
    humantime::parse_rfc3339(&extended).ok()
}

/// ISO 8601 basic, in seconds.
fn basic(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string().replace(['-', ':'], "")
}
