//! Profile `cloudhsm`: keys that are derived, compared with what AWS-LC derives outside the token.

use crate::support::*;
use cryptoki_sys::*;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::{MessageDigest, hash};
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::symm::{Cipher, encrypt};
use vhsm_pkcs11::profile::vendor::*;
use vhsm_pkcs11::profile::{ATTRIBUTES, ECDH_KDFS, Given, KEY_KINDS, KeyRules, Making};

const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const BLOCK: &[u8; 16] = b"sixteen of bytes";

/// A CK_ECDH1_DERIVE_PARAMS as bytes, good while `point` lives.
fn ecdh(kdf: CK_EC_KDF_TYPE, point: &[u8]) -> Mechanism {
    let params = CK_ECDH1_DERIVE_PARAMS {
        kdf,
        ulSharedDataLen: 0,
        pSharedData: std::ptr::null_mut(),
        ulPublicDataLen: point.len() as CK_ULONG,
        pPublicData: point.as_ptr().cast_mut(),
    };
    Mechanism::with(CKM_ECDH1_DERIVE, bytes_of(&params))
}

fn bytes_of<T>(value: &T) -> &[u8] {
    // SAFETY: the structures of these tests have no padding.
    unsafe { std::slice::from_raw_parts(std::ptr::from_ref(value).cast(), size_of::<T>()) }
}

fn ec_pair(session: &Session) -> (CK_OBJECT_HANDLE, CK_OBJECT_HANDLE) {
    let by = Mechanism::plain(CKM_EC_KEY_PAIR_GEN);
    session.generate_pair(by, &[(CKA_EC_PARAMS, P256)], &[(CKA_DERIVE, YES)]).unwrap()
}

/// What an AES key is asked for with.
struct Asked([u8; 8], [u8; 8], [u8; 8]);

impl Asked {
    fn aes() -> Asked {
        Asked(number(CKO_SECRET_KEY), number(CKK_AES), number(32))
    }

    fn template(&self) -> Vec<Pair<'_>> {
        let Asked(class, kind, length) = self;
        vec![(CKA_CLASS, class), (CKA_KEY_TYPE, kind), (CKA_VALUE_LEN, length), (CKA_ENCRYPT, YES)]
    }
}

fn encrypted(session: &Session, key: CK_OBJECT_HANDLE) -> Vec<u8> {
    expect("init", session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key), CKR_OK);
    session.encrypt(BLOCK).unwrap()
}

fn encrypted_outside(key: &[u8]) -> Vec<u8> {
    encrypt(Cipher::aes_256_ecb(), key, None, BLOCK).unwrap()[..16].to_vec()
}

/// ANSI X9.63: hashes of the secret and a counter.
fn x963(digest: MessageDigest, secret: &[u8]) -> Vec<u8> {
    let blocks =
        (1..=2u32).flat_map(|n| hash(digest, &[secret, &n.to_be_bytes()].concat()).unwrap().to_vec());
    blocks.take(32).collect()
}

