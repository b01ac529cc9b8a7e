//! Files of SoftHSM 2.6.1, whole and spoilt. The whole of an import is tested with real tokens in service/tests/it.

use super::file::Damage;
use super::*;
use cryptoki_sys::*;

/// A token that SoftHSM made, with one AES key of 32 bytes `A`, private and sensitive.
const TOKEN: &[u8] = include_bytes!("../../../tests/fixtures/softhsm-2.6.1/token.object");
const KEY: &[u8] = include_bytes!("../../../tests/fixtures/softhsm-2.6.1/2c6a1c6e-aes.object");
const PIN: &[u8] = b"1234-abcd";

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/softhsm-2.6.1")
}

fn blob() -> Vec<u8> {
    Attributes::parse(TOKEN).unwrap().bytes(USER_PIN).unwrap().to_vec()
}

#[test]
fn the_pin_opens_what_softhsm_closed() {
    let token = Token::find(&fixture(), None).ok().unwrap();
    assert_eq!(token.label, "fixture");
    let opened = token.unlock(PIN).ok().unwrap();
    let files = opened.files().ok().unwrap();
    assert_eq!(files.len(), 1);
    let object = opened.object(&files[0]).unwrap();
    let value =
        |kind| object.iter().find(|(own, _)| *own == kind).map(|(_, value)| value.as_slice()).unwrap();
    assert_eq!(value(CKA_VALUE), [b'A'; 32]);
    assert_eq!(value(CKA_LABEL), b"known");
    assert_eq!(value(CKA_ID), [0x0a, 0x0b]);
    assert_eq!(value(CKA_KEY_TYPE), CKK_AES.to_le_bytes());
    assert_eq!((value(CKA_SENSITIVE), value(CKA_PRIVATE)), (&[1][..], &[1][..]));
}

#[test]
fn another_pin_opens_nothing() {
    for pin in [&b"1234-abce"[..], b"", b"1234-abcd\n", &[0; 300]] {
        assert!(TokenKey::open(&blob(), pin).unwrap().is_none(), "{pin:?}");
    }
}

#[test]
fn a_spoilt_pin_blob_opens_nothing() {
    let good = blob();
    let value = Attributes::parse(KEY).unwrap().bytes(CKA_VALUE).unwrap().to_vec();
    assert!(TokenKey::open(&good, PIN).unwrap().is_some());
    for length in 0..good.len() {
        assert!(TokenKey::open(&good[..length], PIN).unwrap().is_none(), "{length} bytes");
    }
    // One bit of each byte, for each try costs 1500 hashes; the last block's padding is looked at whole.
    for at in 0..good.len() {
        let mut spoilt = good.clone();
        spoilt[at] ^= 1 << (at % 8);
        if let Some(key) = TokenKey::open(&spoilt, PIN).unwrap() {
            // CBC without a MAC: a change of a block's forerunner changes that block alone, and in these places it
            // meets neither the three letters nor the padding. Such a key opens no object.
            assert!((11..24).contains(&at) || (40..43).contains(&at), "byte {at}");
            assert!(
                key.decrypt(&value).unwrap().is_none_or(|plain| plain.expose() != [b'A'; 32]),
                "byte {at}"
            );
        }
    }
}

