//! Message-based encryption and decryption (PKCS#11 3.0 sec. 5.9 and 5.11), with AES-GCM.

use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;

const AAD: &[u8] = b"who it is for";
const DATA: &[u8] = b"The message, which is longer than a block or two of the cipher.";
const NONCE: &[u8; 12] = b"twelve bytes";

fn gcm() -> Mechanism {
    Mechanism::plain(CKM_AES_GCM)
}

/// Ciphertext and tag by C_Encrypt, to compare with.
fn sealed(session: &Session, key: CK_OBJECT_HANDLE, nonce: &[u8], data: &[u8]) -> Vec<u8> {
    expect("encrypt", session.encrypt_init(Mechanism::gcm(nonce, AAD, 128), key), CKR_OK);
    session.encrypt(data).expect("ciphertext")
}

fn with_process(test: impl Fn(&Session, CK_OBJECT_HANDLE)) {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    expect("encrypt", session.message_encrypt_init(gcm(), key), CKR_OK);
    expect("decrypt", session.message_decrypt_init(gcm(), key), CKR_OK);
    test(&session, key);
}

#[test]
fn a_message_at_once_is_what_encryption_makes() {
    with_process(|session, key| {
        for nonce in [&NONCE[..], b"8 bytes!", &[7; 60]] {
            for data in [DATA, b"", &[1; 16]] {
                let mut message = GcmMessage::new(nonce, CKG_NO_GENERATE);
                let ciphertext = session.encrypt_message(message.raw(), AAD, data).unwrap();
                assert_eq!([&ciphertext[..], &message.tag].concat(), sealed(session, key, nonce, data));
                assert_eq!(message.nonce, nonce, "the caller's");
                assert_eq!(session.decrypt_message(message.raw(), AAD, &ciphertext).unwrap(), data);
            }
        }
        expect("final", session.message_encrypt_final(), CKR_OK);
        expect("final", session.message_decrypt_final(), CKR_OK);
        expect("over", session.message_encrypt_final(), CKR_OPERATION_NOT_INITIALIZED);
        let rv = session.encrypt_message(GcmMessage::new(NONCE, 0).raw(), AAD, DATA).unwrap_err();
        expect("over", rv, CKR_OPERATION_NOT_INITIALIZED);
    });
}

#[test]
fn a_message_in_parts_is_the_same_and_its_plaintext_comes_last() {
    with_process(|session, key| {
        let mut message = GcmMessage::new(NONCE, CKG_NO_GENERATE);
        for _ in 0..2 {
            message.tag.fill(0);
            expect("begin", session.encrypt_message_begin(message.raw(), AAD), CKR_OK);
            let mut ciphertext = session.encrypt_message_next(message.raw(), &DATA[..5], 0).unwrap();
            assert_eq!((ciphertext.len(), &message.tag), (5, &vec![0; 16]), "no tag yet");
            ciphertext.extend(session.encrypt_message_next(message.raw(), &DATA[5..40], 0).unwrap());
            let last = session.encrypt_message_next(message.raw(), &DATA[40..], CKF_END_OF_MESSAGE);
            ciphertext.extend(last.unwrap());
            assert_eq!([&ciphertext[..], &message.tag].concat(), sealed(session, key, NONCE, DATA));

            // The tag is not looked at before the last part.
            let mut without = GcmMessage::new(NONCE, CKG_NO_GENERATE);
            without.tag.clear();
            let mut no_tag = without.raw();
            no_tag.pTag = null_mut();
            expect("begin", session.decrypt_message_begin(no_tag, AAD), CKR_OK);
            assert_eq!(session.decrypt_message_next(no_tag, &ciphertext[..33], 0).unwrap(), b"");
            let data = session.decrypt_message_next(message.raw(), &ciphertext[33..], CKF_END_OF_MESSAGE);
            assert_eq!(data.unwrap(), DATA);
        }
    });
}

