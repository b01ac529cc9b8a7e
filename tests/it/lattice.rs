//! ML-DSA and ML-KEM through the interface (PKCS#11 3.2).

use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;

/// Of every set of ML-DSA: CKA_PARAMETER_SET, bytes of the public key, the expanded private key, a signature.
const DSA: [(CK_ULONG, usize, usize, usize); 3] =
    [(CKP_ML_DSA_44, 1312, 2560, 2420), (CKP_ML_DSA_65, 1952, 4032, 3309), (CKP_ML_DSA_87, 2592, 4896, 4627)];
/// The same of ML-KEM, with the bytes of a ciphertext.
const KEM: [(CK_ULONG, usize, usize, usize); 3] = [
    (CKP_ML_KEM_512, 800, 1632, 768),
    (CKP_ML_KEM_768, 1184, 2400, 1088),
    (CKP_ML_KEM_1024, 1568, 3168, 1568),
];

fn pair(session: &Session, by: CK_MECHANISM_TYPE, set: CK_ULONG) -> Result<(u64, u64), CK_RV> {
    let private: [Pair; 2] = [(CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)];
    session.generate_pair(Mechanism::plain(by), &[(CKA_PARAMETER_SET, &number(set))], &private)
}

fn import(
    session: &Session,
    class: CK_OBJECT_CLASS,
    kind: CK_KEY_TYPE,
    set: CK_ULONG,
    parts: &[Pair],
) -> Result<u64, CK_RV> {
    let (class_value, kind, set) = (number(class), number(kind), number(set));
    let head: [Pair; 3] = [(CKA_CLASS, &class_value), (CKA_KEY_TYPE, &kind), (CKA_PARAMETER_SET, &set)];
    let open: [Pair; 2] = [(CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)];
    let open = if class == CKO_PRIVATE_KEY { &open[..] } else { &[] };
    session.create(&[&head, open, parts].concat())
}

fn with_context(kind: CK_MECHANISM_TYPE, hedge: CK_ULONG, context: &[u8]) -> Mechanism {
    let mut behind = vec![context.to_vec()];
    let params = CK_SIGN_ADDITIONAL_CONTEXT {
        hedgeVariant: hedge,
        pContext: behind[0].as_mut_ptr(),
        ulContextLen: context.len() as CK_ULONG,
    };
    Mechanism::structure(kind, &params, behind)
}

fn with_hash(hash: CK_MECHANISM_TYPE) -> Mechanism {
    let params = CK_HASH_SIGN_ADDITIONAL_CONTEXT {
        hedgeVariant: CKH_HEDGE_PREFERRED,
        pContext: null_mut(),
        ulContextLen: 0,
        hash,
    };
    Mechanism::structure(CKM_HASH_ML_DSA, &params, Vec::new())
}

#[test]
fn ml_dsa_signs_with_every_set() {
    let token = Token::new();
    let session = token.user();
    let by = || Mechanism::plain(CKM_ML_DSA);
    for (set, public_bytes, private_bytes, signature_bytes) in DSA {
        let (public, private) = pair(&session, CKM_ML_DSA_KEY_PAIR_GEN, set).unwrap();
        assert_eq!(session.get(public, CKA_VALUE).unwrap().len(), public_bytes);
        assert_eq!(session.get(private, CKA_VALUE).unwrap().len(), private_bytes);
        assert_eq!(session.get(private, CKA_SEED).unwrap().len(), 32);
        assert_eq!(session.get(private, CKA_PARAMETER_SET).unwrap(), number(set));
        assert!(session.flag(public, CKA_VERIFY) && session.flag(private, CKA_SIGN));
        let info = session.get(public, CKA_PUBLIC_KEY_INFO).unwrap();
        assert_eq!(session.get(private, CKA_PUBLIC_KEY_INFO).unwrap(), info);
        expect("init", session.sign_init(by(), private), CKR_OK);
        let signature = session.sign(b"in parts").unwrap();
        assert_eq!(signature.len(), signature_bytes);
        expect("init", session.verify_init(by(), public), CKR_OK);
        expect("update", session.verify_update(b"in "), CKR_OK);
        expect("update", session.verify_update(b"parts"), CKR_OK);
        expect("final", session.verify_final(&signature), CKR_OK);
        let verify = |data: &[u8], signature: &[u8]| {
            expect("init", session.verify_init(by(), public), CKR_OK);
            session.verify(data, signature)
        };
        expect("other data", verify(b"in part", &signature), CKR_SIGNATURE_INVALID);
        expect("cut", verify(b"in parts", &signature[1..]), CKR_SIGNATURE_LEN_RANGE);
        expect("zeros", verify(b"in parts", &vec![0; signature_bytes]), CKR_SIGNATURE_INVALID);
    }
    assert_eq!(pair(&session, CKM_ML_DSA_KEY_PAIR_GEN, 0), Err(CKR_PARAMETER_SET_NOT_SUPPORTED));
    assert_eq!(pair(&session, CKM_ML_DSA_KEY_PAIR_GEN, 4), Err(CKR_PARAMETER_SET_NOT_SUPPORTED));
    let by = Mechanism::plain(CKM_ML_DSA_KEY_PAIR_GEN);
    assert_eq!(session.generate_pair(by, &[], &[]), Err(CKR_TEMPLATE_INCOMPLETE));
}

