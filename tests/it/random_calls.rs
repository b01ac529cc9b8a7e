//! Random calls on several threads that share sessions and objects: whatever the arguments, the library answers
//! with a caller's code, writes nowhere but where it may, hangs nowhere and works afterwards.
//!
//! Every thread goes by a seed of its own, which a failure names; `RANDOM_SEED` repeats a run as far as threads
//! let it. SLOW_TESTS=1 makes it longer.

use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const THREADS: usize = 4;
const ROOM: usize = 4096;
const FRAME: u8 = 0xee;
/// Codes that say the fault is the library's: no arguments may lead to one.
const FAULTS: &[CK_RV] =
    &[CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED, CKR_DEVICE_ERROR, CKR_DEVICE_MEMORY, CKR_HOST_MEMORY];

/// What the threads share.
struct World<'t> {
    token: &'t Token,
    sessions: [AtomicU64; 6],
    objects: [AtomicU64; 24],
    deadline: Instant,
    calls: AtomicUsize,
    /// The call each thread is in.
    inside: [Mutex<&'static str>; THREADS],
}

struct Caller<'w> {
    world: &'w World<'w>,
    thread: usize,
    seed: u64,
    state: u64,
}

/// An output buffer with a frame behind it, and the length that the call is told.
struct Out {
    buffer: Vec<u8>,
    null: bool,
    length: CK_ULONG,
    told: CK_ULONG,
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

impl Out {
    fn pointer(&mut self) -> *mut CK_BYTE {
        if self.null { null_mut() } else { self.buffer.as_mut_ptr() }
    }

    /// Nothing was written beyond what the call was told, nor beyond the buffer.
    fn check(&self) {
        let end = if self.null { 0 } else { self.told.min(ROOM as CK_ULONG) as usize };
        assert!(self.buffer[end..].iter().all(|byte| *byte == FRAME), "written beyond {} bytes", self.told);
    }
}

impl<'w> Caller<'w> {
    fn run(&mut self) {
        let total: u64 = CALLS.iter().map(|(_, weight, _)| weight).sum();
        while Instant::now() < self.world.deadline {
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

    /// splitmix64
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
    fn bytes(&mut self, most: u64) -> Vec<u8> {
        let length = if self.one_in(3) { self.below(most / 16 + 1) * 16 } else { self.below(most + 1) };
        (0..length).map(|_| self.next() as u8).collect()
    }

    fn api(&self) -> &'w Api {
        self.world.token.module.api
    }
    fn slot(&mut self) -> CK_SLOT_ID {
        if self.one_in(20) { self.next() } else { self.world.token.slot }
    }
    /// Mostly an open one, in which the user is mostly logged in.
    fn session(&mut self) -> Session<'w> {
        if self.one_in(40) {
            let none = self.pick(&[0, 1, CK_SESSION_HANDLE::MAX]);
            return self.session_of(none);
        }
        let place = &self.world.sessions[self.below(6) as usize];
        let session = self.session_of(place.load(Ordering::SeqCst));
        match session.info() {
            Err(_) if !self.one_in(10) => drop(open(self)),
            Ok(info) if info.state == CKS_RW_PUBLIC_SESSION && self.one_in(20) => drop(login(self)),
            _ => return session,
        }
        self.session_of(place.load(Ordering::SeqCst))
    }
    fn session_of(&self, handle: CK_SESSION_HANDLE) -> Session<'w> {
        self.world.token.module.session(handle)
    }
    fn object(&mut self) -> CK_OBJECT_HANDLE {
        match self.below(20) {
            0 => self.next() >> self.below(64),
            _ => self.world.objects[self.below(24) as usize].load(Ordering::SeqCst),
        }
    }
    /// Keeps a new object's handle; what it takes the place of is destroyed, so that there are never many.
    fn made(&mut self, made: Result<CK_OBJECT_HANDLE, CK_RV>) -> CK_RV {
        match made {
            Ok(object) => {
                let before = self.world.objects[self.below(24) as usize].swap(object, Ordering::SeqCst);
                self.session().destroy(before)
            }
            Err(rv) => rv,
        }
    }

