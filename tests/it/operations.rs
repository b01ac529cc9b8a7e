//! When operations end and when they go on, the same for all functions that produce output
//! (PKCS#11 3.0 sec. 5.2 and the function's own section).

use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;

type Finish = unsafe extern "C" fn(CK_SESSION_HANDLE, *mut CK_BYTE, *mut CK_ULONG) -> CK_RV;
type Feed = unsafe extern "C" fn(CK_SESSION_HANDLE, *mut CK_BYTE, CK_ULONG) -> CK_RV;

#[derive(Clone, Copy)]
enum Update {
    Produces(InOut),
    Takes(Feed),
}

/// One kind of operation: started by `init`, its input and all of its output.
struct Family<'t> {
    name: &'static str,
    session: Session<'t>,
    init: Box<dyn Fn() -> CK_RV + 't>,
    cancel: Box<dyn Fn() -> CK_RV + 't>,
    one_shot: InOut,
    update: Update,
    finish: Finish,
    flag: CK_FLAGS,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Family<'_> {
    fn start(&self) {
        expect(self.name, (self.init)(), CKR_OK);
    }
    /// The one-shot call with a buffer of so many bytes, or none; the code and the length it tells.
    fn one_shot(&self, room: Option<usize>) -> (CK_RV, usize, Vec<u8>) {
        let mut buffer = vec![0xee; room.unwrap_or(0) + 1];
        let to = if room.is_some() { buffer.as_mut_ptr() } else { null_mut() };
        let mut length = room.unwrap_or(0) as CK_ULONG;
        let from = self.input.as_ptr().cast_mut();
        // SAFETY: a buffer of the room that is told.
        let rv = unsafe {
            (self.one_shot)(self.session.handle, from, self.input.len() as CK_ULONG, to, &mut length)
        };
        assert_eq!(buffer[room.unwrap_or(0)], 0xee, "{}: nothing is written beyond the buffer", self.name);
        buffer.truncate(room.unwrap_or(0).min(length as usize));
        (rv, length as usize, buffer)
    }
    fn update(&self, input: &[u8]) -> Result<Vec<u8>, CK_RV> {
        match self.update {
            Update::Produces(function) => self.session.run(function, input),
            // SAFETY: a slice.
            Update::Takes(function) => match unsafe {
                function(self.session.handle, input.as_ptr().cast_mut(), input.len() as CK_ULONG)
            } {
                CKR_OK => Ok(Vec::new()),
                rv => Err(rv),
            },
        }
    }
    fn finish(&self, room: Option<usize>) -> (CK_RV, usize, Vec<u8>) {
        let mut buffer = vec![0xee; room.unwrap_or(0) + 1];
        let to = if room.is_some() { buffer.as_mut_ptr() } else { null_mut() };
        let mut length = room.unwrap_or(0) as CK_ULONG;
        // SAFETY: a buffer of the room that is told.
        let rv = unsafe { (self.finish)(self.session.handle, to, &mut length) };
        assert_eq!(buffer[room.unwrap_or(0)], 0xee, "{}: nothing is written beyond the buffer", self.name);
        buffer.truncate(room.unwrap_or(0).min(length as usize));
        (rv, length as usize, buffer)
    }
    #[track_caller]
    fn is_over(&self) {
        expect(self.name, self.one_shot(Some(4096)).0, CKR_OPERATION_NOT_INITIALIZED);
        expect(self.name, self.update(b"").err().unwrap_or(CKR_OK), CKR_OPERATION_NOT_INITIALIZED);
        expect(self.name, self.finish(Some(4096)).0, CKR_OPERATION_NOT_INITIALIZED);
    }
    #[track_caller]
    fn gives_all(&self) {
        let (rv, _, output) = self.one_shot(Some(4096));
        expect(self.name, rv, CKR_OK);
        assert_eq!(output, self.output, "{}", self.name);
    }
}

const INPUT: &[u8] = b"Forty-eight bytes, three blocks of AES, no more.";

fn mechanisms() -> Vec<(&'static str, By)> {
    vec![
        ("ECB", || Mechanism::plain(CKM_AES_ECB)),
        ("CBC", || Mechanism::with(CKM_AES_CBC, &[7; 16])),
        ("CBC_PAD", Mechanism::cbc_pad),
        ("CTR", || Mechanism::ctr(32, [9; 16])),
        ("GCM", || Mechanism::gcm(&[5; 12], b"aad", 128)),
    ]
}

