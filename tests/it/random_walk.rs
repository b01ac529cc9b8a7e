//! Calls in an order that nobody planned, with handles and mechanisms that fit or do not: every answer is a
//! code that the call may give, nothing crashes or hangs, and afterwards the token works as before.

use crate::support::*;
use cryptoki_sys::*;

const STEPS: usize = 6_000;

/// xorshift64: the same walk for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most
    }
    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

const MECHANISMS: &[By] = &[
    || Mechanism::plain(CKM_AES_ECB),
    || Mechanism::with(CKM_AES_CBC, &[1; 16]),
    Mechanism::cbc_pad,
    || Mechanism::ctr(32, [1; 16]),
    || Mechanism::ctr(4, [0; 16]),
    || Mechanism::gcm(&[1; 12], b"aad", 128),
    || Mechanism::gcm(&[1; 5], b"", 96),
    || Mechanism::with(CKM_AES_CBC, &[1; 5]),
    || Mechanism::plain(CKM_AES_GCM),
    || Mechanism::plain(CKM_AES_CMAC),
    || Mechanism::plain(CKM_SHA256_HMAC),
    || Mechanism::with(CKM_SHA512_HMAC_GENERAL, &number(20)),
    || Mechanism::plain(CKM_SHA256),
    || Mechanism::plain(CKM_SHA3_512),
    || Mechanism::plain(CKM_AES_KEY_WRAP),
    || Mechanism::plain(CKM_AES_KEY_WRAP_KWP),
    || Mechanism::plain(CKM_AES_KEY_GEN),
    || Mechanism::plain(0x7777),
];

/// What is at hand on the walk; stale entries stay in on purpose.
struct Bag<'t> {
    sessions: Vec<Session<'t>>,
    objects: Vec<CK_OBJECT_HANDLE>,
    wrapped: Vec<Vec<u8>>,
}

/// The code of a call that gives something, which is put into the bag.
fn kept<T>(result: Result<T, CK_RV>, bag: &mut Vec<T>) -> CK_RV {
    match result {
        Ok(new) => {
            bag.push(new);
            CKR_OK
        }
        Err(rv) => rv,
    }
}

fn code<T>(result: Result<T, CK_RV>) -> CK_RV {
    result.err().unwrap_or(CKR_OK)
}

fn step<'t>(token: &'t Token, dice: &mut Dice, bag: &mut Bag<'t>) -> CK_RV {
    let session = Session { api: token.module.api, ..dice.one(&bag.sessions) };
    let (key, other) = (dice.one(&bag.objects), dice.one(&bag.objects));
    let by = dice.one(MECHANISMS);
    let data = vec![5; dice.one(&[0, 1, 15, 16, 17, 32, 100, 4096])];
    let flag = dice.one(&[YES, NO]);
    match dice.below(34) {
        0..=2 => session.encrypt_init(by(), key),
        3..=4 => session.decrypt_init(by(), key),
        5..=6 => session.sign_init(by(), key),
        7 => session.verify_init(by(), key),
        8 => session.digest_init(by()),
        9 => code(session.encrypt(&data)),
        10 => code(session.encrypt_update(&data)),
        11 => code(session.encrypt_final()),
        12 => code(session.decrypt(&data)),
        13 => code(session.decrypt_update(&data)),
        14 => code(session.decrypt_final()),
        15 => code(session.sign(&data)),
        16 => session.verify(&data, &data),
        17 => session.verify_update(&data),
        18 => session.verify_final(&data),
        19 => code(session.digest(&data)),
        20 => session.digest_update(&data),
        21 => code(session.digest_final()),
        22 => session.cancel(dice.one(&[0, CKF_ENCRYPT, CKF_DECRYPT | CKF_SIGN, CK_FLAGS::MAX])),
        23 => kept(session.copy(key, &[(CKA_TOKEN, flag)]), &mut bag.objects),
        24 => session.destroy(key),
        25 => session.set(key, &[(CKA_ENCRYPT, flag), (CKA_LABEL, &data)]),
        26 => code(session.get(key, dice.one(&[CKA_VALUE, CKA_LABEL, CKA_CHECK_VALUE, CKA_MODULUS]))),
        27 => code(session.find(&[(CKA_TOKEN, flag)])),
        28 => kept(session.wrap(by(), key, other), &mut bag.wrapped),
        29 => unwrap(dice, bag, &session, by, key),
        30 => generate(dice, bag, &session, by, flag),
        31 => log_in_or_out(dice, &session),
        32 => open_or_close(token, dice, &session, bag),
        _ => code(session.info()),
    }
}