#[test]
fn contexts_and_hashes_are_the_parameters() {
    let token = Token::new();
    let session = token.user();
    let (public, private) = pair(&session, CKM_ML_DSA_KEY_PAIR_GEN, CKP_ML_DSA_44).unwrap();
    let context = |hedge, context: &[u8]| with_context(CKM_ML_DSA, hedge, context);
    expect("init", session.sign_init(context(CKH_HEDGE_REQUIRED, b"context"), private), CKR_OK);
    let signature = session.sign(b"data").unwrap();
    for (given, code) in
        [(&b"context"[..], CKR_OK), (b"other", CKR_SIGNATURE_INVALID), (b"", CKR_SIGNATURE_INVALID)]
    {
        let by = context(CKH_DETERMINISTIC_REQUIRED, given);
        expect("init: the hedge is not looked at", session.verify_init(by, public), CKR_OK);
        expect("verify", session.verify(b"data", &signature), code);
    }
    for wrong in [
        context(CKH_DETERMINISTIC_REQUIRED, b""),
        context(3, b""),
        context(0, &[1; 256]),
        Mechanism::with(CKM_ML_DSA, &[0; 23]),
    ] {
        expect("parameter", session.sign_init(wrong, private), CKR_MECHANISM_PARAM_INVALID);
    }
    // A digest of one's own is what CKM_HASH_ML_DSA signs, at once.
    expect("init", session.digest_init(Mechanism::plain(CKM_SHA512)), CKR_OK);
    let digest = session.digest(b"data").unwrap();
    expect("init", session.sign_init(with_hash(CKM_SHA512), private), CKR_OK);
    let signature = session.sign(&digest).unwrap();
    let by = Mechanism::plain(CKM_HASH_ML_DSA_SHA512);
    expect("init", session.verify_init(by, public), CKR_OK);
    expect("update", session.verify_update(b"da"), CKR_OK);
    expect("update", session.verify_update(b"ta"), CKR_OK);
    expect("final", session.verify_final(&signature), CKR_OK);
    expect("init", session.sign_init(with_hash(CKM_SHA512), private), CKR_OK);
    assert_eq!(session.sign(&digest[1..]), Err(CKR_DATA_LEN_RANGE));
    expect("init", session.sign_init(with_hash(CKM_SHA512), private), CKR_OK);
    expect("no parts", session.sign_update(&digest), CKR_FUNCTION_NOT_SUPPORTED);
    expect("hash", session.sign_init(with_hash(CKM_SHA_1), private), CKR_MECHANISM_PARAM_INVALID);
    let none = Mechanism::plain(CKM_HASH_ML_DSA);
    expect("no parameter", session.sign_init(none, private), CKR_MECHANISM_PARAM_INVALID);
}

