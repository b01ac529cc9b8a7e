//! What an HSM authenticates beside the plaintext (XKS Proxy API 1.0.3, "Encrypt"; reference/xks-proxy.md sec. 5).
//!
//! Both lengths are in it, so that nothing can be moved from the one part to the other.

use sha2::{Digest, Sha256};

/// The specification's: `u16be(len(AAD)) || AAD || u8(len(metadata)) || metadata`. At most 65,535 bytes, which the limit keeps, and at most 255.
pub fn plain(aad: &[u8], ciphertext_metadata: &[u8]) -> Vec<u8> {
    framed(aad.len(), aad, ciphertext_metadata)
}

/// What Decrypt tries, one after the other. `reference`: the reference proxy's form too, which has the AAD's SHA-256 digest in
/// place of the AAD, and nothing where there is no AAD. That is the specification's form then, so it is not tried twice.
pub fn to_try(aad: Option<&[u8]>, ciphertext_metadata: &[u8], reference: bool) -> Vec<Vec<u8>> {
    let specified = plain(aad.unwrap_or_default(), ciphertext_metadata);
    match aad {
        Some(aad) if reference => {
            vec![specified, framed(aad.len(), &Sha256::digest(aad), ciphertext_metadata)]
        }
        _ => vec![specified],
    }
}

fn framed(aad_bytes: usize, aad: &[u8], ciphertext_metadata: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(3 + aad.len() + ciphertext_metadata.len());
    framed.extend_from_slice(&(aad_bytes as u16).to_be_bytes());
    framed.extend_from_slice(aad);
    framed.push(ciphertext_metadata.len() as u8);
    framed.extend_from_slice(ciphertext_metadata);
    framed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_stand_before_what_they_measure() {
        assert_eq!(plain(b"aad", b"cm"), b"\x00\x03aad\x02cm");
        assert_eq!(plain(b"", b""), [0, 0, 0]);
        let large = plain(&[7; 0x1234], b"");
        assert_eq!((large.len(), &large[..2]), (0x1234 + 3, &[0x12, 0x34][..]));
    }

    /// The reference proxy keeps the length of the AAD itself before its digest, and tells absent from empty.
    #[test]
    fn the_reference_proxys_form_is_tried_after_the_specifications() {
        assert_eq!(to_try(None, b"m", true), [b"\x00\x00\x01m"]);
        let digest = |of: &[u8]| Sha256::digest(of).to_vec();
        let empty = [b"\x00\x00".to_vec(), digest(b""), b"\x01m".to_vec()].concat();
        assert_eq!(to_try(Some(b""), b"m", true), [b"\x00\x00\x01m".to_vec(), empty]);
        let full = [b"\x00\x03".to_vec(), digest(b"aad"), b"\x00".to_vec()].concat();
        assert_eq!(to_try(Some(b"aad"), b"", true), [b"\x00\x03aad\x00".to_vec(), full]);
        assert_eq!(to_try(Some(b"aad"), b"", false).len(), 1);
    }
}
