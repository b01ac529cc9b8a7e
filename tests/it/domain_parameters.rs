//! Domain parameters as objects (PKCS#11 3.2, Domain parameter objects).

use crate::support::curves::*;
use crate::support::*;
use cryptoki_sys::*;

const DOMAIN: [u8; 8] = number(CKO_DOMAIN_PARAMETERS);
const PRIME: Pair = (CKA_PRIME, &[0x01, 0x01]);
const BASE: Pair = (CKA_BASE, &[0x05]);
const SUBPRIME: Pair = (CKA_SUBPRIME, &[0, 0x0b]);

fn create(session: &Session, kind: CK_KEY_TYPE, pairs: &[Pair]) -> Result<u64, CK_RV> {
    let kind = number(kind);
    let head: [Pair; 2] = [(CKA_CLASS, &DOMAIN), (CKA_KEY_TYPE, &kind)];
    session.create(&[&head, pairs].concat())
}

#[test]
fn domain_parameters_are_kept_and_found() {
    let token = Token::new();
    let session = token.user();
    let kept: [Pair; 2] = [(CKA_TOKEN, YES), (CKA_LABEL, b"domain")];
    let rows: [(CK_KEY_TYPE, &[Pair]); 6] = [
        (CKK_DSA, &[PRIME, SUBPRIME, BASE]),
        (CKK_DH, &[PRIME, BASE]),
        (CKK_X9_42_DH, &[PRIME, SUBPRIME, BASE]),
        (CKK_EC, &[(CKA_EC_PARAMS, P256)]),
        (CKK_EC_EDWARDS, &[(CKA_EC_PARAMS, ED25519)]),
        (CKK_EC_MONTGOMERY, &[(CKA_EC_PARAMS, X25519)]),
    ];
    let mut made = Vec::new();
    for (kind, pairs) in rows {
        let object = create(&session, kind, &[pairs, &kept].concat()).unwrap();
        for (attribute, value) in pairs {
            assert_eq!(session.get(object, *attribute).unwrap(), *value);
        }
        assert!(!session.flag(object, CKA_LOCAL) && !session.flag(object, CKA_PRIVATE));
        assert_eq!(session.find(&[(CKA_CLASS, &DOMAIN), (CKA_KEY_TYPE, &number(kind))]).unwrap(), [object]);
        made.push(object);
    }
    assert_eq!(session.get(made[0], CKA_PRIME_BITS).unwrap(), number(9));
    assert_eq!(session.get(made[0], CKA_SUBPRIME_BITS).unwrap(), number(4));
    assert_eq!(session.get(made[1], CKA_SUBPRIME), Err(CKR_ATTRIBUTE_TYPE_INVALID));
    let mut found = session.find(&[(CKA_CLASS, &DOMAIN)]).unwrap();
    found.sort_unstable();
    assert_eq!(found, made);
    // Public objects are there without a login too.
    expect("logout", session.logout(), CKR_OK);
    assert_eq!(session.get(made[3], CKA_EC_PARAMS).unwrap(), P256);
    expect("login", session.login(CKU_USER, USER_PIN), CKR_OK);
    expect("destroy", session.destroy(made[3]), CKR_OK);
    assert_eq!(session.find(&[(CKA_CLASS, &DOMAIN), (CKA_KEY_TYPE, &number(CKK_EC))]).unwrap(), []);
}

#[test]
fn what_cannot_be_domain_parameters_is_refused() {
    let token = Token::new();
    let session = token.user();
    let bits: Pair = (CKA_PRIME_BITS, &number(9));
    let even: Pair = (CKA_PRIME, &[0x01, 0x00]);
    let rows: [(&str, CK_KEY_TYPE, &[Pair], CK_RV); 12] = [
        ("no subprime", CKK_DSA, &[PRIME, BASE], CKR_TEMPLATE_INCOMPLETE),
        ("no base", CKK_DH, &[PRIME], CKR_TEMPLATE_INCOMPLETE),
        ("no curve", CKK_EC, &[], CKR_TEMPLATE_INCOMPLETE),
        ("its length", CKK_DH, &[PRIME, BASE, bits], CKR_ATTRIBUTE_READ_ONLY),
        ("a subprime too many", CKK_DH, &[PRIME, BASE, SUBPRIME], CKR_TEMPLATE_INCONSISTENT),
        ("an even prime", CKK_DH, &[even, BASE], CKR_DOMAIN_PARAMS_INVALID),
        ("a base over it", CKK_DH, &[PRIME, (CKA_BASE, &[2, 0])], CKR_DOMAIN_PARAMS_INVALID),
        ("a base of 1", CKK_DH, &[PRIME, (CKA_BASE, &[0, 1])], CKR_DOMAIN_PARAMS_INVALID),
        ("an empty prime", CKK_DH, &[(CKA_PRIME, &[]), BASE], CKR_DOMAIN_PARAMS_INVALID),
        ("another's curve", CKK_EC, &[(CKA_EC_PARAMS, ED25519)], CKR_CURVE_NOT_SUPPORTED),
        ("no curve's name", CKK_EC, &[(CKA_EC_PARAMS, b"P-256")], CKR_DOMAIN_PARAMS_INVALID),
        ("a key's attribute", CKK_EC, &[(CKA_EC_PARAMS, P256), (CKA_ID, b"1")], CKR_TEMPLATE_INCONSISTENT),
    ];
    for (what, kind, pairs, code) in rows {
        assert_eq!(create(&session, kind, pairs), Err(code), "{what}");
    }
    assert_eq!(create(&session, CKK_AES, &[]), Err(CKR_TEMPLATE_INCONSISTENT));
}

/// They have CKA_KEY_TYPE, and are no keys.
#[test]
fn domain_parameters_are_no_keys() {
    let token = Token::new();
    let session = token.user();
    let domain = create(&session, CKK_EC, &[(CKA_EC_PARAMS, P256)]).unwrap();
    let by = || Mechanism::plain(CKM_ECDSA);
    expect("sign", session.sign_init(by(), domain), CKR_KEY_HANDLE_INVALID);
    expect("verify", session.verify_init(by(), domain), CKR_KEY_HANDLE_INVALID);
    let wrapping = session.aes_key(&[]);
    let by = || Mechanism::plain(CKM_AES_KEY_WRAP_KWP);
    assert_eq!(session.wrap(by(), wrapping, domain), Err(CKR_KEY_HANDLE_INVALID));
    let victim = session.known_key(CKK_AES, &[1; 16], &[]);
    let wrapped = session.wrap(by(), wrapping, victim).unwrap();
    let kind = number(CKK_EC);
    let template: [Pair; 3] = [(CKA_CLASS, &DOMAIN), (CKA_KEY_TYPE, &kind), (CKA_EC_PARAMS, P256)];
    assert_eq!(session.unwrap(by(), wrapping, &wrapped, &template), Err(CKR_TEMPLATE_INCONSISTENT));
    let params = session.get(domain, CKA_EC_PARAMS).unwrap();
    let by = Mechanism::plain(CKM_EC_KEY_PAIR_GEN);
    assert!(session.generate_pair(by, &[(CKA_EC_PARAMS, &params)], &[]).is_ok(), "what they are for");
}