#[test]
fn what_is_not_authentic_gives_nothing_and_ends_only_its_message() {
    with_process(|session, _| {
        let mut message = GcmMessage::new(NONCE, CKG_NO_GENERATE);
        let ciphertext = session.encrypt_message(message.raw(), AAD, DATA).unwrap();
        message.tag[0] ^= 1;
        let mut buffer = vec![0; DATA.len()];
        let (mut params, mut length) = (message.raw(), DATA.len() as CK_ULONG);
        let rv = call!(
            session.api,
            C_DecryptMessage(
                session.handle,
                (&raw mut params).cast(),
                size_of_val(&params) as CK_ULONG,
                AAD.as_ptr().cast_mut(),
                AAD.len() as CK_ULONG,
                ciphertext.as_ptr().cast_mut(),
                ciphertext.len() as CK_ULONG,
                buffer.as_mut_ptr(),
                &mut length
            )
        );
        expect("the tag", rv, CKR_AEAD_DECRYPT_FAILED);
        assert!(buffer.iter().all(|byte| *byte == 0), "nothing is released");

        expect("begin", session.decrypt_message_begin(message.raw(), AAD), CKR_OK);
        assert_eq!(session.decrypt_message_next(message.raw(), &ciphertext, 0).unwrap(), b"");
        let rv = session.decrypt_message_next(message.raw(), b"", CKF_END_OF_MESSAGE).unwrap_err();
        expect("the tag, in parts", rv, CKR_AEAD_DECRYPT_FAILED);
        let rv = session.decrypt_message_next(message.raw(), b"", CKF_END_OF_MESSAGE).unwrap_err();
        expect("that message is over", rv, CKR_OPERATION_NOT_INITIALIZED);

        message.tag[0] ^= 1;
        let rv = session.decrypt_message(message.raw(), b"another", &ciphertext).unwrap_err();
        expect("the associated data", rv, CKR_AEAD_DECRYPT_FAILED);
        assert_eq!(session.decrypt_message(message.raw(), AAD, &ciphertext).unwrap(), DATA, "the next one");
    });
}

#[test]
fn sizes_are_told_without_making_anything() {
    with_process(|session, _| {
        let mut message = GcmMessage::new(&[0; 12], CKG_GENERATE);
        let mut params = message.raw();
        let (pointer, bytes) = ((&raw mut params).cast(), size_of_val(&params) as CK_ULONG);
        let (from, data_bytes) = (DATA.as_ptr().cast_mut(), DATA.len() as CK_ULONG);
        let one_shot = |to: *mut u8, length: &mut CK_ULONG| {
            let handle = session.handle;
            call!(
                session.api,
                C_EncryptMessage(handle, pointer, bytes, null_mut(), 0, from, data_bytes, to, length)
            )
        };
        let (mut buffer, mut length) = (vec![0; DATA.len()], 0);
        expect("size", one_shot(null_mut(), &mut length), CKR_OK);
        assert_eq!(length, data_bytes);
        length -= 1;
        expect("small", one_shot(buffer.as_mut_ptr(), &mut length), CKR_BUFFER_TOO_SMALL);
        assert_eq!((length, &message.nonce, &message.tag), (data_bytes, &vec![0; 12], &vec![0; 16]));

        expect("begin", session.encrypt_message_begin(message.raw(), AAD), CKR_OK);
        let begun = message.nonce.clone();
        assert_ne!(begun, [0; 12]);
        let mut params = message.raw();
        let pointer = (&raw mut params).cast();
        let next = |to: *mut u8, length: &mut CK_ULONG| {
            let handle = session.handle;
            let last = CKF_END_OF_MESSAGE;
            call!(
                session.api,
                C_EncryptMessageNext(handle, pointer, bytes, from, data_bytes, to, length, last)
            )
        };
        length = 0;
        expect("size", next(null_mut(), &mut length), CKR_OK);
        assert_eq!(length, data_bytes);
        length -= 1;
        expect("small", next(buffer.as_mut_ptr(), &mut length), CKR_BUFFER_TOO_SMALL);
        assert_eq!((length, &message.tag), (data_bytes, &vec![0; 16]));
        expect("enough", next(buffer.as_mut_ptr(), &mut length), CKR_OK);
        assert_eq!(message.nonce, begun);
        assert_eq!(session.decrypt_message(message.raw(), AAD, &buffer).unwrap(), DATA);
    });
}