#[test]
fn values_of_every_kind_are_read() {
    let number = |n: u64| n.to_be_bytes().to_vec();
    let inner = [number(CKA_ENCRYPT), number(1), vec![255], number(CKA_KEY_TYPE), number(2), number(CKK_AES)]
        .concat();
    let file = [
        number(7),
        [number(CKA_TOKEN), number(1), vec![255]].concat(),
        [number(CKA_LABEL), number(3), number(3), b"abc".to_vec()].concat(),
        [number(CKA_WRAP_TEMPLATE), number(4), number(inner.len() as u64), inner].concat(),
        [number(CKA_ALLOWED_MECHANISMS), number(5), number(2), number(1), number(CKM_AES_GCM)].concat(),
        [number(CKA_LABEL), number(3), number(1), b"z".to_vec()].concat(),
    ]
    .concat();
    let attributes = Attributes::parse(&file).unwrap();
    assert_eq!(attributes.flag(CKA_TOKEN), Some(true));
    assert_eq!(attributes.bytes(CKA_LABEL), Some(&b"z"[..]));
    assert_eq!(attributes.iter().map(|(kind, _)| kind).filter(|kind| *kind == CKA_LABEL).count(), 1);
    assert_eq!(attributes.get(CKA_ALLOWED_MECHANISMS), Some(&Value::Mechanisms(vec![1, CKM_AES_GCM])));
    let template = as_in_template(attributes.get(CKA_WRAP_TEMPLATE).unwrap());
    let template = vhsm_pkcs11::object::embedded(&template).unwrap();
    assert_eq!(template.flag(CKA_ENCRYPT).unwrap(), Some(true));
    assert_eq!(template.number(CKA_KEY_TYPE).unwrap(), Some(CKK_AES));
}

#[test]
fn what_cannot_be_in_a_file_is_said() {
    let number = |n: u64| n.to_be_bytes().to_vec();
    let file = |parts: &[Vec<u8>]| Attributes::parse(&[number(1), parts.concat()].concat()).unwrap_err();
    assert_eq!(Attributes::parse(&[]).unwrap_err(), Damage::Empty);
    assert_eq!(file(&[number(3), number(9), number(0)]), Damage::Kind(9));
    assert_eq!(file(&[number(3), number(3), number(u64::MAX)]), Damage::CutShort);
    assert_eq!(file(&[number(3), number(5), number(u64::MAX / 8 + 2)]), Damage::CutShort);
    assert_eq!(file(&[number(3), number(4), number(1 << 40)]), Damage::CutShort);
    let template_in_template = [number(3), number(4), number(24), number(3), number(4), number(0)];
    assert_eq!(file(&template_in_template), Damage::Kind(4));
}

#[test]
fn a_file_that_is_cut_is_never_taken_for_a_whole_one_with_a_part_of_an_attribute() {
    let whole = Attributes::parse(KEY).unwrap();
    for length in 0..KEY.len() {
        if let Ok(part) = Attributes::parse(&KEY[..length]) {
            let (part, whole) = (part.iter().collect::<Vec<_>>(), whole.iter().collect::<Vec<_>>());
            assert_eq!(part, whole[..part.len()], "{length} bytes");
        }
    }
}

#[test]
fn no_flipped_bit_makes_a_panic() {
    let key = TokenKey::open(&blob(), PIN).unwrap().unwrap();
    for bit in 0..KEY.len() * 8 {
        let mut spoilt = KEY.to_vec();
        spoilt[bit / 8] ^= 1 << (bit % 8);
        taken(&spoilt, &key);
    }
}

#[test]
fn no_bytes_make_a_panic() {
    let key = TokenKey::open(&blob(), PIN).unwrap().unwrap();
    bolero::check!()
        .with_test_time(std::time::Duration::from_secs(2))
        .with_max_len(4096)
        .for_each(|bytes: &[u8]| taken(bytes, &key));
}

/// A file on its way up to the object that is made of it.
fn taken(file: &[u8], key: &TokenKey) {
    let Ok(attributes) = Attributes::parse(file) else { return };
    let values: Vec<_> = attributes
        .iter()
        .map(|(kind, value)| match value {
            Value::Bytes(bytes) => match key.decrypt(bytes.expose()).unwrap() {
                Some(plain) => (kind, Zeroizing::new(plain.expose().to_vec())),
                None => (kind, Zeroizing::new(bytes.expose().to_vec())),
            },
            value => (kind, as_in_template(value)),
        })
        .collect();
    crate::import::names::ObjectView::of(&values);
    let attributes = values.iter().map(|(kind, value)| vhsm_pkcs11::object::Attribute { kind: *kind, value });
    let template = vhsm_pkcs11::object::Template { attributes: attributes.collect() };
    let context = vhsm_pkcs11::object::Context { user: true, ..Default::default() };
    let _ = vhsm_pkcs11::object::Object::adopt(&template, &context).map(|adopted| adopted.object.identity());
}
