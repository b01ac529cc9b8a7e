//! Private keys with CKA_ALWAYS_AUTHENTICATE: every operation needs a login of its own (PKCS#11 3.0 sec. 4.10).

use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;

const DATA: &[u8] = b"data of thirty-two bytes, no more";

fn rsa() -> Mechanism {
    Mechanism::plain(CKM_RSA_PKCS)
}

impl Session<'_> {
    fn for_this(&self, pin: &[u8]) -> CK_RV {
        self.login(CKU_CONTEXT_SPECIFIC, pin)
    }
    fn recoverable(&self, data: &[u8]) -> Result<Vec<u8>, CK_RV> {
        self.run(self.api.C_SignRecover.expect("set"), data)
    }
}

/// A guarded RSA pair: the public key, the private one.
fn pair(session: &Session, more: &[Pair]) -> (CK_OBJECT_HANDLE, CK_OBJECT_HANDLE) {
    let bits = number(2048);
    let private: [Pair; 3] = [(CKA_ALWAYS_AUTHENTICATE, YES), (CKA_SIGN_RECOVER, YES), (CKA_UNWRAP, YES)];
    let by = Mechanism::plain(CKM_RSA_PKCS_KEY_PAIR_GEN);
    let private = [&private, more].concat();
    session.generate_pair(by, &[(CKA_MODULUS_BITS, &bits)], &private).expect("a pair")
}

fn with_pair(test: impl Fn(&Token, &Session, (CK_OBJECT_HANDLE, CK_OBJECT_HANDLE))) {
    let token = Token::new();
    let session = token.user();
    let pair = pair(&session, &[]);
    test(&token, &session, pair);
}

#[test]
fn each_signature_needs_a_login() {
    with_pair(|_, session, (public, key)| {
        assert!(session.flag(key, CKA_ALWAYS_AUTHENTICATE));
        for _ in 0..2 {
            expect("init", session.sign_init(rsa(), key), CKR_OK);
            expect("without", session.sign(DATA).unwrap_err(), CKR_USER_NOT_LOGGED_IN);
            expect("that operation is over", session.for_this(USER_PIN), CKR_OPERATION_NOT_INITIALIZED);
            expect("init", session.sign_init(rsa(), key), CKR_OK);
            expect("login", session.for_this(USER_PIN), CKR_OK);
            let signature = session.sign(DATA).unwrap();
            // The public key is nobody's secret.
            expect("verify", session.verify_init(rsa(), public), CKR_OK);
            expect("verify", session.verify(DATA, &signature), CKR_OK);
        }
        expect("nothing waits", session.for_this(USER_PIN), CKR_OPERATION_NOT_INITIALIZED);
    });
}

