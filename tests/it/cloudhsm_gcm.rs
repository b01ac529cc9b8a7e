//! Profile `cloudhsm`: IVs of AES-GCM that the library makes, written back or put in front.

use crate::support::*;
use cryptoki_sys::*;
use std::collections::BTreeSet;
use std::ptr::null_mut;
use vhsm_pkcs11::profile::vendor::*;

const USAGES: [Pair; 4] = [(CKA_ENCRYPT, YES), (CKA_DECRYPT, YES), (CKA_WRAP, YES), (CKA_UNWRAP, YES)];
const DATA: &[u8] = b"sixteen of bytes";

/// CK_GCM_PARAMS that lead to an IV of the test's, kept where it is.
struct Gcm {
    iv: Box<[u8]>,
    aad: Box<[u8]>,
    params: Box<CK_GCM_PARAMS>,
    kind: CK_MECHANISM_TYPE,
}

impl Gcm {
    fn new(kind: CK_MECHANISM_TYPE, iv: &[u8], aad: &[u8]) -> Gcm {
        let (mut iv, mut aad): (Box<[u8]>, Box<[u8]>) = (iv.into(), aad.into());
        let params = Box::new(CK_GCM_PARAMS {
            pIv: if iv.is_empty() { null_mut() } else { iv.as_mut_ptr() },
            ulIvLen: iv.len() as CK_ULONG,
            ulIvBits: 0,
            pAAD: aad.as_mut_ptr(),
            ulAADLen: aad.len() as CK_ULONG,
            ulTagBits: 128,
        });
        Gcm { iv, aad, params, kind }
    }

    fn zeroed() -> Gcm {
        Gcm::new(CKM_AES_GCM, &[0; 12], b"aad")
    }

    fn raw(&mut self) -> CK_MECHANISM {
        CK_MECHANISM {
            mechanism: self.kind,
            pParameter: (&raw mut *self.params).cast(),
            ulParameterLen: size_of::<CK_GCM_PARAMS>() as CK_ULONG,
        }
    }

    /// What the library may have written, past what the compiler knows.
    fn iv(&self) -> [u8; 12] {
        // SAFETY: the box has 12 bytes.
        unsafe { self.iv.as_ptr().cast::<[u8; 12]>().read_volatile() }
    }

    fn encrypt_init(&mut self, session: &Session, key: CK_OBJECT_HANDLE) -> CK_RV {
        call!(session.api, C_EncryptInit(session.handle, &mut self.raw(), key))
    }

    fn decrypt_init(&mut self, session: &Session, key: CK_OBJECT_HANDLE) -> CK_RV {
        call!(session.api, C_DecryptInit(session.handle, &mut self.raw(), key))
    }
}

fn size_of_output(session: &Session, data: &[u8]) -> CK_ULONG {
    let (mut length, from) = (0, data.as_ptr().cast_mut());
    let rv = call!(session.api, C_Encrypt(session.handle, from, data.len() as u64, null_mut(), &mut length));
    expect("size", rv, CKR_OK);
    length
}

#[test]
fn the_iv_stands_at_piv_after_c_encrypt_and_not_before() {
    let hsm = CloudHsm::new();
    let session = hsm.user();
    let key = session.aes_key(&USAGES);
    let mut gcm = Gcm::zeroed();
    expect("init", gcm.encrypt_init(&session, key), CKR_OK);
    assert_eq!(size_of_output(&session, DATA), 32);
    assert_eq!(gcm.iv(), [0; 12], "a size query makes nothing");
    let (mut small, mut length) = ([0u8; 31], 31);
    let from = DATA.as_ptr().cast_mut();
    let rv = call!(session.api, C_Encrypt(session.handle, from, 16, small.as_mut_ptr(), &mut length));
    expect("small", rv, CKR_BUFFER_TOO_SMALL);
    assert_eq!((gcm.iv(), length), ([0; 12], 32));
    let sealed = session.encrypt(DATA).unwrap();
    assert_eq!(sealed.len(), 32);
    let iv = gcm.iv();
    assert_ne!(iv, [0; 12]);

    for aad in [&b"aad"[..], b"other"] {
        let mut opening = Gcm::new(CKM_AES_GCM, &iv, aad);
        expect("init", opening.decrypt_init(&session, key), CKR_OK);
        let opened = session.decrypt(&sealed);
        let wanted = if aad == b"aad" { Ok(DATA.to_vec()) } else { Err(CKR_ENCRYPTED_DATA_INVALID) };
        assert_eq!(opened, wanted);
    }
    // Reused as it is, the buffer is no longer zeros.
    expect("again", gcm.encrypt_init(&session, key), CKR_MECHANISM_PARAM_INVALID);
}

