//! C_WrapKeyAuthenticated and C_UnwrapKeyAuthenticated (PKCS#11 3.2 sec. 5.18.5 and 5.18.7).

use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;

const AAD: &[u8] = b"whose key it is";
const VALUE: [u8; 32] = [0x3c; 32];

impl Session<'_> {
    fn wrap_authenticated<T>(
        &self,
        kind: CK_MECHANISM_TYPE,
        mut params: T,
        (wrapping, key): (CK_OBJECT_HANDLE, CK_OBJECT_HANDLE),
        room: usize,
    ) -> Result<Vec<u8>, CK_RV> {
        let mut mechanism = mechanism(kind, &mut params);
        let (aad, aad_bytes) = (AAD.as_ptr().cast_mut(), AAD.len() as CK_ULONG);
        let (mut out, mut length) = (vec![0; room], room as CK_ULONG);
        let to = out.as_mut_ptr();
        let handle = self.handle;
        let rv = call!(
            self.api,
            C_WrapKeyAuthenticated(handle, &mut mechanism, wrapping, key, aad, aad_bytes, to, &mut length)
        );
        out.truncate(length as usize);
        if rv == CKR_OK { Ok(out) } else { Err(rv) }
    }

    fn unwrap_authenticated<T>(
        &self,
        kind: CK_MECHANISM_TYPE,
        mut params: T,
        key: CK_OBJECT_HANDLE,
        (wrapped, aad): (&[u8], &[u8]),
        pairs: &[Pair],
    ) -> Result<CK_OBJECT_HANDLE, CK_RV> {
        let mut mechanism = mechanism(kind, &mut params);
        let (mut template, mut made) = (Attributes::new(pairs), 0);
        let (pointer, count) = (template.as_mut_ptr(), template.count());
        let (from, bytes) = (wrapped.as_ptr().cast_mut(), wrapped.len() as CK_ULONG);
        let (aad, aad_bytes) = (aad.as_ptr().cast_mut(), aad.len() as CK_ULONG);
        let handle = self.handle;
        let rv = call!(
            self.api,
            C_UnwrapKeyAuthenticated(
                handle,
                &mut mechanism,
                key,
                from,
                bytes,
                pointer,
                count,
                aad,
                aad_bytes,
                &mut made
            )
        );
        if rv == CKR_OK { Ok(made) } else { Err(rv) }
    }
}

fn mechanism<T>(kind: CK_MECHANISM_TYPE, params: &mut T) -> CK_MECHANISM {
    let (pointer, length) = ((params as *mut T).cast(), size_of::<T>() as CK_ULONG);
    CK_MECHANISM { mechanism: kind, pParameter: pointer, ulParameterLen: length }
}

/// The template of the key that comes back, readable.
fn with_template<R>(test: impl FnOnce(&[Pair]) -> R) -> R {
    let (class, kind) = (number(CKO_SECRET_KEY), number(CKK_AES));
    test(&[(CKA_CLASS, &class), (CKA_KEY_TYPE, &kind), (CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)])
}

fn with_keys(test: impl Fn(&Session, CK_OBJECT_HANDLE, CK_OBJECT_HANDLE)) {
    let token = Token::new();
    let session = token.user();
    let key = session.known_key(CKK_AES, &VALUE, &[(CKA_EXTRACTABLE, YES)]);
    test(&session, session.aes_key(&[]), key);
}