#[test]
fn ecdh_has_the_vendors_functions() {
    let hsm = CloudHsm::new();
    let session = hsm.user();
    let (public, private) = ec_pair(&session);
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let peer = EcKey::generate(&group).unwrap();
    let mut context = openssl::bn::BigNumContext::new().unwrap();
    let form = openssl::ec::PointConversionForm::UNCOMPRESSED;
    let point = peer.public_key().to_bytes(&group, form, &mut context).unwrap();

    let own = session.get(public, CKA_EC_POINT).unwrap();
    let own = openssl::ec::EcPoint::from_bytes(&group, &own[2..], &mut context).unwrap();
    let own = PKey::from_ec_key(EcKey::from_public_key(&group, &own).unwrap()).unwrap();
    let peer = PKey::from_ec_key(peer).unwrap();
    let mut agreement = openssl::derive::Deriver::new(&peer).unwrap();
    agreement.set_peer(&own).unwrap();
    let secret = agreement.derive_to_vec().unwrap();

    let asked = Asked::aes();
    for (kdf, digest) in [
        (CKD_CLOUDHSM_X963_SHA1_KDF, MessageDigest::sha1()),
        (CKD_CLOUDHSM_X963_SHA224_KDF, MessageDigest::sha224()),
        (CKD_CLOUDHSM_X963_SHA256_KDF, MessageDigest::sha256()),
        (CKD_CLOUDHSM_X963_SHA384_KDF, MessageDigest::sha384()),
        (CKD_CLOUDHSM_X963_SHA512_KDF, MessageDigest::sha512()),
    ] {
        assert!(ECDH_KDFS.iter().any(|(_, vendors, _)| *vendors == kdf));
        let wrapped = [&[0x04, 0x41][..], &point].concat();
        for form in [&point, &wrapped] {
            let key = session.derive(ecdh(kdf, form), private, &asked.template()).unwrap();
            assert_eq!(encrypted(&session, key), encrypted_outside(&x963(digest, &secret)), "{kdf:#x}");
        }
    }
    for kdf in [CKD_NULL, CKD_SHA1_KDF, CKD_SHA256_KDF, CKD_SHA256_KDF_SP800, CKM_VENDOR_DEFINED, 0] {
        let rv = session.derive(ecdh(kdf, &point), private, &asked.template()).unwrap_err();
        expect(&format!("{kdf:#x}"), rv, CKR_MECHANISM_PARAM_INVALID);
    }
    drop(hsm);

    let hsm = CloudHsm::with(2, "enable_ecdh_without_kdf = true");
    let session = hsm.user();
    let (_, private) = ec_pair(&session);
    let bare = session.derive(ecdh(CKD_NULL, &point), private, &asked.template()).unwrap();
    assert_eq!(encrypted(&session, bare).len(), 16);
    let rv = session.derive(ecdh(CKD_SHA256_KDF, &point), private, &asked.template()).unwrap_err();
    expect("the standard's function", rv, CKR_MECHANISM_PARAM_INVALID);
}

/// CK_CLOUDHSM_SP800_108_KDF_PARAMS and what it leads to (include/vhsm.h).
#[repr(C)]
struct KdfParams {
    prf: CK_MECHANISM_TYPE,
    count: CK_ULONG,
    data: *const DataParam,
}

#[repr(C)]
struct DataParam {
    kind: CK_ULONG,
    value: *const u8,
    length: CK_ULONG,
}

/// Pieces of input by their type.
fn kdf(prf: CK_MECHANISM_TYPE, pieces: &[(CK_ULONG, &[u8])], data: &mut Vec<DataParam>) -> Mechanism {
    data.clear();
    data.extend(pieces.iter().map(|(kind, value)| DataParam {
        kind: *kind,
        value: value.as_ptr(),
        length: value.len() as CK_ULONG,
    }));
    let params = KdfParams { prf, count: data.len() as CK_ULONG, data: data.as_ptr() };
    Mechanism::with(CKM_CLOUDHSM_SP800_108_COUNTER_KDF, bytes_of(&params))
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let pad = |byte: u8| (0..64).map(|at| key.get(at).unwrap_or(&0) ^ byte).collect::<Vec<_>>();
    let digest = |data: Vec<u8>| hash(MessageDigest::sha256(), &data).unwrap().to_vec();
    digest([pad(0x5c), digest([pad(0x36), message.to_vec()].concat())].concat())
}

#[test]
fn the_counter_mode_takes_its_pieces_in_their_order() {
    let hsm = CloudHsm::new();
    let session = hsm.user();
    let base_key = [9; 32];
    let (class, kind) = (number(CKO_SECRET_KEY), number(CKK_AES));
    let base = [(CKA_CLASS, &class[..]), (CKA_KEY_TYPE, &kind), (CKA_VALUE, &base_key), (CKA_DERIVE, YES)];
    let base = session.create(&base).unwrap();
    let (counter, length) = (number(32), [number(1), number(32)].concat());
    let (count, bits) = (1u32.to_be_bytes(), 256u32.to_be_bytes());
    let (asked, mut data) = (Asked::aes(), Vec::new());
    for (pieces, message) in [
        // Of the new numbers, in two orders.
        (
            [(3, &b"label"[..]), (1, &counter), (3, b"context"), (2, &length)],
            [&b"label"[..], &count, b"context", &bits].concat(),
        ),
        (
            [(1, &counter), (2, &length), (3, b"label"), (3, b"context")],
            [&count[..], &bits, b"label", b"context"].concat(),
        ),
        // Of the old ones.
        (
            [(4, &counter), (5, b"label"), (6, b"context"), (7, &length)],
            [&count[..], b"label", b"context", &bits].concat(),
        ),
    ] {
        let by = kdf(CKM_SHA256_HMAC, &pieces, &mut data);
        let key = session.derive(by, base, &asked.template()).unwrap();
        let wanted = encrypted_outside(&hmac_sha256(&base_key, &message));
        assert_eq!(encrypted(&session, key), wanted, "{pieces:?}");
    }
    for prf in [CKM_SHA_1_HMAC, CKM_SHA224_HMAC, CKM_SHA384_HMAC, CKM_SHA512_HMAC, CKM_AES_CMAC] {
        let by = kdf(prf, &[(1, &counter), (3, b"label")], &mut data);
        assert!(session.derive(by, base, &asked.template()).is_ok(), "{prf:#x}");
    }
    for prf in [CKM_SHA256, CKM_SHA3_256_HMAC, CKM_SHA512_256_HMAC, CKM_DES3_CMAC, 0] {
        let by = kdf(prf, &[(1, &counter), (3, b"label")], &mut data);
        let rv = session.derive(by, base, &asked.template()).unwrap_err();
        expect(&format!("{prf:#x}"), rv, CKR_MECHANISM_PARAM_INVALID);
    }
    for width in [8, 24, 64] {
        let by = kdf(CKM_SHA256_HMAC, &[(1, &number(width)), (3, b"label")], &mut data);
        let rv = session.derive(by, base, &asked.template()).unwrap_err();
        expect(&format!("a counter of {width} bits"), rv, CKR_MECHANISM_PARAM_INVALID);
    }
    let rv =
        session.derive(Mechanism::plain(CKM_SP800_108_COUNTER_KDF), base, &asked.template()).unwrap_err();
    expect("the standard's", rv, CKR_MECHANISM_INVALID);
}