#[test]
fn a_caller_gives_no_iv() {
    let hsm = CloudHsm::new();
    let session = hsm.user();
    let key = session.aes_key(&USAGES);
    let mut one = [0; 12];
    one[11] = 1;
    for iv in [&one[..], &[0; 11], &[0; 13], &[0; 16], &[7; 12], &[]] {
        let rv = Gcm::new(CKM_AES_GCM, iv, &[]).encrypt_init(&session, key);
        expect(&format!("{iv:?}"), rv, CKR_MECHANISM_PARAM_INVALID);
    }
    for iv in [&[0; 12][..], &[7; 12], &[0]] {
        let rv = Gcm::new(CKM_CLOUDHSM_AES_GCM, iv, &[]).encrypt_init(&session, key);
        expect(&format!("in front, {iv:?}"), rv, CKR_MECHANISM_PARAM_INVALID);
    }
    expect("zeros", Gcm::zeroed().encrypt_init(&session, key), CKR_OK);
}

#[test]
fn the_vendor_mechanism_puts_its_iv_in_front() {
    let hsm = CloudHsm::new();
    let session = hsm.user();
    let key = session.aes_key(&USAGES);
    let mut gcm = Gcm::new(CKM_CLOUDHSM_AES_GCM, &[], b"aad");
    for data in [DATA, b"", b"x"] {
        expect("init", gcm.encrypt_init(&session, key), CKR_OK);
        assert_eq!(size_of_output(&session, data), 12 + data.len() as CK_ULONG + 16);
        let sealed = session.encrypt(data).unwrap();
        expect("init", gcm.decrypt_init(&session, key), CKR_OK);
        assert_eq!(session.decrypt(&sealed).as_deref(), Ok(data));
        // The same as the standard mechanism with that IV.
        let mut standard = Gcm::new(CKM_AES_GCM, &sealed[..12], b"aad");
        expect("init", standard.decrypt_init(&session, key), CKR_OK);
        assert_eq!(session.decrypt(&sealed[12..]).as_deref(), Ok(data));

        let mut changed = sealed.clone();
        changed[0] ^= 1;
        expect("init", gcm.decrypt_init(&session, key), CKR_OK);
        assert_eq!(session.decrypt(&changed), Err(CKR_ENCRYPTED_DATA_INVALID));
        expect("init", gcm.decrypt_init(&session, key), CKR_OK);
        assert_eq!(session.decrypt(&sealed[..27]), Err(CKR_ENCRYPTED_DATA_LEN_RANGE));
    }
    assert_eq!(gcm.aad[..], *b"aad");
}

/// 1,000 encryptions by three sessions, a second run of the library among them.
#[test]
fn no_iv_comes_twice() {
    let hsm = CloudHsm::new();
    let mut seen = BTreeSet::new();
    for _ in 0..2 {
        let session = hsm.user();
        let other = hsm.open();
        let key = session.aes_key(&[&USAGES[..], &[(CKA_TOKEN, YES)]].concat());
        for round in 0..250 {
            let mut gcm = Gcm::zeroed();
            expect("init", gcm.encrypt_init(&session, key), CKR_OK);
            session.encrypt(DATA).unwrap();
            assert!(seen.insert(gcm.iv()), "round {round}");
            let mut front = Gcm::new(CKM_CLOUDHSM_AES_GCM, &[], &[]);
            expect("init", front.encrypt_init(&other, key), CKR_OK);
            let sealed = other.encrypt(DATA).unwrap();
            assert!(seen.insert(sealed[..12].try_into().unwrap()), "round {round}, in front");
        }
        expect("finalize", hsm.module.finalize(), CKR_OK);
        expect("initialize", hsm.module.initialize(), CKR_OK);
    }
    assert_eq!(seen.len(), 1000);
}

