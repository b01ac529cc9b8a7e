//! Random calls, by one caller and by several that share sessions and objects: whatever the arguments, the
//! library answers with a caller's code, writes nowhere but where it may, hangs nowhere and works afterwards.
//!
//! Every caller goes by a seed, which a failure names; `RANDOM_SEED` repeats a run as far as threads let it.
//! SLOW_TESTS=1 makes it longer.

mod caller;

use crate::support::*;
use caller::{CIPHERS, CODES, Caller, DIGESTS, GENERATORS, WRAPS};
use cryptoki_sys::*;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const THREADS: usize = 4;
/// Codes that say the fault is the library's: no arguments may lead to one.
const FAULTS: &[CK_RV] =
    &[CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED, CKR_DEVICE_ERROR, CKR_DEVICE_MEMORY, CKR_HOST_MEMORY];

/// What the threads share.
pub struct World<'t> {
    token: &'t Token,
    sessions: [AtomicU64; 6],
    objects: [AtomicU64; 24],
    deadline: Instant,
    steps: usize,
    calls: AtomicUsize,
    /// The call each thread is in.
    inside: [Mutex<&'static str>; THREADS],
}

type Call = fn(&mut Caller) -> CK_RV;

/// Name, how often of all, and what to do.
const CALLS: &[(&str, u64, Call)] = &[
    ("C_OpenSession", 2, open),
    ("C_CloseSession", 1, |c| c.session().close()),
    ("C_CloseAllSessions", 1, |c| {
        let slot = if c.one_in(20) { c.slot() } else { CK_SLOT_ID::MAX };
        call!(c.api(), C_CloseAllSessions(slot))
    }),
    ("C_GetSessionInfo", 4, |c| c.session().info().err().unwrap_or(CKR_OK)),
    ("C_GetTokenInfo", 1, |c| c.world.token.module.token_info(c.slot()).err().unwrap_or(CKR_OK)),
    ("C_Login", 2, login),
    ("C_Logout", 1, |c| if c.one_in(10) { c.session().logout() } else { c.session_of(0).logout() }),
    ("C_InitPIN", 1, |c| c.session().init_pin(USER_PIN)),
    ("C_SetPIN", 1, |c| c.session().set_pin(USER_PIN, USER_PIN)),
    ("C_SessionCancel", 10, |c| {
        let flags = c.next() & 0xffff_ffff;
        c.session().cancel(flags)
    }),
    ("C_CreateObject", 20, create),
    ("C_CopyObject", 10, |c| {
        let (session, source, template) = (c.session(), c.object(), c.template());
        let made = session.copy(source, &pairs(&template));
        c.made(made)
    }),
    ("C_DestroyObject", 12, |c| {
        let object = c.object();
        c.session().destroy(object)
    }),
    ("C_GetObjectSize", 4, |c| {
        let object = c.object();
        c.session().size(object).err().unwrap_or(CKR_OK)
    }),
    ("C_GetAttributeValue", 30, get),
    ("C_SetAttributeValue", 15, |c| {
        let (object, template) = (c.object(), c.template());
        c.session().set(object, &pairs(&template))
    }),
    ("C_FindObjectsInit", 12, |c| {
        let template = c.template();
        let mut template = Attributes::new(&pairs(&template));
        let (list, count) = (template.as_mut_ptr(), template.count());
        call!(c.api(), C_FindObjectsInit(c.session().handle, list, count))
    }),
    ("C_FindObjects", 15, |c| {
        let (mut found, mut count) = ([0; 32], 0);
        let room = c.below(33);
        call!(c.api(), C_FindObjects(c.session().handle, found.as_mut_ptr(), room, &mut count))
    }),
    ("C_FindObjectsFinal", 12, |c| call!(c.api(), C_FindObjectsFinal(c.session().handle))),
    ("C_EncryptInit", 40, |c| {
        let (by, key) = (c.mechanism(CIPHERS), c.object());
        c.session().encrypt_init(by, key)
    }),
    ("C_DecryptInit", 40, |c| {
        let (by, key) = (c.mechanism(CIPHERS), c.object());
        c.session().decrypt_init(by, key)
    }),
    ("C_SignInit", 30, |c| {
        let (by, key) = (c.mechanism(CODES), c.object());
        c.session().sign_init(by, key)
    }),
    ("C_VerifyInit", 30, |c| {
        let (by, key) = (c.mechanism(CODES), c.object());
        c.session().verify_init(by, key)
    }),
    ("C_DigestInit", 20, |c| {
        let by = c.mechanism(DIGESTS);
        c.session().digest_init(by)
    }),
    ("C_Encrypt", 30, |c| c.in_out(|api| api.C_Encrypt)),
    ("C_EncryptUpdate", 40, |c| c.in_out(|api| api.C_EncryptUpdate)),
    ("C_Decrypt", 30, |c| c.in_out(|api| api.C_Decrypt)),
    ("C_DecryptUpdate", 40, |c| c.in_out(|api| api.C_DecryptUpdate)),
    ("C_Digest", 20, |c| c.in_out(|api| api.C_Digest)),
    ("C_Sign", 20, |c| c.in_out(|api| api.C_Sign)),
    ("C_EncryptFinal", 25, |c| c.out(|api| api.C_EncryptFinal)),
    ("C_DecryptFinal", 25, |c| c.out(|api| api.C_DecryptFinal)),
    ("C_DigestFinal", 15, |c| c.out(|api| api.C_DigestFinal)),
    ("C_SignFinal", 15, |c| c.out(|api| api.C_SignFinal)),
    ("C_DigestUpdate", 20, |c| {
        let data = c.bytes(300);
        c.session().digest_update(&data)
    }),
    ("C_SignUpdate", 20, |c| {
        let data = c.bytes(300);
        call!(c.api(), C_SignUpdate(c.session().handle, data.as_ptr().cast_mut(), data.len() as CK_ULONG))
    }),
    ("C_VerifyUpdate", 20, |c| {
        let data = c.bytes(300);
        c.session().verify_update(&data)
    }),
    ("C_Verify", 15, |c| {
        let (data, signature) = (c.bytes(100), c.bytes(70));
        c.session().verify(&data, &signature)
    }),
    ("C_VerifyFinal", 15, |c| {
        let signature = c.bytes(70);
        c.session().verify_final(&signature)
    }),
    ("C_GenerateKey", 25, |c| {
        let (by, mut template) = (c.mechanism(GENERATORS), c.template());
        if !c.one_in(8) {
            template.retain(|(kind, _)| *kind != CKA_VALUE_LEN);
            template.push((CKA_VALUE_LEN, number(32).to_vec()));
        }
        let made = c.session().generate(by, &pairs(&template));
        c.made(made)
    }),
    ("C_WrapKey", 20, wrap),
    ("C_UnwrapKey", 20, unwrap),
    ("C_GenerateRandom", 4, |c| {
        let mut bytes = c.bytes(100);
        call!(c.api(), C_GenerateRandom(c.session().handle, bytes.as_mut_ptr(), bytes.len() as CK_ULONG))
    }),
    ("C_SeedRandom", 2, |c| {
        let mut bytes = c.bytes(100);
        call!(c.api(), C_SeedRandom(c.session().handle, bytes.as_mut_ptr(), bytes.len() as CK_ULONG))
    }),
];