/// The columns for C_DeriveKey of the profile's attribute table.
#[test]
fn a_derived_keys_template_is_the_guides() {
    let hsm = CloudHsm::with(2, "fips = false");
    let session = hsm.user();
    let base = session.aes_key(&[(CKA_DERIVE, YES)]);
    let counter = number(32);
    let derive = |template: &[Pair]| {
        let mut data = Vec::new();
        let by = kdf(CKM_SHA256_HMAC, &[(1, &counter), (3, b"label")], &mut data);
        session.derive(by, base, template)
    };
    for (what, class, kind) in KEY_KINDS.into_iter().filter(|(_, class, _)| *class == CKO_SECRET_KEY) {
        let rules = KeyRules::of(class, kind).unwrap();
        let (class, key_type, length) = (number(class), number(kind), number(24));
        let mut template: Vec<Pair> = vec![(CKA_CLASS, &class), (CKA_KEY_TYPE, &key_type)];
        if kind != CKK_DES3 {
            template.push((CKA_VALUE_LEN, &length));
            let rv = derive(&template[..2]).unwrap_err();
            expect(&format!("{what} without a length"), rv, CKR_TEMPLATE_INCOMPLETE);
        }
        let key = derive(&template).unwrap();
        for flag in [CKA_LOCAL, CKA_PRIVATE, CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_MODIFIABLE, CKA_DESTROYABLE]
        {
            assert!(session.flag(key, flag), "{what} {flag:#x}");
        }
        for flag in [CKA_TOKEN, CKA_DERIVE, CKA_SIGN, CKA_VERIFY, CKA_WRAP_WITH_TRUSTED, CKA_TRUSTED] {
            assert!(!session.flag(key, flag), "{what} {flag:#x}");
        }
        for row in ATTRIBUTES {
            let wanted = match rules.given(Making::Derive, row.kind) {
                Given::ReadOnly => CKR_ATTRIBUTE_READ_ONLY,
                Given::Never => CKR_TEMPLATE_INCONSISTENT,
                Given::DefaultOnly => {
                    let rv = derive(&[&template[..], &[(row.kind, NO)]].concat()).unwrap_err();
                    expect(&format!("{what} {}", row.name), rv, CKR_TEMPLATE_INCONSISTENT);
                    continue;
                }
                Given::May => {
                    let value: &[u8] = if matches!(row.kind, CKA_LABEL | CKA_ID) { b"text" } else { YES };
                    assert!(
                        derive(&[&template[..], &[(row.kind, value)]].concat()).is_ok(),
                        "{what} {}",
                        row.name
                    );
                    continue;
                }
                Given::Must => continue,
            };
            let is_list = matches!(row.kind, CKA_WRAP_TEMPLATE | CKA_UNWRAP_TEMPLATE);
            let value = if is_list { &[][..] } else { YES };
            let rv = derive(&[&template[..], &[(row.kind, value)]].concat()).unwrap_err();
            expect(&format!("{what} {}", row.name), rv, wanted);
        }
    }
}
