use super::super::Ciphertext;
use super::*;
use crate::error::Exception;

/// Version 2: the key 1234abcd-12ab-34cd-56ef-1234567890ab, an IV of 12 bytes a1, tag of b2, metadata c3 c3, 29 bytes of d4.
const VERSION_2: &str = "021234abcd12ab34cd56ef1234567890abcadd3133\
                         0ca1a1a1a1a1a1a1a1a1a1a1a1b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b202c3c3\
                         d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4";

fn header() -> Header {
    Header::new(&KeyId::parse("1234abcd-12ab-34cd-56ef-1234567890ab").unwrap())
}

fn sealed(iv: usize, metadata: usize, ciphertext: usize) -> Sealed {
    Sealed {
        ciphertext: vec![0xd4; ciphertext],
        iv: vec![0xa1; iv],
        tag: vec![0xb2; 16],
        ciphertext_metadata: vec![0xc3; metadata],
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn parses(sealed: &Sealed) -> bool {
    let blob = header().blob(sealed);
    match External::parse(&blob.0) {
        Ok(parsed) => {
            assert_eq!(parsed, External { header: header(), sealed: sealed.clone() });
            true
        }
        Err(error) => {
            assert_eq!(error.exception, Exception::InvalidCiphertext);
            false
        }
    }
}

#[test]
fn version_2_stays_as_it_is() {
    let old = bytes(VERSION_2);
    assert_eq!(header().blob(&sealed(12, 2, 29)).0, old);
    let Ciphertext::External(parsed) = Ciphertext::parse(&old).unwrap() else { panic!("of HSMs") };
    assert_eq!(parsed, External { header: header(), sealed: sealed(12, 2, 29) });
    assert_eq!(parsed.header.key().to_string(), "1234abcd-12ab-34cd-56ef-1234567890ab");
    let context = EncryptionContext::from([("a".into(), "bc".into())]);
    let encoded = bytes("0000000161000000026263");
    assert_eq!(parsed.header.inner_aad(&context), [&old[..21], &encoded].concat());
    assert_eq!(parsed.header.outer_aad(&context), [&old[..21], &[0], &encoded].concat());
}

#[test]
fn what_the_api_allows_has_a_form() {
    for iv in [12, 16] {
        for metadata in [0, 1, 20] {
            for ciphertext in [29, 30, 4124] {
                assert!(parses(&sealed(iv, metadata, ciphertext)), "{iv} {metadata} {ciphertext}");
            }
        }
    }
    for (iv, metadata, ciphertext) in
        [(0, 0, 29), (11, 0, 29), (13, 0, 29), (12, 21, 29), (12, 0, 28), (12, 0, 4125), (12, 0, 0)]
    {
        assert!(!parses(&sealed(iv, metadata, ciphertext)), "{iv} {metadata} {ciphertext}");
    }
}

#[test]
fn a_changed_header_and_a_short_blob_are_no_ciphertext() {
    let blob = header().blob(&sealed(12, 2, 29)).0;
    for at in 0..HEADER_BYTES {
        for bit in 0..8 {
            let mut changed = blob.clone();
            changed[at] ^= 1 << bit;
            let error = Ciphertext::parse(&changed).unwrap_err();
            assert_eq!(error.exception, Exception::InvalidCiphertext, "bit {bit} of byte {at}");
        }
    }
    for bytes in 0..blob.len() {
        assert!(Ciphertext::parse(&blob[..bytes]).is_err(), "{bytes}");
    }
}

#[test]
fn every_proxy_takes_the_longest_context() {
    let aad = |bytes: usize| {
        let context = EncryptionContext::from([("k".into(), "v".repeat(bytes - 1))]);
        header().outer_aad(&context)
    };
    // 22 bytes of header and form, 8 of the lengths of key and value.
    assert_eq!(aad(8162).len(), 8192);
    assert_eq!((aad(8162)[21], aad(8163)[21]), (AS_IT_IS, DIGEST));
    assert_eq!(aad(8163).len(), 22 + 32);
    assert_ne!(aad(8163), aad(8164));
    let many = (0..=2048).map(|number| (format!("{number:04}"), String::new())).collect();
    assert_eq!(header().outer_aad(&many).len(), 22 + 32);
}

#[test]
fn any_bytes_are_parsed_or_refused() {
    bolero::check!().for_each(|blob: &[u8]| {
        // The check is that of the bytes before it, or no header would pass.
        let mut blob = blob.to_vec();
        if blob.len() > HEADER_BYTES {
            blob[0] = VERSION;
            let check = check(&blob[..KEY.end]);
            blob[KEY.end..HEADER_BYTES].copy_from_slice(&check);
        }
        if let Ok(Ciphertext::External(parsed)) = Ciphertext::parse(&blob) {
            assert_eq!(parsed.header.blob(&parsed.sealed).0, blob);
        }
    });
}