fn open(c: &mut Caller) -> CK_RV {
    let flags = if c.one_in(3) { READ_ONLY } else { READ_WRITE };
    let place = &c.world.sessions[c.below(6) as usize];
    let slot = c.slot();
    match c.world.token.module.open(slot, flags) {
        Ok(session) => c.session_of(place.swap(session.handle, Ordering::SeqCst)).close(),
        Err(rv) => rv,
    }
}

fn login(c: &mut Caller) -> CK_RV {
    let session = c.world.sessions[c.below(6) as usize].load(Ordering::SeqCst);
    let session = c.session_of(session);
    match c.below(40) {
        0 => session.login(CKU_SO, SO_PIN),
        1 => session.login(CKU_USER, b"wrong pin"),
        2 => session.login(c.below(9), b""),
        _ => session.login(CKU_USER, USER_PIN),
    }
}

fn create(c: &mut Caller) -> CK_RV {
    let (class, kind) = match c.below(4) {
        0 => (CKO_DATA, None),
        1 => (CKO_SECRET_KEY, Some(CKK_GENERIC_SECRET)),
        _ => (CKO_SECRET_KEY, Some(CKK_AES)),
    };
    let value = c.bytes(64);
    let value = if kind == Some(CKK_AES) && !c.one_in(8) { vec![1; 32] } else { value };
    let mut template = c.template();
    template.retain(|(kind, _)| !matches!(*kind, CKA_CLASS | CKA_KEY_TYPE | CKA_VALUE | CKA_VALUE_LEN));
    template.push((CKA_CLASS, number(class).to_vec()));
    template.extend(kind.map(|kind| (CKA_KEY_TYPE, number(kind).to_vec())));
    template.push((CKA_VALUE, value));
    let made = c.session().create(&pairs(&template));
    c.made(made)
}