#[test]
fn a_key_goes_out_under_a_nonce_that_the_token_makes_and_comes_back() {
    with_keys(|session, wrapping, key| {
        let mut message = GcmMessage::new(&[0; 12], CKG_GENERATE);
        let wrapped = session.wrap_authenticated(CKM_AES_GCM, message.raw(), (wrapping, key), 64).unwrap();
        assert_eq!(wrapped.len(), VALUE.len(), "the tag is apart");
        assert_ne!((&message.nonce, &message.tag), (&vec![0; 12], &vec![0; 16]));
        // As encryption does it.
        let by = Mechanism::gcm(&message.nonce, AAD, 128);
        expect("encrypt", session.encrypt_init(by, wrapping), CKR_OK);
        assert_eq!(session.encrypt(&VALUE).unwrap(), [&wrapped[..], &message.tag].concat());

        let unwrap = |message: &mut GcmMessage, wrapped: &[u8], aad: &[u8]| {
            with_template(|pairs| {
                session.unwrap_authenticated(CKM_AES_GCM, message.raw(), wrapping, (wrapped, aad), pairs)
            })
        };
        let back = unwrap(&mut message, &wrapped, AAD).unwrap();
        assert_eq!(session.get(back, CKA_VALUE).unwrap(), VALUE);
        assert!(!session.flag(back, CKA_LOCAL));
        let rv = unwrap(&mut message, &wrapped, b"another").unwrap_err();
        expect("associated data", rv, CKR_WRAPPED_KEY_INVALID);
        let rv = unwrap(&mut message, &wrapped[1..], AAD).unwrap_err();
        expect("cut", rv, CKR_WRAPPED_KEY_INVALID);
        message.tag[0] ^= 1;
        expect("tag", unwrap(&mut message, &wrapped, AAD).unwrap_err(), CKR_WRAPPED_KEY_INVALID);
    });
}

#[test]
fn ccm_wraps_whatever_length_the_parameter_says() {
    with_keys(|session, wrapping, key| {
        let (mut nonce, mut code) = ([5; 13], [0; 16]);
        let params = CK_CCM_MESSAGE_PARAMS {
            ulDataLen: 0,
            pNonce: nonce.as_mut_ptr(),
            ulNonceLen: 13,
            ulNonceFixedBits: 8,
            nonceGenerator: CKG_GENERATE,
            pMAC: code.as_mut_ptr(),
            ulMACLen: 16,
        };
        let wrapped = session.wrap_authenticated(CKM_AES_CCM, params, (wrapping, key), 64).unwrap();
        assert_eq!((wrapped.len(), nonce[0]), (VALUE.len(), 5));
        assert_ne!(nonce, [5; 13]);
        let back = with_template(|pairs| {
            session.unwrap_authenticated(CKM_AES_CCM, params, wrapping, (&wrapped, AAD), pairs)
        });
        assert_eq!(session.get(back.unwrap(), CKA_VALUE).unwrap(), VALUE);
    });
}

#[test]
fn private_keys_go_out_too() {
    let token = Token::new();
    let session = token.user();
    let wrapping = session.aes_key(&[]);
    let curve: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    let (public, private) = session
        .generate_pair(
            Mechanism::plain(CKM_EC_KEY_PAIR_GEN),
            &[(CKA_EC_PARAMS, curve)],
            &[(CKA_EXTRACTABLE, YES)],
        )
        .unwrap();
    let mut message = GcmMessage::new(&[0; 12], CKG_GENERATE_RANDOM);
    let wrapped = session.wrap_authenticated(CKM_AES_GCM, message.raw(), (wrapping, private), 512).unwrap();
    let (class, kind) = (number(CKO_PRIVATE_KEY), number(CKK_EC));
    let pairs: [Pair; 3] = [(CKA_CLASS, &class), (CKA_KEY_TYPE, &kind), (CKA_SIGN, YES)];
    let back =
        session.unwrap_authenticated(CKM_AES_GCM, message.raw(), wrapping, (&wrapped, AAD), &pairs).unwrap();
    expect("sign", session.sign_init(Mechanism::plain(CKM_ECDSA_SHA256), back), CKR_OK);
    let signature = session.sign(b"data").unwrap();
    expect("verify", session.verify_init(Mechanism::plain(CKM_ECDSA_SHA256), public), CKR_OK);
    expect("verify", session.verify(b"data", &signature), CKR_OK);
}