#[test]
fn data_and_result_may_lie_in_one_place() {
    with_process(|session, key| {
        let mut message = GcmMessage::new(NONCE, CKG_NO_GENERATE);
        let (mut params, mut place) = (message.raw(), DATA.to_vec());
        let (at, bytes) = (place.as_mut_ptr(), place.len() as CK_ULONG);
        let (params, params_bytes) = ((&raw mut params).cast(), size_of_val(&params) as CK_ULONG);
        let (aad, aad_bytes) = (AAD.as_ptr().cast_mut(), AAD.len() as CK_ULONG);
        let (handle, mut length) = (session.handle, bytes);
        let rv = call!(
            session.api,
            C_EncryptMessage(handle, params, params_bytes, aad, aad_bytes, at, bytes, at, &mut length)
        );
        expect("encrypt", rv, CKR_OK);
        assert_eq!([&place[..], &message.tag].concat(), sealed(session, key, NONCE, DATA));
        let at = place.as_mut_ptr();
        let rv = call!(
            session.api,
            C_DecryptMessage(handle, params, params_bytes, aad, aad_bytes, at, bytes, at, &mut length)
        );
        expect("decrypt", rv, CKR_OK);
        assert_eq!(place, DATA);
    });
}

#[test]
fn messages_and_processes_come_in_order() {
    with_process(|session, key| {
        expect("a second process", session.message_encrypt_init(gcm(), key), CKR_OPERATION_ACTIVE);
        let mut message = GcmMessage::new(NONCE, CKG_NO_GENERATE);
        let rv = session.encrypt_message_next(message.raw(), DATA, 0).unwrap_err();
        expect("a part of nothing", rv, CKR_OPERATION_NOT_INITIALIZED);
        expect("begin", session.encrypt_message_begin(message.raw(), AAD), CKR_OK);
        expect("begin again", session.encrypt_message_begin(message.raw(), AAD), CKR_OPERATION_ACTIVE);
        expect("final amid a message", session.message_encrypt_final(), CKR_OPERATION_ACTIVE);
        let part = session.encrypt_message_next(message.raw(), DATA, 0).unwrap();
        let rv = session.encrypt_message(message.raw(), AAD, DATA).unwrap_err();
        expect("a whole message amid another", rv, CKR_OPERATION_ACTIVE);
        assert_eq!(session.encrypt_message_next(message.raw(), b"", CKF_END_OF_MESSAGE).unwrap(), b"");
        assert_eq!(session.encrypt_message(message.raw(), AAD, DATA).unwrap(), part);
        // The other direction never noticed.
        assert_eq!(session.decrypt_message(message.raw(), AAD, &part).unwrap(), DATA);
    });
}

#[test]
fn processes_are_cancelled_and_end_with_their_key() {
    with_process(|session, key| {
        let over = |what: &str| {
            let mut message = GcmMessage::new(NONCE, CKG_NO_GENERATE);
            let rv = session.encrypt_message(message.raw(), AAD, DATA).unwrap_err();
            expect(what, rv, CKR_OPERATION_NOT_INITIALIZED);
        };
        let init = || expect("init", session.message_encrypt_init(gcm(), key), CKR_OK);
        let mut message = GcmMessage::new(NONCE, CKG_NO_GENERATE);
        expect("begin", session.encrypt_message_begin(message.raw(), AAD), CKR_OK);
        expect("cancel", session.cancel(CKF_MESSAGE_ENCRYPT), CKR_OK);
        over("cancelled amid a message");
        let rv = session.decrypt_message(message.raw(), AAD, DATA).unwrap_err();
        expect("only that one", rv, CKR_AEAD_DECRYPT_FAILED);
        init();
        let rv = call!(session.api, C_MessageEncryptInit(session.handle, null_mut(), 0));
        expect("null mechanism", rv, CKR_OK);
        over("cancelled");
        init();
        expect("destroy", session.destroy(key), CKR_OK);
        over("no key");
        let rv = session.decrypt_message(message.raw(), AAD, DATA).unwrap_err();
        expect("no key", rv, CKR_OPERATION_NOT_INITIALIZED);
    });
}