/// All families: five ciphers both ways, a digest, two MACs.
fn families<'t>(session: Session<'t>) -> Vec<Family<'t>> {
    let key = session.aes_key(&[]);
    let api = session.api;
    let mut all = Vec::new();
    for (name, mechanism) in mechanisms() {
        expect(name, session.encrypt_init(mechanism(), key), CKR_OK);
        let ciphertext = session.encrypt(INPUT).expect(name);
        all.push(Family {
            name,
            session,
            init: Box::new(move || session.encrypt_init(mechanism(), key)),
            cancel: Box::new(move || call!(api, C_EncryptInit(session.handle, null_mut(), key))),
            one_shot: api.C_Encrypt.unwrap(),
            update: Update::Produces(api.C_EncryptUpdate.unwrap()),
            finish: api.C_EncryptFinal.unwrap(),
            flag: CKF_ENCRYPT,
            input: INPUT.to_vec(),
            output: ciphertext.clone(),
        });
        all.push(Family {
            name,
            session,
            init: Box::new(move || session.decrypt_init(mechanism(), key)),
            cancel: Box::new(move || call!(api, C_DecryptInit(session.handle, null_mut(), key))),
            one_shot: api.C_Decrypt.unwrap(),
            update: Update::Produces(api.C_DecryptUpdate.unwrap()),
            finish: api.C_DecryptFinal.unwrap(),
            flag: CKF_DECRYPT,
            input: ciphertext,
            output: INPUT.to_vec(),
        });
    }
    expect("digest", session.digest_init(Mechanism::plain(CKM_SHA256)), CKR_OK);
    all.push(Family {
        name: "digest",
        session,
        init: Box::new(move || session.digest_init(Mechanism::plain(CKM_SHA256))),
        cancel: Box::new(move || call!(api, C_DigestInit(session.handle, null_mut()))),
        one_shot: api.C_Digest.unwrap(),
        update: Update::Takes(api.C_DigestUpdate.unwrap()),
        finish: api.C_DigestFinal.unwrap(),
        flag: CKF_DIGEST,
        input: INPUT.to_vec(),
        output: session.digest(INPUT).unwrap(),
    });
    let secret = session.known_key(CKK_GENERIC_SECRET, b"a secret", &[]);
    for (name, kind, key) in [("CMAC", CKM_AES_CMAC, key), ("HMAC", CKM_SHA256_HMAC, secret)] {
        expect(name, session.sign_init(Mechanism::plain(kind), key), CKR_OK);
        all.push(Family {
            name,
            session,
            init: Box::new(move || session.sign_init(Mechanism::plain(kind), key)),
            cancel: Box::new(move || call!(api, C_SignInit(session.handle, null_mut(), key))),
            one_shot: api.C_Sign.unwrap(),
            update: Update::Takes(api.C_SignUpdate.unwrap()),
            finish: api.C_SignFinal.unwrap(),
            flag: CKF_SIGN,
            input: INPUT.to_vec(),
            output: session.sign(INPUT).unwrap(),
        });
    }
    all
}

fn for_each(test: impl Fn(&Family)) {
    let token = Token::new();
    let session = token.user();
    families(session).iter().for_each(test);
}

#[test]
fn without_init_there_is_no_operation() {
    for_each(|family| family.is_over());
}

#[test]
fn a_second_init_finds_the_first_active() {
    for_each(|family| {
        family.start();
        expect(family.name, (family.init)(), CKR_OPERATION_ACTIVE);
        family.gives_all();
        family.is_over();
    });
}

#[test]
fn a_size_query_keeps_the_operation() {
    for_each(|family| {
        family.start();
        for _ in 0..3 {
            let (rv, length, _) = family.one_shot(None);
            expect(family.name, rv, CKR_OK);
            let slack = family.output.len()..=family.output.len() + 16;
            assert!(slack.contains(&length), "{}: {length}", family.name);
        }
        family.gives_all();
        family.is_over();
    });
}

#[test]
fn a_small_buffer_keeps_the_operation() {
    for_each(|family| {
        family.start();
        for room in [0, 1, family.output.len() - 1] {
            let (rv, length, _) = family.one_shot(Some(room));
            expect(family.name, rv, CKR_BUFFER_TOO_SMALL);
            assert!(length >= family.output.len(), "{}: {length}", family.name);
        }
        family.gives_all();
        family.is_over();
    });
}

