//! Input and output in one buffer (PKCS#11 3.0 sec. 5.8.2, 5.8.3, 5.10.2, 5.10.3: "it is OK").

use crate::support::*;
use cryptoki_sys::*;

const PLAIN: &[u8; 64] = b"Sixty-four bytes of plaintext that are overwritten where they...";

fn mechanisms() -> [(&'static str, By); 9] {
    [
        ("ECB", || Mechanism::plain(CKM_AES_ECB)),
        ("CBC", || Mechanism::with(CKM_AES_CBC, &[1; 16])),
        ("CBC_PAD", Mechanism::cbc_pad),
        ("CTR", || Mechanism::ctr(32, [1; 16])),
        ("OFB", || Mechanism::with(CKM_AES_OFB, &[1; 16])),
        ("CFB8", || Mechanism::with(CKM_AES_CFB8, &[1; 16])),
        ("CFB128", || Mechanism::with(CKM_AES_CFB128, &[1; 16])),
        ("GCM", || Mechanism::gcm(&[1; 12], b"a", 128)),
        ("CCM", || Mechanism::ccm(64, &[1; 12], b"a", 16)),
    ]
}

#[test]
fn one_shot_in_place() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    for (what, by) in mechanisms() {
        expect(what, session.encrypt_init(by(), key), CKR_OK);
        let apart = session.encrypt(PLAIN).unwrap();
        let mut buffer = [0; 128];
        buffer[..64].copy_from_slice(PLAIN);
        let pointer = buffer.as_mut_ptr();
        let mut length = 128;
        expect(what, session.encrypt_init(by(), key), CKR_OK);
        let rv = call!(session.api, C_Encrypt(session.handle, pointer, 64, pointer, &mut length));
        expect(what, rv, CKR_OK);
        assert_eq!(buffer[..length as usize], apart, "{what}");
        let bytes = length;
        let pointer = buffer.as_mut_ptr();
        expect(what, session.decrypt_init(by(), key), CKR_OK);
        let rv = call!(session.api, C_Decrypt(session.handle, pointer, bytes, pointer, &mut length));
        expect(what, rv, CKR_OK);
        assert_eq!(buffer[..length as usize], *PLAIN, "{what}");
    }
}

#[test]
fn parts_in_place() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    for (what, by) in mechanisms() {
        expect(what, session.encrypt_init(by(), key), CKR_OK);
        let apart = session.encrypt(PLAIN).unwrap();
        expect(what, session.encrypt_init(by(), key), CKR_OK);
        let mut output = Vec::new();
        for part in PLAIN.chunks(13) {
            let mut buffer = [0; 64];
            buffer[..part.len()].copy_from_slice(part);
            let (pointer, bytes, mut length) = (buffer.as_mut_ptr(), part.len() as CK_ULONG, 64);
            let rv =
                call!(session.api, C_EncryptUpdate(session.handle, pointer, bytes, pointer, &mut length));
            expect(what, rv, CKR_OK);
            output.extend(&buffer[..length as usize]);
        }
        output.extend(session.encrypt_final().unwrap());
        assert_eq!(output, apart, "{what}");
        expect(what, session.decrypt_init(by(), key), CKR_OK);
        let mut plain = Vec::new();
        for part in apart.chunks(13) {
            let mut buffer = [0; 64];
            buffer[..part.len()].copy_from_slice(part);
            let (pointer, bytes, mut length) = (buffer.as_mut_ptr(), part.len() as CK_ULONG, 64);
            let rv =
                call!(session.api, C_DecryptUpdate(session.handle, pointer, bytes, pointer, &mut length));
            expect(what, rv, CKR_OK);
            plain.extend(&buffer[..length as usize]);
        }
        plain.extend(session.decrypt_final().unwrap());
        assert_eq!(plain, PLAIN, "{what}");
    }
}

#[test]
fn a_small_buffer_in_place_leaves_the_input_as_it_was() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    for (what, by) in mechanisms() {
        let mut buffer = *PLAIN;
        let pointer = buffer.as_mut_ptr();
        let mut length = 63;
        expect(what, session.encrypt_init(by(), key), CKR_OK);
        let rv = call!(session.api, C_Encrypt(session.handle, pointer, 64, pointer, &mut length));
        expect(what, rv, CKR_BUFFER_TOO_SMALL);
        assert_eq!(buffer, *PLAIN, "{what}");
        session.cancel(CKF_ENCRYPT);
    }
}

/// Output that begins inside the input is not promised to give sense, but neither crashes nor writes elsewhere.
#[test]
fn overlapping_buffers_stay_within_their_bounds() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    for (what, by) in mechanisms() {
        for (from, to) in [(0, 5), (5, 0), (0, 16), (16, 0), (0, 63)] {
            let mut buffer = [0xee; 256];
            let mut length = 100;
            let (input, output) = (buffer[from..].as_mut_ptr(), buffer[to..].as_mut_ptr());
            expect(what, session.encrypt_init(by(), key), CKR_OK);
            let rv = call!(session.api, C_Encrypt(session.handle, input, 64, output, &mut length));
            expect_one_of(what, rv, &[CKR_OK, CKR_ARGUMENTS_BAD, CKR_FUNCTION_REJECTED]);
            assert!(buffer[to + 100..].iter().all(|byte| *byte == 0xee), "{what}");
            session.cancel(CKF_ENCRYPT);
        }
    }
}