#[test]
fn a_logout_ends_them() {
    with_process(|session, _| {
        expect("logout", session.logout(), CKR_OK);
        let mut message = GcmMessage::new(NONCE, CKG_NO_GENERATE);
        let rv = session.encrypt_message(message.raw(), AAD, DATA).unwrap_err();
        expect("encrypt", rv, CKR_OPERATION_NOT_INITIALIZED);
        expect("decrypt", session.message_decrypt_final(), CKR_OPERATION_NOT_INITIALIZED);
    });
}

#[test]
fn keys_and_mechanisms_must_fit() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[(CKA_ENCRYPT, NO), (CKA_DECRYPT, YES)]);
    let generic = session.known_key(CKK_GENERIC_SECRET, &[1; 32], &[]);
    let init = |by: Mechanism, key| session.message_encrypt_init(by, key);
    expect("CKA_ENCRYPT", init(gcm(), key), CKR_KEY_FUNCTION_NOT_PERMITTED);
    expect("key type", init(gcm(), generic), CKR_KEY_TYPE_INCONSISTENT);
    expect("no key", init(gcm(), 0), CKR_KEY_HANDLE_INVALID);
    expect("no messages", init(Mechanism::plain(CKM_AES_ECB), key), CKR_MECHANISM_INVALID);
    expect("parameter", init(Mechanism::with(CKM_AES_GCM, &[0; 7]), key), CKR_MECHANISM_PARAM_INVALID);
    expect("nothing is active", session.message_encrypt_final(), CKR_OPERATION_NOT_INITIALIZED);
    // The parameter of the first message may come along.
    let mut message = GcmMessage::new(NONCE, CKG_NO_GENERATE);
    let mut params = message.raw();
    let mut mechanism = CK_MECHANISM {
        mechanism: CKM_AES_GCM,
        pParameter: (&raw mut params).cast(),
        ulParameterLen: size_of_val(&params) as CK_ULONG,
    };
    let rv = call!(session.api, C_MessageDecryptInit(session.handle, &mut mechanism, key));
    expect("with a parameter", rv, CKR_OK);
    let flags = CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT | CKF_MULTI_MESSAGE;
    let mut info = CK_MECHANISM_INFO::default();
    let rv = call!(session.api, C_GetMechanismInfo(token.slot, CKM_AES_GCM, &mut info));
    assert_eq!((rv, info.flags & flags), (CKR_OK, flags));
}

#[test]
fn parameters_that_are_none_end_the_message_only() {
    with_process(|session, _| {
        let wrong = |what: &str, change: fn(&mut CK_GCM_MESSAGE_PARAMS)| {
            let mut message = GcmMessage::new(NONCE, CKG_NO_GENERATE);
            let mut params = message.raw();
            change(&mut params);
            let rv = session.encrypt_message(params, AAD, DATA).unwrap_err();
            expect(what, rv, CKR_MECHANISM_PARAM_INVALID);
        };
        wrong("no nonce", |params| params.ulIvLen = 0);
        wrong("a null nonce", |params| params.pIv = null_mut());
        wrong("a huge nonce", |params| params.ulIvLen = CK_ULONG::MAX);
        wrong("a null tag", |params| params.pTag = null_mut());
        wrong("no tag", |params| params.ulTagBits = 0);
        wrong("a short tag", |params| params.ulTagBits = 32);
        wrong("half a byte", |params| params.ulTagBits = 100);
        wrong("a long tag", |params| params.ulTagBits = 136);
        wrong("no such generator", |params| params.ivGenerator = 5);
        wrong("fixed beyond the end", |params| {
            (params.ulIvFixedBits, params.ivGenerator) = (97, CKG_GENERATE)
        });
        let rv = session.encrypt_message([0u8; 5], AAD, DATA).unwrap_err();
        expect("no structure", rv, CKR_MECHANISM_PARAM_INVALID);
        let mut message = GcmMessage::new(NONCE, CKG_NO_GENERATE);
        expect("begin", session.encrypt_message_begin(message.raw(), AAD), CKR_OK);
        let rv = session.encrypt_message_next(message.raw(), DATA, 2).unwrap_err();
        expect("no such flag", rv, CKR_ARGUMENTS_BAD);
        assert!(session.encrypt_message(message.raw(), AAD, DATA).is_ok());
    });
}