#[test]
fn a_buffer_of_the_size_told_is_enough() {
    for_each(|family| {
        family.start();
        let (_, length, _) = family.one_shot(None);
        let (rv, _, output) = family.one_shot(Some(length));
        expect(family.name, rv, CKR_OK);
        assert_eq!(output, family.output, "{}", family.name);
        family.is_over();
    });
}

#[test]
fn a_finished_call_ends_the_operation() {
    for_each(|family| {
        family.start();
        family.gives_all();
        family.is_over();
        family.start();
        family.gives_all();
    });
}

#[test]
fn parts_give_what_the_whole_gives() {
    for_each(|family| {
        for size in [1, 7, 16, 17, 47, 64] {
            family.start();
            let mut output = Vec::new();
            for part in family.input.chunks(size) {
                output.extend(family.update(part).expect(family.name));
            }
            let (rv, _, last) = family.finish(Some(4096));
            expect(family.name, rv, CKR_OK);
            output.extend(last);
            assert_eq!(output, family.output, "{} in parts of {size}", family.name);
            family.is_over();
        }
    });
}

#[test]
fn final_asks_for_its_size_and_stays() {
    for_each(|family| {
        family.start();
        let mut output = family.update(&family.input).expect(family.name);
        let (rv, length, _) = family.finish(None);
        expect(family.name, rv, CKR_OK);
        let missing = family.output.len() - output.len();
        assert!((missing..=missing + 16).contains(&length), "{}: {length} for {missing}", family.name);
        if missing > 0 {
            let (rv, told, _) = family.finish(Some(missing - 1));
            expect(family.name, rv, CKR_BUFFER_TOO_SMALL);
            assert!(told >= missing);
        }
        let (rv, _, last) = family.finish(Some(length));
        expect(family.name, rv, CKR_OK);
        output.extend(last);
        assert_eq!(output, family.output, "{}", family.name);
        family.is_over();
    });
}

#[test]
fn an_update_that_asks_for_its_size_moves_nothing() {
    for_each(|family| {
        let Update::Produces(function) = family.update else { return };
        family.start();
        let from = family.input.as_ptr().cast_mut();
        let all = family.input.len() as CK_ULONG;
        let mut length = 0;
        for _ in 0..3 {
            // SAFETY: a size query writes the length only.
            let rv = unsafe { function(family.session.handle, from, all, null_mut(), &mut length) };
            expect(family.name, rv, CKR_OK);
        }
        if length > 0 {
            let mut small = [0; 1];
            let mut room = 1;
            // SAFETY: a buffer of one byte.
            let rv = unsafe { function(family.session.handle, from, all, small.as_mut_ptr(), &mut room) };
            // A decryption that holds data back may fit into one byte only where it gives none.
            if rv != CKR_BUFFER_TOO_SMALL {
                panic!("{}: {}", family.name, name(rv));
            }
        }
        let mut output = family.update(&family.input).expect(family.name);
        output.extend(family.finish(Some(4096)).2);
        assert_eq!(output, family.output, "{}", family.name);
    });
}

#[test]
fn one_shot_and_parts_do_not_mix() {
    for_each(|family| {
        family.start();
        family.update(&family.input[..16]).expect(family.name);
        expect(family.name, family.one_shot(Some(4096)).0, CKR_OPERATION_ACTIVE);
        // Whether that ended the operation is not said; a new one must be possible either way.
        let rv = (family.cancel)();
        expect_one_of(family.name, rv, &[CKR_OK, CKR_OPERATION_NOT_INITIALIZED]);
        family.start();
        family.gives_all();
    });
}

#[test]
fn a_null_length_ends_the_operation() {
    for_each(|family| {
        let mut buffer = [0; 4096];
        let from = family.input.as_ptr().cast_mut();
        family.start();
        // SAFETY: null is what is tested.
        let rv = unsafe {
            let length = family.input.len() as CK_ULONG;
            (family.one_shot)(family.session.handle, from, length, buffer.as_mut_ptr(), null_mut())
        };
        expect(family.name, rv, CKR_ARGUMENTS_BAD);
        family.is_over();
        family.start();
        family.update(&family.input).expect(family.name);
        // SAFETY: null is what is tested.
        let rv = unsafe { (family.finish)(family.session.handle, buffer.as_mut_ptr(), null_mut()) };
        expect(family.name, rv, CKR_ARGUMENTS_BAD);
        family.is_over();
    });
}