fn get(c: &mut Caller) -> CK_RV {
    let mut outs: Vec<_> = (0..c.below(6) + 1).map(|_| (c.kind(), c.output())).collect();
    let mut template: Vec<_> = outs
        .iter_mut()
        .map(|(kind, out)| CK_ATTRIBUTE { type_: *kind, pValue: out.pointer().cast(), ulValueLen: out.told })
        .collect();
    let (object, session) = (c.object(), c.session());
    let count = template.len() as CK_ULONG;
    let rv = call!(c.api(), C_GetAttributeValue(session.handle, object, template.as_mut_ptr(), count));
    outs.iter().for_each(|(_, out)| out.check());
    rv
}

fn wrap(c: &mut Caller) -> CK_RV {
    let (mut by, mut out, wrapping, key, session) =
        (c.mechanism(WRAPS), c.output(), c.object(), c.object(), c.session());
    let (mut raw, pointer) = (by.raw(), out.pointer());
    let rv = call!(c.api(), C_WrapKey(session.handle, &mut raw, wrapping, key, pointer, &mut out.length));
    out.check();
    rv
}

/// Of what was just wrapped, or of anything.
fn unwrap(c: &mut Caller) -> CK_RV {
    let (session, by, key) = (c.session(), c.pick(WRAPS), c.object());
    let by = || if by == CKM_AES_CBC_PAD { Mechanism::cbc_pad() } else { Mechanism::plain(by) };
    let inside = c.object();
    let wrapped = match session.wrap(by(), key, inside) {
        Ok(wrapped) if !c.one_in(4) => wrapped,
        _ => c.bytes(80),
    };
    let mut template = c.template();
    if !c.one_in(8) {
        template.retain(|(kind, _)| !matches!(*kind, CKA_CLASS | CKA_KEY_TYPE | CKA_VALUE_LEN));
        template.push((CKA_CLASS, number(CKO_SECRET_KEY).to_vec()));
        template.push((CKA_KEY_TYPE, number(c.pick(&[CKK_AES, CKK_GENERIC_SECRET])).to_vec()));
    }
    let made = session.unwrap(by(), key, &wrapped, &pairs(&template));
    c.made(made)
}

fn pairs(template: &[(CK_ATTRIBUTE_TYPE, Vec<u8>)]) -> Vec<Pair<'_>> {
    template.iter().map(|(kind, value)| (*kind, value.as_slice())).collect()
}

impl<'w> Caller<'w> {
    fn run(&mut self) {
        let total: u64 = CALLS.iter().map(|(_, weight, _)| weight).sum();
        for _ in (0..self.world.steps).take_while(|_| Instant::now() < self.world.deadline) {
            let mut at = self.below(total);
            let (name_of, _, call) = CALLS
                .iter()
                .find(|(_, weight, _)| {
                    let here = at < *weight;
                    at = at.wrapping_sub(*weight);
                    here
                })
                .expect("weights add up");
            *self.world.inside[self.thread].lock().unwrap() = name_of;
            let rv = call(self);
            assert!(!FAULTS.contains(&rv), "{name_of} answers {}, seed {}", name(rv), self.seed);
            self.world.calls.fetch_add(1, Ordering::Relaxed);
        }
        *self.world.inside[self.thread].lock().unwrap() = "nothing";
    }
}