fn unwrap(dice: &mut Dice, bag: &mut Bag, session: &Session, by: By, key: CK_OBJECT_HANDLE) -> CK_RV {
    let wrapped = bag.wrapped[dice.below(bag.wrapped.len())].clone();
    let (class, kind) = (number(CKO_SECRET_KEY), number(dice.one(&[CKK_AES, CKK_GENERIC_SECRET])));
    kept(session.unwrap(by(), key, &wrapped, &[(CKA_CLASS, &class), (CKA_KEY_TYPE, &kind)]), &mut bag.objects)
}

fn generate(dice: &mut Dice, bag: &mut Bag, session: &Session, by: By, token: &[u8]) -> CK_RV {
    let by = dice.one(&[
        by,
        || Mechanism::plain(CKM_AES_KEY_GEN),
        || Mechanism::plain(CKM_GENERIC_SECRET_KEY_GEN),
    ]);
    let length = number(dice.one(&[16, 32, 33]));
    let (private, extractable) = (dice.one(&[YES, NO]), dice.one(&[YES, NO]));
    let template: [Pair; 4] = [
        (CKA_VALUE_LEN, &length),
        (CKA_TOKEN, token),
        (CKA_PRIVATE, private),
        (CKA_EXTRACTABLE, extractable),
    ];
    kept(session.generate(by(), &template), &mut bag.objects)
}

/// Seldom, for a login takes its time.
fn log_in_or_out(dice: &mut Dice, session: &Session) -> CK_RV {
    match dice.below(12) {
        0 => session.logout(),
        1 => session.login(CKU_SO, SO_PIN),
        2..=4 => session.login(CKU_USER, USER_PIN),
        _ => code(session.info()),
    }
}

fn open_or_close<'t>(token: &'t Token, dice: &mut Dice, session: &Session, bag: &mut Bag<'t>) -> CK_RV {
    if dice.below(3) == 0 {
        return session.close();
    }
    let flags = dice.one(&[READ_ONLY, READ_WRITE]);
    kept(token.module.open(token.slot, flags), &mut bag.sessions)
}

/// Codes that would mean a fault of the library.
const FAULTS: [CK_RV; 5] =
    [CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED, CKR_DEVICE_ERROR, CKR_HOST_MEMORY, CKR_DEVICE_REMOVED];

fn walk(token: &Token, seed: u64, steps: usize) {
    let mut dice = Dice(seed | 1);
    let mut bag = Bag {
        sessions: vec![token.open(READ_WRITE), token.open(READ_WRITE), token.module.session(0)],
        objects: vec![0],
        wrapped: vec![vec![1; 40]],
    };
    let mut codes = std::collections::HashSet::new();
    for at in 0..steps {
        let rv = step(token, &mut dice, &mut bag);
        codes.insert(rv);
        assert!(!FAULTS.contains(&rv), "seed {seed}, step {at}: {}", name(rv));
    }
    assert!(codes.len() >= 20, "a walk that goes places meets many codes: {codes:x?}");
}

fn works_as_before(token: &Token) {
    expect("close", call!(token.module.api, C_CloseAllSessions(token.slot)), CKR_OK);
    let session = token.user();
    let key = session.aes_key(&[]);
    expect("init", session.encrypt_init(Mechanism::cbc_pad(), key), CKR_OK);
    let ciphertext = session.encrypt(b"as before").unwrap();
    expect("init", session.decrypt_init(Mechanism::cbc_pad(), key), CKR_OK);
    assert_eq!(session.decrypt(&ciphertext).unwrap(), b"as before");
    for object in session.find(&[]).unwrap() {
        expect("destroy", session.destroy(object), CKR_OK);
    }
    assert_eq!(session.find(&[]).unwrap(), []);
}

#[test]
fn one_walker() {
    let token = Token::new();
    for seed in [1, 22, 333] {
        walk(&token, seed, STEPS);
        works_as_before(&token);
    }
}

#[test]
fn walkers_that_meet() {
    let token = Token::new();
    std::thread::scope(|scope| {
        for seed in 1..=4 {
            let token = &token;
            scope.spawn(move || walk(token, seed * 7_919, STEPS / 3));
        }
    });
    works_as_before(&token);
}