#[test]
fn sizes_are_told_without_making_a_nonce() {
    with_keys(|session, wrapping, key| {
        let mut message = GcmMessage::new(&[0; 12], CKG_GENERATE);
        let mut params = message.raw();
        let mut mechanism = mechanism(CKM_AES_GCM, &mut params);
        let mut wrap = |to: *mut u8, length: &mut CK_ULONG| {
            let handle = session.handle;
            call!(
                session.api,
                C_WrapKeyAuthenticated(handle, &mut mechanism, wrapping, key, null_mut(), 0, to, length)
            )
        };
        let (mut out, mut length) = ([0; 31], 0);
        expect("size", wrap(null_mut(), &mut length), CKR_OK);
        assert_eq!(length, 32);
        length = 31;
        expect("small", wrap(out.as_mut_ptr(), &mut length), CKR_BUFFER_TOO_SMALL);
        assert_eq!((length, out), (32, [0; 31]));
        assert_eq!((message.nonce, message.tag), (vec![0; 12], vec![0; 16]));
    });
}

#[test]
fn the_rules_of_wrapping_hold() {
    let token = Token::new();
    let session = token.user();
    let (wrapping, free) = (session.aes_key(&[]), session.aes_key(&[(CKA_EXTRACTABLE, YES)]));
    let (idle, kept) = (session.aes_key(&[(CKA_WRAP, NO), (CKA_UNWRAP, NO)]), session.aes_key(&[]));
    let wrap = |kind, wrapping, key| {
        let mut message = GcmMessage::new(&[0; 12], CKG_GENERATE);
        session.wrap_authenticated(kind, message.raw(), (wrapping, key), 64).unwrap_err()
    };
    expect("not extractable", wrap(CKM_AES_GCM, wrapping, kept), CKR_KEY_UNEXTRACTABLE);
    expect("CKA_WRAP", wrap(CKM_AES_GCM, idle, free), CKR_KEY_FUNCTION_NOT_PERMITTED);
    expect("no wrapping key", wrap(CKM_AES_GCM, 0, free), CKR_WRAPPING_KEY_HANDLE_INVALID);
    expect("no key", wrap(CKM_AES_GCM, wrapping, 0), CKR_KEY_HANDLE_INVALID);
    expect("no messages", wrap(CKM_AES_KEY_WRAP, wrapping, free), CKR_MECHANISM_INVALID);
    let picky = session.aes_key(&[(CKA_EXTRACTABLE, YES), (CKA_WRAP_WITH_TRUSTED, YES)]);
    expect("not trusted", wrap(CKM_AES_GCM, wrapping, picky), CKR_KEY_NOT_WRAPPABLE);
    let inner = Attributes::new(&[(CKA_LABEL, b"these")]);
    let value = as_value(&inner);
    let choosy = session.aes_key(&[(CKA_WRAP_TEMPLATE, &value)]);
    expect("CKA_WRAP_TEMPLATE", wrap(CKM_AES_GCM, choosy, free), CKR_KEY_HANDLE_INVALID);

    let unwrap = |key, params: CK_GCM_MESSAGE_PARAMS, wrapped: &[u8]| {
        with_template(|pairs| {
            session.unwrap_authenticated(CKM_AES_GCM, params, key, (wrapped, AAD), pairs).unwrap_err()
        })
    };
    let mut message = GcmMessage::new(&[0; 12], CKG_NO_GENERATE);
    let params = message.raw();
    expect("CKA_UNWRAP", unwrap(idle, params, &[1; 16]), CKR_KEY_FUNCTION_NOT_PERMITTED);
    expect("no key", unwrap(0, params, &[1; 16]), CKR_UNWRAPPING_KEY_HANDLE_INVALID);
    let no_tag = CK_GCM_MESSAGE_PARAMS { pTag: null_mut(), ..params };
    expect("no tag", unwrap(wrapping, no_tag, &[1; 16]), CKR_MECHANISM_PARAM_INVALID);
    expect("not authentic", unwrap(wrapping, params, &[1; 16]), CKR_WRAPPED_KEY_INVALID);
}
