//! Trust anchors: certificates, compared as such and not as texts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Whether both are PEM of one and the same certificate. What is no PEM of exactly one certificate is the same as nothing.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    match (der(one), der(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

/// The one certificate of a PEM text. Lines may end in any way, and text may stand before and behind (RFC 7468 sec. 2).
fn der(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once(BEGIN)?;
    let (body, behind) = rest.split_once(END)?;
    if behind.contains(BEGIN) {
        return None;
    }
    let body: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(body).ok().filter(|der| !der.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN CERTIFICATE-----\nAQIDBAUGBwgJ\nCgsM\n-----END CERTIFICATE-----\n";

    #[test]
    fn the_same_certificate_may_be_written_otherwise() {
        for same in [
            PEM.to_owned(),
            PEM.replace('\n', "\r\n"),
            PEM.trim().to_owned(),
            format!("Certificate:\n    Data: ...\n{PEM}"),
            "-----BEGIN CERTIFICATE-----\nAQIDBAUGBwgJCgsM\n-----END CERTIFICATE-----".to_owned(),
        ] {
            assert!(is_same(&same, PEM), "{same}");
        }
    }

    #[test]
    fn nothing_else_is_the_same() {
        for other in [
            "",
            "AQIDBAUGBwgJCgsM",
            "-----BEGIN CERTIFICATE-----\nAQIDBAUGBwgJCgsN\n-----END CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----\nAQIDBAUGBwgJCgsM\n",
            &PEM.repeat(2),
        ] {
            assert!(!is_same(other, PEM), "{other}");
        }
    }

    #[test]
    fn what_is_no_certificate_is_not_even_the_same_as_itself() {
        for other in ["", "AQIDBAUGBwgJCgsM", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"] {
            assert!(!is_same(other, other), "{other}");
        }
    }
}
