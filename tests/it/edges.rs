//! Lengths at the end of what numbers hold, and pointers and lengths that contradict each other.

use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;

const HUGE: [CK_ULONG; 5] =
    [CK_ULONG::MAX, CK_ULONG::MAX - 15, isize::MAX as CK_ULONG, isize::MAX as CK_ULONG - 15, 1 << 62];

fn mechanisms() -> [By; 5] {
    [
        || Mechanism::plain(CKM_AES_ECB),
        || Mechanism::with(CKM_AES_CBC, &[1; 16]),
        Mechanism::cbc_pad,
        || Mechanism::ctr(64, [1; 16]),
        || Mechanism::gcm(&[1; 12], b"", 128),
    ]
}

/// A size query looks at no data: a length that no memory has gets a size or a code, and the session works on.
#[test]
fn size_queries_of_huge_data() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    let codes = [CKR_OK, CKR_ARGUMENTS_BAD, CKR_DATA_LEN_RANGE, CKR_ENCRYPTED_DATA_LEN_RANGE];
    let mut byte = 0u8;
    for by in mechanisms() {
        for length in HUGE {
            let mut size = 0;
            expect("init", session.encrypt_init(by(), key), CKR_OK);
            let rv = call!(session.api, C_Encrypt(session.handle, &mut byte, length, null_mut(), &mut size));
            expect_one_of("encrypt", rv, &codes);
            session.cancel(CKF_ENCRYPT);
            expect("init", session.encrypt_init(by(), key), CKR_OK);
            let rv =
                call!(session.api, C_EncryptUpdate(session.handle, &mut byte, length, null_mut(), &mut size));
            expect_one_of("update", rv, &codes);
            session.cancel(CKF_ENCRYPT);
            expect("init", session.decrypt_init(by(), key), CKR_OK);
            let rv = call!(session.api, C_Decrypt(session.handle, &mut byte, length, null_mut(), &mut size));
            expect_one_of("decrypt", rv, &codes);
            session.cancel(CKF_DECRYPT);
            expect("init", session.decrypt_init(by(), key), CKR_OK);
            let rv =
                call!(session.api, C_DecryptUpdate(session.handle, &mut byte, length, null_mut(), &mut size));
            expect_one_of("update", rv, &codes);
            session.cancel(CKF_DECRYPT);
        }
        expect("init", session.encrypt_init(by(), key), CKR_OK);
        assert!(session.encrypt(&[1; 16]).is_ok());
    }
}

/// A buffer that is told to be larger than it is: only what is needed is written.
#[test]
fn an_output_buffer_of_any_length_told() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    for by in mechanisms() {
        for told in HUGE {
            let (mut output, mut length) = ([0xee; 64], told);
            let mut input = [7; 16];
            expect("init", session.encrypt_init(by(), key), CKR_OK);
            let (from, to) = (input.as_mut_ptr(), output.as_mut_ptr());
            let rv = call!(session.api, C_Encrypt(session.handle, from, 16, to, &mut length));
            expect("encrypt", rv, CKR_OK);
            assert!(length <= 32);
            assert!(output[length as usize..].iter().all(|byte| *byte == 0xee));
        }
    }
}

#[test]
fn mechanism_parameters_that_contradict_themselves() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    let mut iv = [1u8; 16];
    let pointer: CK_VOID_PTR = iv.as_mut_ptr().cast();
    let kinds = [CKM_AES_CBC, CKM_AES_CTR, CKM_AES_GCM, CKM_AES_CBC_PAD];
    for mechanism in kinds {
        for (at, bytes) in [(null_mut(), 16), (pointer, 0), (null_mut(), CK_ULONG::MAX)] {
            let mut raw = CK_MECHANISM { mechanism, pParameter: at, ulParameterLen: bytes };
            let rv = call!(session.api, C_EncryptInit(session.handle, &mut raw, key));
            expect_one_of("encrypt", rv, &[CKR_MECHANISM_PARAM_INVALID, CKR_ARGUMENTS_BAD]);
            expect("none", session.encrypt(&[0; 16]).unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
        }
    }
    let mut raw = CK_MECHANISM { mechanism: CKM_AES_ECB, pParameter: pointer, ulParameterLen: 0 };
    let rv = call!(session.api, C_EncryptInit(session.handle, &mut raw, key));
    expect("a pointer to nothing", rv, CKR_OK);
}