#[test]
fn one_login_is_good_for_all_parts_of_an_operation() {
    with_pair(|_, session, (_, key)| {
        let by = || Mechanism::plain(CKM_SHA256_RSA_PKCS);
        let signed = |parts: &[&[u8]]| {
            expect("init", session.sign_init(by(), key), CKR_OK);
            expect("login", session.for_this(USER_PIN), CKR_OK);
            parts.iter().for_each(|part| expect("part", session.sign_update(part), CKR_OK));
            session.sign_final().unwrap()
        };
        assert_eq!(signed(&[&DATA[..9], &DATA[9..]]), signed(&[DATA]));
        expect("init", session.sign_init(by(), key), CKR_OK);
        expect("a part without", session.sign_update(DATA), CKR_USER_NOT_LOGGED_IN);
        expect("is over", session.sign_final().unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
        expect("init", session.sign_init(by(), key), CKR_OK);
        expect("final without", session.sign_final().unwrap_err(), CKR_USER_NOT_LOGGED_IN);
    });
}

#[test]
fn decryption_and_recovery_need_it_and_encryption_does_not() {
    with_pair(|_, session, (public, key)| {
        expect("encrypt", session.encrypt_init(rsa(), public), CKR_OK);
        let ciphertext = session.encrypt(DATA).unwrap();
        expect("init", session.decrypt_init(rsa(), key), CKR_OK);
        expect("without", session.decrypt(&ciphertext).unwrap_err(), CKR_USER_NOT_LOGGED_IN);
        expect("init", session.decrypt_init(rsa(), key), CKR_OK);
        expect("login", session.for_this(USER_PIN), CKR_OK);
        assert_eq!(session.decrypt(&ciphertext).unwrap(), DATA);

        let init = || call!(session.api, C_SignRecoverInit(session.handle, &mut rsa().raw(), key));
        expect("init", init(), CKR_OK);
        expect("without", session.recoverable(DATA).unwrap_err(), CKR_USER_NOT_LOGGED_IN);
        expect("init", init(), CKR_OK);
        expect("login", session.for_this(USER_PIN), CKR_OK);
        assert_eq!(session.recoverable(DATA).unwrap().len(), 256);
    });
}

#[test]
fn a_size_is_told_without_a_login() {
    with_pair(|_, session, (_, key)| {
        expect("init", session.sign_init(rsa(), key), CKR_OK);
        let (from, length, mut size) = (DATA.as_ptr().cast_mut(), DATA.len() as CK_ULONG, 0);
        let rv = call!(session.api, C_Sign(session.handle, from, length, null_mut(), &mut size));
        expect("size", rv, CKR_OK);
        assert_eq!(size, 256);
        expect("login", session.for_this(USER_PIN), CKR_OK);
        assert_eq!(session.sign(DATA).unwrap().len(), 256);
    });
}

#[test]
fn each_message_needs_a_login() {
    with_pair(|_, session, (_, key)| {
        expect("init", session.message_sign_init(rsa(), key), CKR_OK);
        expect("without", session.sign_message(DATA).unwrap_err(), CKR_USER_NOT_LOGGED_IN);
        expect("without", session.sign_message_begin(), CKR_USER_NOT_LOGGED_IN);
        for _ in 0..2 {
            expect("login", session.for_this(USER_PIN), CKR_OK);
            assert_eq!(session.sign_message(DATA).unwrap().len(), 256);
            expect("the next one", session.sign_message(DATA).unwrap_err(), CKR_USER_NOT_LOGGED_IN);
        }
        expect("final", session.message_sign_final(), CKR_OK);

        let by = Mechanism::plain(CKM_SHA256_RSA_PKCS);
        expect("init", session.message_sign_init(by, key), CKR_OK);
        expect("login", session.for_this(USER_PIN), CKR_OK);
        expect("begin", session.sign_message_begin(), CKR_OK);
        expect("part", session.sign_message_part(DATA), CKR_OK);
        assert_eq!(session.sign_message_last(DATA).unwrap().len(), 256);
        expect("the next one", session.sign_message_begin(), CKR_USER_NOT_LOGGED_IN);
    });
}

/// A key that waits for a login cannot be used by a call that leaves no moment for one.
#[test]
fn calls_without_an_init_cannot_use_such_a_key() {
    with_pair(|_, session, (public, key)| {
        let secret = session.aes_key(&[(CKA_EXTRACTABLE, YES)]);
        let wrapped = session.wrap(rsa(), public, secret).unwrap();
        let (class, kind) = (number(CKO_SECRET_KEY), number(CKK_AES));
        let rv = session.unwrap(rsa(), key, &wrapped, &[(CKA_CLASS, &class), (CKA_KEY_TYPE, &kind)]);
        expect("unwrap", rv.unwrap_err(), CKR_USER_NOT_LOGGED_IN);
        expect("nothing waits", session.for_this(USER_PIN), CKR_OPERATION_NOT_INITIALIZED);
    });
}

#[test]
fn a_wrong_pin_changes_nothing_about_the_operation() {
    with_pair(|_, session, (_, key)| {
        expect("init", session.sign_init(rsa(), key), CKR_OK);
        expect("wrong", session.for_this(b"not the PIN"), CKR_PIN_INCORRECT);
        expect("wrong", session.for_this(SO_PIN), CKR_PIN_INCORRECT);
        expect("right", session.for_this(USER_PIN), CKR_OK);
        assert!(session.sign(DATA).is_ok());
        expect("init", session.sign_init(rsa(), key), CKR_OK);
        expect("wrong", session.for_this(b"not the PIN"), CKR_PIN_INCORRECT);
        expect("as without", session.sign(DATA).unwrap_err(), CKR_USER_NOT_LOGGED_IN);
        assert_eq!(session.info().unwrap().state, CKS_RW_USER_FUNCTIONS);
    });
}

#[test]
fn wrong_pins_lock_the_user_and_log_out() {
    with_pair(|token, session, (_, key)| {
        expect("init", session.sign_init(rsa(), key), CKR_OK);
        let mut tries = 0;
        let rv = loop {
            match session.for_this(b"not the PIN") {
                CKR_PIN_INCORRECT => tries += 1,
                rv => break rv,
            }
            assert!(tries < 20, "it is never locked");
        };
        expect("locked", rv, CKR_PIN_LOCKED);
        assert_ne!(token.info().flags & CKF_USER_PIN_LOCKED, 0);
        assert_eq!(session.info().unwrap().state, CKS_RW_PUBLIC_SESSION, "nobody is logged in");
        expect("no operation", session.sign(DATA).unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
        expect("nor later", session.login(CKU_USER, USER_PIN), CKR_PIN_LOCKED);
    });
}

#[test]
fn only_what_waits_in_this_session_is_meant() {
    with_pair(|token, session, (_, key)| {
        expect("nothing", session.for_this(USER_PIN), CKR_OPERATION_NOT_INITIALIZED);
        let (_, free) = session.rsa_pair(2048);
        expect("init", session.sign_init(rsa(), free), CKR_OK);
        expect("not this one", session.for_this(USER_PIN), CKR_OPERATION_NOT_INITIALIZED);
        assert!(session.sign(DATA).is_ok(), "it goes on");
        let other = token.open(READ_WRITE);
        expect("init", session.sign_init(rsa(), key), CKR_OK);
        expect("of the other", other.for_this(USER_PIN), CKR_OPERATION_NOT_INITIALIZED);
        expect("init", other.sign_init(rsa(), key), CKR_OK);
        expect("login", other.for_this(USER_PIN), CKR_OK);
        expect("of this one", session.sign(DATA).unwrap_err(), CKR_USER_NOT_LOGGED_IN);
        assert!(other.sign(DATA).is_ok());
    });
}

#[test]
fn a_user_may_be_named_and_must_be_the_one_who_is_logged_in() {
    with_pair(|_, session, (_, key)| {
        expect("init", session.sign_init(rsa(), key), CKR_OK);
        let rv = session.login_user(CKU_CONTEXT_SPECIFIC, SO_PIN, b"admin");
        expect("another", rv, CKR_PIN_INCORRECT);
        let name = b"user";
        expect("the user", session.login_user(CKU_CONTEXT_SPECIFIC, USER_PIN, name), CKR_OK);
        assert!(session.sign(DATA).is_ok());
    });
}

#[test]
fn only_private_objects_have_it() {
    let token = Token::new();
    let session = token.user();
    let bits = number(2048);
    let public: [Pair; 1] = [(CKA_MODULUS_BITS, &bits)];
    let by = || Mechanism::plain(CKM_RSA_PKCS_KEY_PAIR_GEN);
    let visible: [Pair; 2] = [(CKA_ALWAYS_AUTHENTICATE, YES), (CKA_PRIVATE, NO)];
    let rv = session.generate_pair(by(), &public, &visible).unwrap_err();
    expect("CKA_PRIVATE", rv, CKR_TEMPLATE_INCONSISTENT);
    let length = number(32);
    let pairs: [Pair; 2] = [(CKA_VALUE_LEN, &length), (CKA_ALWAYS_AUTHENTICATE, YES)];
    let rv = session.generate(Mechanism::plain(CKM_AES_KEY_GEN), &pairs).unwrap_err();
    expect("a secret key", rv, CKR_TEMPLATE_INCONSISTENT);
    let kept = pair(&session, &[(CKA_TOKEN, YES)]).1;
    expect("finalize", token.module.finalize(), CKR_OK);
    expect("initialize", token.module.initialize(), CKR_OK);
    let session = token.user();
    expect("init", session.sign_init(rsa(), kept), CKR_OK);
    expect("it stays so", session.sign(DATA).unwrap_err(), CKR_USER_NOT_LOGGED_IN);
}