    fn kind(&mut self) -> CK_ATTRIBUTE_TYPE {
        const KINDS: &[CK_ATTRIBUTE_TYPE] = &[
            CKA_CLASS,
            CKA_TOKEN,
            CKA_PRIVATE,
            CKA_LABEL,
            CKA_APPLICATION,
            CKA_VALUE,
            CKA_CHECK_VALUE,
            CKA_KEY_TYPE,
            CKA_ID,
            CKA_SENSITIVE,
            CKA_ENCRYPT,
            CKA_SIGN,
            CKA_WRAP,
            CKA_UNWRAP,
            CKA_START_DATE,
            CKA_END_DATE,
            CKA_VALUE_LEN,
            CKA_EXTRACTABLE,
            CKA_LOCAL,
            CKA_MODIFIABLE,
            CKA_COPYABLE,
            CKA_TRUSTED,
            CKA_WRAP_TEMPLATE,
            CKA_ALLOWED_MECHANISMS,
            CKA_UNIQUE_ID,
            CKA_MODULUS,
        ];
        if self.one_in(30) { self.next() >> self.below(64) } else { self.pick(KINDS) }
    }

    /// Mostly what fits, and now and then anything.
    fn template(&mut self) -> Vec<(CK_ATTRIBUTE_TYPE, Vec<u8>)> {
        let mut template = Vec::new();
        if self.one_in(2) {
            template.push((CKA_VALUE_LEN, number(self.pick(&[16, 32, 20, 0])).to_vec()));
        }
        for _ in 0..self.below(5) {
            let kind = if self.one_in(4) {
                self.kind()
            } else {
                self.pick(&[
                    CKA_LABEL,
                    CKA_ID,
                    CKA_TOKEN,
                    CKA_PRIVATE,
                    CKA_SENSITIVE,
                    CKA_EXTRACTABLE,
                    CKA_SIGN,
                ])
            };
            let value = match kind {
                _ if self.one_in(12) => self.bytes(40),
                CKA_LABEL | CKA_ID => vec![b'a' + self.below(4) as u8; self.below(3) as usize],
                CKA_CLASS => number(self.pick(&[CKO_DATA, CKO_SECRET_KEY])).to_vec(),
                CKA_KEY_TYPE => number(self.pick(&[CKK_AES, CKK_GENERIC_SECRET])).to_vec(),
                CKA_ALLOWED_MECHANISMS => number(self.pick(CIPHERS)).to_vec(),
                CKA_TOKEN => vec![u8::from(self.one_in(3))],
                _ => vec![self.below(2) as u8],
            };
            template.push((kind, value));
        }
        template
    }

    /// Mostly one of these.
    fn mechanism(&mut self, these: &[CK_MECHANISM_TYPE]) -> Mechanism {
        let kind = match self.below(40) {
            0 => self.next() >> self.below(64),
            1 => self.pick(CIPHERS),
            2 => self.pick(CODES),
            3 => self.pick(DIGESTS),
            _ => self.pick(these),
        };
        match kind {
            // Shorter than any structure with pointers in it.
            _ if self.one_in(15) => Mechanism::with(kind, &self.bytes(39)),
            CKM_AES_CBC | CKM_AES_CBC_PAD => Mechanism::with(kind, &[7; 16]),
            CKM_AES_CTR => Mechanism::ctr(self.below(130), [self.next() as u8; 16]),
            CKM_AES_GCM => {
                let (iv, aad) = (self.bytes(40), self.bytes(40));
                let tag = if self.one_in(8) { self.below(140) } else { 128 };
                let mut mechanism = Mechanism::gcm(&iv, &aad, tag);
                match self.below(30) {
                    0 => mechanism.gcm_params().pIv = null_mut(),
                    1 => mechanism.gcm_params().pAAD = null_mut(),
                    2 => mechanism.gcm_params().ulIvBits = self.next(),
                    _ => {}
                }
                mechanism
            }
            CKM_SHA256_HMAC_GENERAL | CKM_AES_CMAC_GENERAL => Mechanism::with(kind, &number(self.below(40))),
            _ => Mechanism::plain(kind),
        }
    }

    fn output(&mut self) -> Out {
        let told = match self.below(8) {
            0 => CK_ULONG::MAX,
            1 => self.below(40),
            _ => ROOM as CK_ULONG,
        };
        Out { buffer: vec![FRAME; ROOM + 64], null: self.one_in(6), length: told, told }
    }

    fn in_out(&mut self, function: impl Fn(&Api) -> Option<InOut>) -> CK_RV {
        let (mut data, mut out, session) = (self.bytes(300), self.output(), self.session());
        let before = data.clone();
        let (from, length, pointer) = (data.as_mut_ptr(), data.len() as CK_ULONG, out.pointer());
        let (from, told): (_, *mut CK_ULONG) = match self.below(50) {
            0 => (null_mut(), &mut out.length),
            1 => (from, null_mut()),
            _ => (from, &mut out.length),
        };
        let function = function(self.api()).expect("the function is set");
        // SAFETY: pointers are null, or good for their lengths; an output length beyond the buffer is more than
        // any result of such an input.
        let rv = unsafe { function(session.handle, from, length, pointer, told) };
        out.check();
        assert_eq!(data, before, "the input is the caller's");
        rv
    }