/// The header of PKCS#11 2.40 first had no ulIvBits in CK_GCM_PARAMS; programs still bring that structure.
#[test]
fn gcm_parameters_without_iv_bits() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    let (iv, aad) = ([9u8; 12], *b"aad");
    let old: [CK_ULONG; 5] = [iv.as_ptr() as CK_ULONG, 12, aad.as_ptr() as CK_ULONG, 3, 128];
    let mut raw = CK_MECHANISM {
        mechanism: CKM_AES_GCM,
        pParameter: old.as_ptr().cast_mut().cast(),
        ulParameterLen: size_of_val(&old) as CK_ULONG,
    };
    expect("init", call!(session.api, C_EncryptInit(session.handle, &mut raw, key)), CKR_OK);
    let ciphertext = session.encrypt(b"the same").unwrap();
    expect("init", session.decrypt_init(Mechanism::gcm(&iv, &aad, 128), key), CKR_OK);
    assert_eq!(session.decrypt(&ciphertext).unwrap(), b"the same");
}

#[test]
fn templates_of_huge_counts_and_lengths() {
    let token = Token::new();
    let session = token.user();
    let class = number(CKO_DATA);
    let mut template = Attributes::new(&[(CKA_CLASS, &class)]);
    let pointer = template.as_mut_ptr();
    let mut handle = 0;
    let codes = [CKR_ARGUMENTS_BAD, CKR_ATTRIBUTE_VALUE_INVALID, CKR_DEVICE_MEMORY, CKR_HOST_MEMORY];
    for count in HUGE {
        let rv = call!(session.api, C_CreateObject(session.handle, pointer, count, &mut handle));
        expect_one_of("count", rv, &codes);
        let mut byte = 0u8;
        let mut long = [
            CK_ATTRIBUTE { type_: CKA_CLASS, pValue: class.as_ptr().cast_mut().cast(), ulValueLen: 8 },
            CK_ATTRIBUTE { type_: CKA_VALUE, pValue: (&raw mut byte).cast(), ulValueLen: count },
        ];
        let rv = call!(session.api, C_CreateObject(session.handle, long.as_mut_ptr(), 2, &mut handle));
        expect_one_of("length", rv, &codes);
        let rv = call!(session.api, C_FindObjectsInit(session.handle, pointer, count));
        expect_one_of("find", rv, &codes);
    }
    assert_eq!(session.find(&[]).unwrap(), []);
}

#[test]
fn objects_up_to_the_limit_are_kept_whole() {
    let token = Token::new();
    let session = token.user();
    let value: Vec<u8> = (0..500_000u32).map(|at| (at % 251) as u8).collect();
    for kept in [YES, NO] {
        let pairs = |value| {
            [(CKA_CLASS, const { &number(CKO_DATA) } as &[u8]), (CKA_TOKEN, kept), (CKA_VALUE, value)]
        };
        let object = session.create(&pairs(&value)).expect("half a MiB less a little");
        assert_eq!(session.get(object, CKA_VALUE).unwrap(), value);
        let over = vec![1; 600_000];
        expect("over", session.create(&pairs(&over)).unwrap_err(), CKR_DEVICE_MEMORY);
        expect("destroy", session.destroy(object), CKR_OK);
    }
}

#[test]
fn opening_a_session_takes_what_it_does_not_use() {
    unsafe extern "C" fn notify(_: CK_SESSION_HANDLE, _: CK_NOTIFICATION, _: CK_VOID_PTR) -> CK_RV {
        CKR_OK
    }
    let token = Token::new();
    let (mut application, mut handle) = (17u8, 0);
    let context: CK_VOID_PTR = (&raw mut application).cast();
    let rv =
        call!(token.module.api, C_OpenSession(token.slot, READ_WRITE, context, Some(notify), &mut handle));
    expect("open", rv, CKR_OK);
    assert_eq!(token.module.session(handle).info().unwrap().state, CKS_RW_PUBLIC_SESSION);
}