#[test]
fn null_input_of_some_length_ends_the_operation() {
    for_each(|family| {
        let (mut buffer, mut length) = ([0; 4096], 4096);
        family.start();
        // SAFETY: null is what is tested.
        let rv = unsafe {
            (family.one_shot)(family.session.handle, null_mut(), 16, buffer.as_mut_ptr(), &mut length)
        };
        expect(family.name, rv, CKR_ARGUMENTS_BAD);
        family.is_over();
        family.start();
        length = 4096;
        // SAFETY: null is what is tested.
        let rv = unsafe {
            match family.update {
                Update::Produces(function) => {
                    function(family.session.handle, null_mut(), 16, buffer.as_mut_ptr(), &mut length)
                }
                Update::Takes(function) => function(family.session.handle, null_mut(), 16),
            }
        };
        expect(family.name, rv, CKR_ARGUMENTS_BAD);
        family.is_over();
    });
}

#[test]
fn init_with_a_null_mechanism_cancels() {
    for_each(|family| {
        family.start();
        expect(family.name, (family.cancel)(), CKR_OK);
        family.is_over();
        family.start();
        family.update(&family.input).expect(family.name);
        expect(family.name, (family.cancel)(), CKR_OK);
        family.is_over();
        let rv = (family.cancel)();
        expect_one_of(family.name, rv, &[CKR_OK, CKR_OPERATION_NOT_INITIALIZED]);
    });
}

#[test]
fn a_session_cancels_its_operations() {
    for_each(|family| {
        family.start();
        expect(family.name, family.session.cancel(family.flag), CKR_OK);
        family.is_over();
        family.start();
        family.update(&family.input).expect(family.name);
        expect(family.name, family.session.cancel(family.flag), CKR_OK);
        family.is_over();
    });
}

#[test]
fn operations_of_different_kinds_go_side_by_side() {
    let token = Token::new();
    let families = families(token.user());
    let kinds = [CKF_ENCRYPT, CKF_DECRYPT, CKF_DIGEST, CKF_SIGN];
    let chosen: Vec<_> =
        kinds.iter().map(|kind| families.iter().find(|family| family.flag == *kind).unwrap()).collect();
    chosen.iter().for_each(|family| family.start());
    let firsts: Vec<_> = chosen.iter().map(|family| family.update(&family.input[..16]).unwrap()).collect();
    for (family, mut output) in chosen.iter().zip(firsts) {
        output.extend(family.update(&family.input[16..]).unwrap());
        output.extend(family.finish(Some(4096)).2);
        assert_eq!(output, family.output, "{}", family.name);
    }
}

#[test]
fn operations_belong_to_their_session() {
    let token = Token::new();
    let (one, other) = (token.user(), token.open(READ_ONLY));
    for (one, other) in families(one).iter().zip(families(other)) {
        one.start();
        other.is_over();
        other.start();
        expect(other.name, (other.cancel)(), CKR_OK);
        one.gives_all();
    }
}

#[test]
fn closing_a_session_ends_its_operations() {
    let token = Token::new();
    let _other = token.user();
    let session = token.open(READ_ONLY);
    let families = families(session);
    for kind in [CKF_ENCRYPT, CKF_DECRYPT, CKF_DIGEST, CKF_SIGN] {
        families.iter().find(|family| family.flag == kind).unwrap().start();
    }
    expect("close", session.close(), CKR_OK);
    expect("closed", session.encrypt(b"x").unwrap_err(), CKR_SESSION_HANDLE_INVALID);
}

#[test]
fn empty_input_is_input() {
    for_each(|family| {
        // Nothing to decrypt under CBC_PAD and GCM is an error of its own.
        if family.flag == CKF_DECRYPT && family.output.len() != family.input.len() {
            return;
        }
        family.start();
        let (mut buffer, mut length) = ([0; 4096], 4096);
        // SAFETY: a length of zero.
        let rv = unsafe {
            (family.one_shot)(family.session.handle, null_mut(), 0, buffer.as_mut_ptr(), &mut length)
        };
        expect(family.name, rv, CKR_OK);
        let whole = buffer[..length as usize].to_vec();
        family.start();
        let (rv, _, parts) = family.finish(Some(4096));
        expect(family.name, rv, CKR_OK);
        assert_eq!(parts, whole, "{}: no update at all", family.name);
        family.is_over();
    });
}