/// The process ends where calls hang: a thread that waits for them could not say so.
fn watch(world: &World, done: &AtomicBool) {
    while !done.load(Ordering::SeqCst) {
        if Instant::now() > world.deadline + Duration::from_secs(60) {
            let inside: Vec<_> = world.inside.iter().map(|call| *call.lock().unwrap()).collect();
            eprintln!("calls hang: the threads are in {inside:?}");
            std::process::abort();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Each kind of operation can be begun and finished in this session.
fn works(session: &Session) {
    let key = session.aes_key(&[]);
    expect("encrypt", session.encrypt_init(Mechanism::cbc_pad(), key), CKR_OK);
    let ciphertext = session.encrypt(b"all is well").unwrap();
    expect("decrypt", session.decrypt_init(Mechanism::cbc_pad(), key), CKR_OK);
    assert_eq!(session.decrypt(&ciphertext).unwrap(), b"all is well");
    expect("sign", session.sign_init(Mechanism::plain(CKM_AES_CMAC), key), CKR_OK);
    let code = session.sign(b"all is well").unwrap();
    expect("verify", session.verify_init(Mechanism::plain(CKM_AES_CMAC), key), CKR_OK);
    expect("verify", session.verify(b"all is well", &code), CKR_OK);
    expect("digest", session.digest_init(Mechanism::plain(CKM_SHA256)), CKR_OK);
    assert_eq!(session.digest(b"").unwrap().len(), 32);
    assert!(session.find(&[(CKA_CLASS, &number(CKO_SECRET_KEY))]).unwrap().contains(&key));
    expect("destroy", session.destroy(key), CKR_OK);
}

impl World<'_> {
    fn new(token: &Token, seconds: u64, steps: usize) -> World<'_> {
        World {
            token,
            sessions: Default::default(),
            objects: Default::default(),
            deadline: Instant::now() + Duration::from_secs(seconds),
            steps,
            calls: AtomicUsize::new(0),
            inside: std::array::from_fn(|_| Mutex::new("nothing")),
        }
    }

    fn run(&self, callers: usize, seed: u64) {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| watch(self, &done));
            let callers: Vec<_> = (0..callers)
                .map(|thread| {
                    let state = seed.wrapping_mul(THREADS as u64).wrapping_add(thread as u64);
                    scope.spawn(move || Caller { world: self, thread, seed, state }.run())
                })
                .collect();
            let failed = callers.into_iter().filter_map(|caller| caller.join().err()).count();
            done.store(true, Ordering::SeqCst);
            assert_eq!(failed, 0, "callers failed, RANDOM_SEED={seed}");
        });
        assert!(self.calls.load(Ordering::Relaxed) > 1000, "callers that hardly get to call");
    }

    /// No panic was caught, no operation is stuck, no handle in the way.
    fn works_as_before(&self, seed: u64) {
        let text = std::fs::read_to_string(log_of(self.token)).unwrap_or_default();
        assert!(!text.contains("panicked"), "RANDOM_SEED={seed}\n{text}");
        let user = self.token.open(READ_WRITE);
        if user.login(CKU_USER, USER_PIN) == CKR_USER_ANOTHER_ALREADY_LOGGED_IN {
            expect("logout", user.logout(), CKR_OK);
            expect("login", user.login(CKU_USER, USER_PIN), CKR_OK);
        }
        for handle in self.sessions.iter().map(|session| session.load(Ordering::SeqCst)) {
            let session = self.token.module.session(handle);
            if session.info().is_ok() {
                expect("cancel", session.cancel(CK_FLAGS::MAX), CKR_OK);
                works(&session);
            }
        }
        works(&user);
        expect("close all", call!(self.token.module.api, C_CloseAllSessions(self.token.slot)), CKR_OK);
        works(&self.token.user());
    }
}

fn log_of(token: &Token) -> std::path::PathBuf {
    token.module.home().join("random.log")
}

/// A token whose library writes its faults, caught panics among them, into a file.
fn logging() -> Token {
    let token = Token::in_memory_folder();
    expect("finalize", token.module.finalize(), CKR_OK);
    // SAFETY: no other thread runs in this test yet.
    unsafe { std::env::set_var("VHSM_LOG_FILE", log_of(&token)) };
    expect("initialize", token.module.initialize(), CKR_OK);
    token
}

fn is_slow() -> bool {
    std::env::var_os("SLOW_TESTS").is_some()
}

#[test]
fn one_caller() {
    let token = logging();
    for seed in 1..=if is_slow() { 30 } else { 3 } {
        let world = World::new(&token, 60, 6000);
        world.run(1, seed);
        world.works_as_before(seed);
    }
}

#[test]
fn callers_that_meet() {
    let token = logging();
    let seed = std::env::var("RANDOM_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
    let world = World::new(&token, if is_slow() { 120 } else { 8 }, usize::MAX);
    world.run(THREADS, seed);
    world.works_as_before(seed);
}