#[test]
fn gcm_takes_whole_data_of_at_most_16224_bytes() {
    let hsm = CloudHsm::new();
    let session = hsm.user();
    let key = session.aes_key(&USAGES);
    for (kind, iv) in [(CKM_AES_GCM, &[0; 12][..]), (CKM_CLOUDHSM_AES_GCM, &[])] {
        let mut gcm = Gcm::new(kind, iv, &[]);
        expect("init", gcm.encrypt_init(&session, key), CKR_OK);
        assert_eq!(session.encrypt_update(DATA), Err(CKR_MECHANISM_INVALID));
        expect("it has ended", session.encrypt(DATA).unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
        expect("init", gcm.encrypt_init(&session, key), CKR_OK);
        assert_eq!(session.encrypt_final(), Err(CKR_MECHANISM_INVALID));

        expect("init", gcm.encrypt_init(&session, key), CKR_OK);
        assert_eq!(session.encrypt(&[1; 16_225]), Err(CKR_DATA_LEN_RANGE));
        expect("init", gcm.encrypt_init(&session, key), CKR_OK);
        let sealed = session.encrypt(&[1; 16_224]).unwrap();
        let mut opening = Gcm::new(kind, if iv.is_empty() { &[] } else { &gcm.iv }, &[]);
        expect("init", opening.decrypt_init(&session, key), CKR_OK);
        assert_eq!(session.decrypt_update(&sealed), Err(CKR_MECHANISM_INVALID));
        expect("init", opening.decrypt_init(&session, key), CKR_OK);
        assert_eq!(session.decrypt(&sealed).unwrap(), [1; 16_224]);
        expect("init", opening.decrypt_init(&session, key), CKR_OK);
        assert_eq!(session.decrypt(&[&sealed[..], &[0]].concat()), Err(CKR_ENCRYPTED_DATA_LEN_RANGE));
    }
}

#[test]
fn wrapping_makes_its_iv_too() {
    let hsm = CloudHsm::new();
    let session = hsm.user();
    let wrapping = session.aes_key(&USAGES);
    let length = number(32);
    let secret = [(CKA_VALUE_LEN, &length[..]), (CKA_EXTRACTABLE, YES), (CKA_ENCRYPT, YES)];
    let key = session.generate(Mechanism::plain(CKM_AES_KEY_GEN), &secret).unwrap();
    let wrap = |gcm: &mut Gcm, to: *mut u8, length: &mut CK_ULONG| {
        call!(session.api, C_WrapKey(session.handle, &mut gcm.raw(), wrapping, key, to, length))
    };
    for (kind, iv, wanted) in [(CKM_AES_GCM, &[0; 12][..], 48), (CKM_CLOUDHSM_AES_GCM, &[], 60)] {
        let mut gcm = Gcm::new(kind, iv, b"aad");
        let mut length = 0;
        expect("size", wrap(&mut gcm, null_mut(), &mut length), CKR_OK);
        assert_eq!(length, wanted);
        let mut wrapped = vec![0; length as usize];
        expect("wrap", wrap(&mut gcm, wrapped.as_mut_ptr(), &mut length), CKR_OK);
        assert_eq!(length, wanted);
        if kind == CKM_AES_GCM {
            assert_ne!(gcm.iv(), [0; 12]);
            let rv = wrap(&mut gcm, wrapped.as_mut_ptr(), &mut length);
            expect("no zeros", rv, CKR_MECHANISM_PARAM_INVALID);
        }
        let (class, kind) = (number(CKO_SECRET_KEY), number(CKK_AES));
        let mut template = Attributes::new(&[
            (CKA_CLASS, &class),
            (CKA_KEY_TYPE, &kind),
            (CKA_EXTRACTABLE, YES),
            (CKA_ENCRYPT, YES),
        ]);
        let mut back = 0;
        let rv = call!(
            session.api,
            C_UnwrapKey(
                session.handle,
                &mut gcm.raw(),
                wrapping,
                wrapped.as_mut_ptr(),
                length,
                template.as_mut_ptr(),
                template.count(),
                &mut back
            )
        );
        expect("unwrap", rv, CKR_OK);
        let encrypted = |key| {
            expect("init", session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key), CKR_OK);
            session.encrypt(DATA).unwrap()
        };
        assert_eq!(encrypted(back), encrypted(key));
    }
}