/// "The fields are ignored": what encryption was told may come along.
#[test]
fn decryption_takes_the_nonce_as_it_is() {
    with_process(|session, _| {
        let mut message = GcmMessage::new(&[0; 12], CKG_GENERATE_COUNTER).fixed(32);
        let ciphertext = session.encrypt_message(message.raw(), AAD, DATA).unwrap();
        assert_eq!(session.decrypt_message(message.raw(), AAD, &ciphertext).unwrap(), DATA);
        message = message.fixed(4000);
        assert_eq!(session.decrypt_message(message.raw(), AAD, &ciphertext).unwrap(), DATA);
    });
}

#[test]
fn the_cryptoki_crate_encrypts_messages() {
    use cryptoki::mechanism::aead::{GcmMessageParams, GeneratorFunction};
    use cryptoki::mechanism::{Mechanism, MessageParam};
    let client = crate::client::client();
    let session = client.user();
    let key = crate::client::aes_key(&session, &[]);
    let (mut iv, mut tag) = ([0; 12], [0; 16]);
    let params = GcmMessageParams::new(&mut iv, 0u64.into(), GeneratorFunction::Generate, &mut tag).unwrap();
    session.message_encrypt_init(&Mechanism::AesGcmMessage(params), key).unwrap();
    let param = MessageParam::AesGcmMessage(params);
    let ciphertext = session.encrypt_message(&param, AAD, DATA).unwrap();
    session.message_encrypt_final().unwrap();
    session.message_decrypt_init(&Mechanism::AesGcmMessage(params), key).unwrap();
    assert_eq!(session.decrypt_message(&param, AAD, &ciphertext).unwrap(), DATA);
    session.message_decrypt_final().unwrap();
    assert_ne!(iv, [0; 12]);
}

/// The nonce and the tag of a message lie where the structure says.
fn ccm(nonce: &mut [u8], tag: &mut [u8], data: &[u8]) -> CK_CCM_MESSAGE_PARAMS {
    CK_CCM_MESSAGE_PARAMS {
        ulDataLen: data.len() as CK_ULONG,
        pNonce: nonce.as_mut_ptr(),
        ulNonceLen: nonce.len() as CK_ULONG,
        ulNonceFixedBits: 0,
        nonceGenerator: CKG_NO_GENERATE,
        pMAC: tag.as_mut_ptr(),
        ulMACLen: tag.len() as CK_ULONG,
    }
}