#[test]
fn private_keys_are_a_seed_or_a_value_or_both() {
    let token = Token::new();
    let session = token.user();
    for (by, kind, sets) in
        [(CKM_ML_DSA_KEY_PAIR_GEN, CKK_ML_DSA, DSA), (CKM_ML_KEM_KEY_PAIR_GEN, CKK_ML_KEM, KEM)]
    {
        let (set, ..) = sets[1];
        let (public, private) = pair(&session, by, set).unwrap();
        let (_, other) = pair(&session, by, set).unwrap();
        let get = |key, part| session.get(key, part).unwrap();
        let (seed, value) = (get(private, CKA_SEED), get(private, CKA_VALUE));
        let create = |set, parts: &[Pair]| import(&session, CKO_PRIVATE_KEY, kind, set, parts);
        for parts in [&[(CKA_SEED, &seed[..])][..], &[(CKA_SEED, &seed), (CKA_VALUE, &value)]] {
            let key = create(set, parts).unwrap();
            assert_eq!((get(key, CKA_SEED), get(key, CKA_VALUE)), (seed.clone(), value.clone()));
        }
        let key = create(set, &[(CKA_VALUE, &value)]).unwrap();
        assert_eq!((get(key, CKA_SEED), get(key, CKA_VALUE)), (Vec::new(), value.clone()));
        assert_eq!(get(key, CKA_PUBLIC_KEY_INFO), get(public, CKA_PUBLIC_KEY_INFO));
        assert_eq!(create(set, &[]), Err(CKR_TEMPLATE_INCOMPLETE));
        let mixed: [Pair; 2] = [(CKA_SEED, &get(other, CKA_SEED)), (CKA_VALUE, &value)];
        assert_eq!(create(set, &mixed), Err(CKR_TEMPLATE_INCONSISTENT));
        assert_eq!(create(set, &[(CKA_SEED, &seed[1..])]), Err(CKR_ATTRIBUTE_VALUE_INVALID));
        assert_eq!(create(set, &[(CKA_VALUE, &value[1..])]), Err(CKR_ATTRIBUTE_VALUE_INVALID));
        assert_eq!(create(sets[0].0, &[(CKA_VALUE, &value)]), Err(CKR_ATTRIBUTE_VALUE_INVALID));
        assert_eq!(create(9, &[(CKA_SEED, &seed)]), Err(CKR_PARAMETER_SET_NOT_SUPPORTED));
        // What belongs to the public key stands in an expanded private key too.
        let mut spoilt = value.clone();
        *spoilt.iter_mut().rev().nth(40).unwrap() ^= 1;
        if kind == CKK_ML_KEM {
            assert_eq!(create(set, &[(CKA_VALUE, &spoilt)]), Err(CKR_ATTRIBUTE_VALUE_INVALID));
        }
        let point = get(public, CKA_VALUE);
        let public = |value: &[u8]| import(&session, CKO_PUBLIC_KEY, kind, set, &[(CKA_VALUE, value)]);
        assert_eq!(get(public(&point).unwrap(), CKA_VALUE), point);
        assert_eq!(public(&point[1..]), Err(CKR_ATTRIBUTE_VALUE_INVALID));
        if kind == CKK_ML_KEM {
            assert_eq!(public(&vec![0xff; point.len()]), Err(CKR_PUBLIC_KEY_INVALID), "beyond the modulus");
        }
    }
}

