//! A caller's dice: what it calls with, mostly what fits and now and then anything.

use super::{World, login, open};
use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;
use std::sync::atomic::Ordering;

const ROOM: usize = 4096;
const FRAME: u8 = 0xee;

pub struct Caller<'w> {
    pub world: &'w World<'w>,
    pub thread: usize,
    pub seed: u64,
    pub state: u64,
}

/// An output buffer with a frame behind it, and the length that the call is told.
pub struct Out {
    pub buffer: Vec<u8>,
    pub null: bool,
    pub length: CK_ULONG,
    pub told: CK_ULONG,
}

impl Out {
    pub fn pointer(&mut self) -> *mut CK_BYTE {
        if self.null { null_mut() } else { self.buffer.as_mut_ptr() }
    }

    /// Nothing was written beyond what the call was told, nor beyond the buffer.
    pub fn check(&self) {
        let end = if self.null { 0 } else { self.told.min(ROOM as CK_ULONG) as usize };
        assert!(self.buffer[end..].iter().all(|byte| *byte == FRAME), "written beyond {} bytes", self.told);
    }
}

impl<'w> Caller<'w> {
    /// splitmix64
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
    pub fn bytes(&mut self, most: u64) -> Vec<u8> {
        let length = if self.one_in(3) { self.below(most / 16 + 1) * 16 } else { self.below(most + 1) };
        (0..length).map(|_| self.next() as u8).collect()
    }

    pub fn api(&self) -> &'w Api {
        self.world.token.module.api
    }
    pub fn slot(&mut self) -> CK_SLOT_ID {
        if self.one_in(20) { self.next() } else { self.world.token.slot }
    }
    /// Mostly an open one, in which the user is mostly logged in.
    pub fn session(&mut self) -> Session<'w> {
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
    pub fn session_of(&self, handle: CK_SESSION_HANDLE) -> Session<'w> {
        self.world.token.module.session(handle)
    }
    pub fn object(&mut self) -> CK_OBJECT_HANDLE {
        match self.below(20) {
            0 => self.next() >> self.below(64),
            _ => self.world.objects[self.below(24) as usize].load(Ordering::SeqCst),
        }
    }
    /// Keeps a new object's handle; what it takes the place of is destroyed, so that there are never many.
    pub fn made(&mut self, made: Result<CK_OBJECT_HANDLE, CK_RV>) -> CK_RV {
        match made {
            Ok(object) => {
                let before = self.world.objects[self.below(24) as usize].swap(object, Ordering::SeqCst);
                self.session().destroy(before)
            }
            Err(rv) => rv,
        }
    }

    pub fn kind(&mut self) -> CK_ATTRIBUTE_TYPE {
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
    pub fn template(&mut self) -> Vec<(CK_ATTRIBUTE_TYPE, Vec<u8>)> {
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
    pub fn mechanism(&mut self, these: &[CK_MECHANISM_TYPE]) -> Mechanism {
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

    pub fn output(&mut self) -> Out {
        let told = match self.below(8) {
            0 => CK_ULONG::MAX,
            1 => self.below(40),
            _ => ROOM as CK_ULONG,
        };
        Out { buffer: vec![FRAME; ROOM + 64], null: self.one_in(6), length: told, told }
    }

    pub fn in_out(&mut self, function: impl Fn(&Api) -> Option<InOut>) -> CK_RV {
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

    pub fn out(
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

pub const GENERATORS: &[CK_MECHANISM_TYPE] = &[CKM_AES_KEY_GEN, CKM_AES_KEY_GEN, CKM_GENERIC_SECRET_KEY_GEN];
pub const CIPHERS: &[CK_MECHANISM_TYPE] = &[
    CKM_AES_ECB,
    CKM_AES_CBC,
    CKM_AES_CBC_PAD,
    CKM_AES_CTR,
    CKM_AES_GCM,
    CKM_AES_GCM,
    CKM_AES_KEY_WRAP,
    CKM_AES_KEY_WRAP_KWP,
];
pub const WRAPS: &[CK_MECHANISM_TYPE] =
    &[CKM_AES_ECB, CKM_AES_CBC_PAD, CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PKCS7];
pub const CODES: &[CK_MECHANISM_TYPE] = &[
    CKM_AES_CMAC,
    CKM_AES_CMAC,
    CKM_AES_CMAC_GENERAL,
    CKM_SHA256_HMAC,
    CKM_SHA256_HMAC_GENERAL,
    CKM_SHA512_HMAC,
];
pub const DIGESTS: &[CK_MECHANISM_TYPE] = &[CKM_SHA_1, CKM_SHA256, CKM_SHA512_224, CKM_SHA3_512];