/// RFC 3610, packet vector #1: a code of 8 bytes. CCM needs the whole message, so all of it comes last.
#[test]
fn ccm_takes_messages() {
    let token = Token::new();
    let session = token.user();
    let key: Vec<u8> = (0xc0..=0xcf).collect();
    let key = session.known_key(CKK_AES, &key, &[]);
    let (mut nonce, mut code) = ([0, 0, 0, 3, 2, 1, 0, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5], [0; 8]);
    let (aad, data): (Vec<u8>, Vec<u8>) = ((0..8).collect(), (8..31).collect());
    let ciphertext = [
        0x58, 0x8c, 0x97, 0x9a, 0x61, 0xc6, 0x63, 0xd2, 0xf0, 0x66, 0xd0, 0xc2, 0xc0, 0xf9, 0x89, 0x80, 0x6d,
        0x5f, 0x6b, 0x61, 0xda, 0xc3, 0x84,
    ];
    let wanted = [0x17, 0xe8, 0xd1, 0x2c, 0xfd, 0xf9, 0x26, 0xe0];
    let by = || Mechanism::plain(CKM_AES_CCM);
    expect("init", session.message_encrypt_init(by(), key), CKR_OK);
    expect("init", session.message_decrypt_init(by(), key), CKR_OK);
    let params = ccm(&mut nonce, &mut code, &data);
    assert_eq!(session.encrypt_message(params, &aad, &data).unwrap(), ciphertext);
    assert_eq!(code, wanted);
    code.fill(0);
    expect("begin", session.encrypt_message_begin(params, &aad), CKR_OK);
    assert_eq!(session.encrypt_message_next(params, &data[..9], 0).unwrap(), b"");
    let last = session.encrypt_message_next(params, &data[9..], CKF_END_OF_MESSAGE);
    assert_eq!((&last.unwrap()[..], code), (&ciphertext[..], wanted));

    assert_eq!(session.decrypt_message(params, &aad, &ciphertext).unwrap(), data);
    expect("begin", session.decrypt_message_begin(params, &aad), CKR_OK);
    assert_eq!(session.decrypt_message_next(params, &ciphertext[..9], 0).unwrap(), b"");
    let last = session.decrypt_message_next(params, &ciphertext[9..], CKF_END_OF_MESSAGE);
    assert_eq!(last.unwrap(), data);
    let rv = session.decrypt_message(params, b"", &ciphertext).unwrap_err();
    expect("not authentic", rv, CKR_AEAD_DECRYPT_FAILED);
    let rv = session.encrypt_message(params, &aad, &data[1..]).unwrap_err();
    expect("another length than was said", rv, CKR_DATA_LEN_RANGE);
    let generated = CK_CCM_MESSAGE_PARAMS { nonceGenerator: CKG_GENERATE, ..params };
    let ciphertext = session.encrypt_message(generated, &aad, &data).unwrap();
    assert_ne!(nonce[..8], [0, 0, 0, 3, 2, 1, 0, 0xa0], "a new one");
    let params = ccm(&mut nonce, &mut code, &data);
    assert_eq!(session.decrypt_message(params, &aad, &ciphertext).unwrap(), data);
}

/// RFC 8439 sec. 2.8.2.
#[test]
fn chacha20_poly1305_takes_messages() {
    let token = Token::new();
    let session = token.user();
    let key: Vec<u8> = (0x80..=0x9f).collect();
    let key = session.known_key(CKK_CHACHA20, &key, &[]);
    let data =
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
        sunscreen would be it.";
    let aad = [0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7];
    let wanted =
        [0x1a, 0xe1, 0x0b, 0x59, 0x4f, 0x09, 0xe2, 0x6a, 0x7e, 0x90, 0x2e, 0xcb, 0xd0, 0x60, 0x06, 0x91];
    let by = || Mechanism::plain(CKM_CHACHA20_POLY1305);
    expect("init", session.message_encrypt_init(by(), key), CKR_OK);
    expect("init", session.message_decrypt_init(by(), key), CKR_OK);
    // The specification counts the nonce's bits, programs its bytes.
    for length in [96, 12] {
        let mut nonce = [7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47];
        let mut tag = [0; 16];
        let params = CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS {
            pNonce: nonce.as_mut_ptr(),
            ulNonceLen: length,
            pTag: tag.as_mut_ptr(),
        };
        let ciphertext = session.encrypt_message(params, &aad, data).unwrap();
        assert_eq!((&ciphertext[..4], tag), (&[0xd3, 0x1a, 0x8d, 0x34][..], wanted));
        assert_eq!(session.decrypt_message(params, &aad, &ciphertext).unwrap(), data);
        expect("begin", session.decrypt_message_begin(params, &aad), CKR_OK);
        assert_eq!(session.decrypt_message_next(params, &ciphertext, 0).unwrap(), b"");
        let last = session.decrypt_message_next(params, b"", CKF_END_OF_MESSAGE);
        assert_eq!(last.unwrap(), data);
        let rv = session.decrypt_message(params, b"", &ciphertext).unwrap_err();
        expect("not authentic", rv, CKR_AEAD_DECRYPT_FAILED);
    }
}