#[test]
fn lattice_keys_are_kept_and_travel_as_pkcs8() {
    let token = Token::new();
    let session = token.user();
    let by = || Mechanism::plain(CKM_AES_KEY_WRAP_KWP);
    for (make, kind, other, (set, ..)) in [
        (CKM_ML_DSA_KEY_PAIR_GEN, CKK_ML_DSA, CKK_ML_KEM, DSA[2]),
        (CKM_ML_KEM_KEY_PAIR_GEN, CKK_ML_KEM, CKK_ML_DSA, KEM[2]),
    ] {
        let wrapping = session.aes_key(&[]);
        let (public, private) = pair(&session, make, set).unwrap();
        let value = session.get(private, CKA_VALUE).unwrap();
        let seedless = import(&session, CKO_PRIVATE_KEY, kind, set, &[(CKA_VALUE, &value)]).unwrap();
        for key in [private, seedless] {
            let wrapped = session.wrap(by(), wrapping, key).unwrap();
            let unwrap = |kind| {
                let (class, kind) = (number(CKO_PRIVATE_KEY), number(kind));
                let template: [Pair; 4] =
                    [(CKA_CLASS, &class), (CKA_KEY_TYPE, &kind), (CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)];
                session.unwrap(by(), wrapping, &wrapped, &template)
            };
            let back = unwrap(kind).unwrap();
            for part in [CKA_VALUE, CKA_SEED, CKA_PARAMETER_SET] {
                assert_eq!(session.get(back, part).unwrap(), session.get(key, part).unwrap(), "{part:#x}");
            }
            assert_eq!(unwrap(other), Err(CKR_WRAPPED_KEY_INVALID));
        }
        let kept = session.copy(private, &[(CKA_TOKEN, YES)]).unwrap();
        expect("logout", session.logout(), CKR_OK);
        expect("login", session.login(CKU_USER, USER_PIN), CKR_OK);
        assert_eq!(session.get(kept, CKA_VALUE).unwrap(), value);
        assert_eq!(session.get(public, CKA_PARAMETER_SET).unwrap(), number(set));
    }
}

#[test]
fn both_sides_of_an_encapsulation_have_the_same_secret() {
    let token = Token::new();
    let session = token.user();
    let (class, kind) = (number(CKO_SECRET_KEY), number(CKK_AES));
    let template: [Pair; 4] =
        [(CKA_CLASS, &class), (CKA_KEY_TYPE, &kind), (CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)];
    for (set, public_bytes, private_bytes, ciphertext_bytes) in KEM {
        let (public, private) = pair(&session, CKM_ML_KEM_KEY_PAIR_GEN, set).unwrap();
        assert_eq!(session.get(public, CKA_VALUE).unwrap().len(), public_bytes);
        assert_eq!(session.get(private, CKA_VALUE).unwrap().len(), private_bytes);
        assert_eq!(session.get(private, CKA_SEED).unwrap().len(), 64);
        assert!(session.flag(public, CKA_ENCAPSULATE) && session.flag(private, CKA_DECAPSULATE));
        let by = || Mechanism::plain(CKM_ML_KEM);
        let (ciphertext, one) = session.encapsulate(by(), public, &template).unwrap();
        assert_eq!(ciphertext.len(), ciphertext_bytes);
        let other = session.decapsulate(by(), private, &ciphertext, &template).unwrap();
        let secret = session.get(one, CKA_VALUE).unwrap();
        assert_eq!((secret.len(), &secret), (32, &session.get(other, CKA_VALUE).unwrap()));
        let mut spoilt = ciphertext.clone();
        spoilt[0] ^= 1;
        let rejected = session.decapsulate(by(), private, &spoilt, &template).unwrap();
        assert_ne!(session.get(rejected, CKA_VALUE).unwrap(), secret, "implicit rejection");
        let short = session.decapsulate(by(), private, &ciphertext[1..], &template);
        assert_eq!(short, Err(CKR_WRAPPED_KEY_LEN_RANGE));
        let swapped = session.decapsulate(by(), public, &ciphertext, &template);
        assert_eq!(swapped, Err(CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT));
        assert_eq!(session.encapsulate(by(), private, &template), Err(CKR_KEY_TYPE_INCONSISTENT));
        let length = number(16);
        let long = [&template[..], &[(CKA_VALUE_LEN, &length)]].concat();
        assert_eq!(session.encapsulate(by(), public, &long), Err(CKR_TEMPLATE_INCONSISTENT));
        let with = Mechanism::with(CKM_ML_KEM, &[1]);
        assert_eq!(session.encapsulate(with, public, &template), Err(CKR_MECHANISM_PARAM_INVALID));
        let rv = session.sign_init(Mechanism::plain(CKM_ML_DSA), private);
        expect("they do not sign", rv, CKR_KEY_TYPE_INCONSISTENT);
    }
}