    fn out(
        &mut self,
        function: impl Fn(
            &Api,
        )
            -> Option<unsafe extern "C" fn(CK_SESSION_HANDLE, *mut CK_BYTE, *mut CK_ULONG) -> CK_RV>,
    ) -> CK_RV {
        let (mut out, session) = (self.output(), self.session());
        let (pointer, told) = (out.pointer(), &raw mut out.length);
        let function = function(self.api()).expect("the function is set");
        // SAFETY: as in `in_out`.
        let rv = unsafe { function(session.handle, pointer, told) };
        out.check();
        rv
    }
}

const GENERATORS: &[CK_MECHANISM_TYPE] = &[CKM_AES_KEY_GEN, CKM_AES_KEY_GEN, CKM_GENERIC_SECRET_KEY_GEN];
const CIPHERS: &[CK_MECHANISM_TYPE] = &[
    CKM_AES_ECB,
    CKM_AES_CBC,
    CKM_AES_CBC_PAD,
    CKM_AES_CTR,
    CKM_AES_GCM,
    CKM_AES_GCM,
    CKM_AES_KEY_WRAP,
    CKM_AES_KEY_WRAP_KWP,
];
const WRAPS: &[CK_MECHANISM_TYPE] =
    &[CKM_AES_ECB, CKM_AES_CBC_PAD, CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PKCS7];
const CODES: &[CK_MECHANISM_TYPE] = &[
    CKM_AES_CMAC,
    CKM_AES_CMAC,
    CKM_AES_CMAC_GENERAL,
    CKM_SHA256_HMAC,
    CKM_SHA256_HMAC_GENERAL,
    CKM_SHA512_HMAC,
];
const DIGESTS: &[CK_MECHANISM_TYPE] = &[CKM_SHA_1, CKM_SHA256, CKM_SHA512_224, CKM_SHA3_512];

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

#[test]
fn random_calls_leave_a_library_that_works() {
    let token = Token::in_memory_folder();
    let log = token.module.home().join("random.log");
    expect("finalize", token.module.finalize(), CKR_OK);
    // SAFETY: no other thread runs in this test yet.
    unsafe { std::env::set_var("VHSM_LOG_FILE", &log) };
    expect("initialize", token.module.initialize(), CKR_OK);
    let seconds = if std::env::var_os("SLOW_TESTS").is_some() { 120 } else { 8 };
    let seed = std::env::var("RANDOM_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("RANDOM_SEED={seed}");
    let world = World {
        token: &token,
        sessions: Default::default(),
        objects: Default::default(),
        deadline: Instant::now() + Duration::from_secs(seconds),
        calls: AtomicUsize::new(0),
        inside: std::array::from_fn(|_| Mutex::new("nothing")),
    };
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| watch(&world, &done));
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let state = seed.wrapping_mul(THREADS as u64).wrapping_add(thread as u64);
                scope.spawn({
                    let world = &world;
                    move || Caller { world, thread, seed, state }.run()
                })
            })
            .collect();
        let failed = threads.into_iter().filter_map(|thread| thread.join().err()).count();
        done.store(true, Ordering::SeqCst);
        assert_eq!(failed, 0, "threads failed, RANDOM_SEED={seed}");
    });
    println!("{} calls", world.calls.load(Ordering::Relaxed));
    assert!(world.calls.load(Ordering::Relaxed) > 1000);
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    assert!(!text.contains("panicked"), "RANDOM_SEED={seed}\n{text}");
    let user = token.open(READ_WRITE);
    if user.login(CKU_USER, USER_PIN) == CKR_USER_ANOTHER_ALREADY_LOGGED_IN {
        expect("logout", user.logout(), CKR_OK);
        expect("login", user.login(CKU_USER, USER_PIN), CKR_OK);
    }
    for handle in world.sessions.iter().map(|session| session.load(Ordering::SeqCst)) {
        let session = token.module.session(handle);
        if session.info().is_ok() {
            expect("cancel", session.cancel(CK_FLAGS::MAX), CKR_OK);
            works(&session);
        }
    }
    works(&user);
    expect("close all", call!(token.module.api, C_CloseAllSessions(token.slot)), CKR_OK);
    works(&token.user());
}
