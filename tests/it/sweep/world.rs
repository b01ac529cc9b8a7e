//! What the sweeps call in: two tokens, sessions, keys and memory; and what must hold after every call.

use super::Report;
use super::functions::{Row, row};
use crate::support::*;
use cryptoki_sys::*;
use std::cell::{Cell, RefCell};
use vhsm_pkcs11::api::rv_name;
use vhsm_pkcs11::mechanism::Mechanism as MechanismRow;

/// The data that functions get, and the length that they are told.
pub const DATA: [u8; 16] = [7; 16];
/// As much as any result takes.
pub const ROOM: usize = 1 << 14;
const FRAME: u8 = 0xee;
/// CKA_EC_PARAMS of P-256 (RFC 5480 sec. 2.1.1.1).
pub const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

/// An initialized library with two tokens: with one the user is logged in, with the other nobody.
pub struct World {
    pub token: Token,
    pub api: &'static Api,
    /// A read-write session in which everything happens, and others that are open.
    pub session: CK_SESSION_HANDLE,
    pub second: CK_SESSION_HANDLE,
    pub other: CK_SESSION_HANDLE,
    /// The slot of an uninitialized token.
    pub free_slot: CK_SLOT_ID,
    /// Handles of what was there.
    pub closed: CK_SESSION_HANDLE,
    pub destroyed: CK_OBJECT_HANDLE,
    /// An AES key that does everything, a generic secret, a data object, and one of the other token.
    pub key: CK_OBJECT_HANDLE,
    pub secret: CK_OBJECT_HANDLE,
    pub data: CK_OBJECT_HANDLE,
    pub foreign: CK_OBJECT_HANDLE,
    /// RSA
    pub public: CK_OBJECT_HANDLE,
    pub private: CK_OBJECT_HANDLE,
    /// ML-KEM
    pub kem_public: CK_OBJECT_HANDLE,
    pub kem_private: CK_OBJECT_HANDLE,
    pub memory: Memory,
    /// Parameters of messages, to be encrypted and decrypted.
    messages: [Box<CK_GCM_MESSAGE_PARAMS>; 4],
    /// AES-GCM with the last two messages: to wrap, and to unwrap what was wrapped.
    wrappings: Vec<CK_MECHANISM>,
    /// Mechanisms and templates that were asked for: they stay where they are.
    mechanisms: RefCell<Vec<(CK_MECHANISM_TYPE, Box<CK_MECHANISM>)>>,
    templates: RefCell<Vec<(&'static str, Box<Attributes>)>>,
    /// How many objects each session sees.
    objects: Cell<usize>,
}

/// Memory that functions read and write.
pub struct Memory {
    data: Box<[Cell<u8>]>,
    out: Box<[Cell<u8>]>,
    numbers: Box<[Cell<u64>]>,
    /// Results of earlier calls: what verifies, what unwraps, what is restored.
    kept: Vec<(&'static str, Vec<u8>)>,
}

impl Memory {
    fn new() -> Memory {
        let bytes = |value: u8, count: usize| (0..count).map(|_| Cell::new(value)).collect();
        Memory {
            data: bytes(DATA[0], ROOM),
            out: bytes(0, ROOM),
            numbers: (0..512).map(|_| Cell::new(0)).collect(),
            kept: Vec::new(),
        }
    }
    pub fn data(&self) -> u64 {
        self.data.as_ptr() as u64
    }
    pub fn out(&self) -> u64 {
        self.out.as_ptr() as u64
    }
    pub fn out_bytes(&self, count: usize) -> Vec<u8> {
        self.out[..count].iter().map(Cell::get).collect()
    }
    /// Where a structure of information goes.
    pub fn info(&self) -> u64 {
        self.numbers[8..].as_ptr() as u64
    }
    /// Where a length stands: so much of `out` may be written.
    pub fn room(&self) -> u64 {
        self.told(ROOM as u64)
    }
    pub fn told(&self, room: u64) -> u64 {
        self.numbers[0].set(room);
        self.numbers.as_ptr() as u64
    }
    pub fn length(&self) -> u64 {
        self.numbers[0].get()
    }
    /// Places for handles.
    pub fn place(&self, index: usize) -> u64 {
        self.numbers[2 + index..].as_ptr() as u64
    }
    pub fn handle(&self, index: usize) -> u64 {
        self.numbers[2 + index].get()
    }
    /// `out`, all of it as a frame that a call may write into but not beyond what it was told.
    pub fn framed_out(&self) -> u64 {
        self.out.iter().for_each(|byte| byte.set(FRAME));
        self.out()
    }
    /// Whether nothing was written from this place on.
    pub fn is_frame_whole(&self, from: usize) -> bool {
        self.out[from..].iter().all(|byte| byte.get() == FRAME)
    }
    /// Keeps bytes, with one more behind them that is not told.
    fn keep(&mut self, name: &'static str, mut bytes: Vec<u8>) {
        bytes.push(b'x');
        self.kept.push((name, bytes));
    }
    pub fn kept(&self, name: &str) -> &[u8] {
        let bytes = &self.kept.iter().find(|(other, _)| *other == name).expect("a name that is kept").1;
        &bytes[..bytes.len() - 1]
    }
}

impl World {
    pub fn new() -> World {
        let token = Token::configured("legacy = true\n[password]\nmemory_kib = 64\npasses = 1\n");
        let api = token.module.api;
        let open = |slot| token.module.open(slot, READ_WRITE).expect("a session").handle;
        let other_slot = token.module.free_slot();
        expect("init", token.module.init_token(other_slot, SO_PIN, "other token"), CKR_OK);
        let (session, second, closed) = (token.user().handle, open(token.slot), open(token.slot));
        let other = open(other_slot);
        let free_slot = token.module.free_slot();
        let mut world = World {
            api,
            session,
            second,
            other,
            free_slot,
            closed,
            destroyed: 0,
            key: 0,
            secret: 0,
            data: 0,
            foreign: 0,
            public: 0,
            private: 0,
            kem_public: 0,
            kem_private: 0,
            memory: Memory::new(),
            messages: [message(), message(), message(), message()],
            wrappings: Vec::new(),
            mechanisms: RefCell::default(),
            templates: RefCell::default(),
            objects: Cell::new(0),
            token,
        };
        world.furnish();
        world
    }

    fn furnish(&mut self) {
        let session = self.calls();
        expect("close", Session { handle: self.closed, ..session }.close(), CKR_OK);
        let class = number(CKO_DATA);
        let data: [Pair; 1] = [(CKA_CLASS, &class)];
        self.key = session.aes_key(&[(CKA_EXTRACTABLE, YES), (CKA_DERIVE, YES), (CKA_SENSITIVE, NO)]);
        self.secret = session.known_key(CKK_GENERIC_SECRET, &[5; 32], &[(CKA_DERIVE, YES)]);
        self.data = session.create(&data).expect("a data object");
        self.foreign = Session { handle: self.other, ..session }.create(&data).expect("a data object");
        self.destroyed = session.create(&data).expect("a data object");
        expect("destroy", session.destroy(self.destroyed), CKR_OK);
        let bits = number(2048);
        let by = Mechanism::plain(CKM_RSA_PKCS_KEY_PAIR_GEN);
        (self.public, self.private) =
            session.generate_pair(by, &[(CKA_MODULUS_BITS, &bits)], &[]).expect("a pair");
        let (by, set) = (Mechanism::plain(CKM_ML_KEM_KEY_PAIR_GEN), number(CKP_ML_KEM_768));
        (self.kem_public, self.kem_private) =
            session.generate_pair(by, &[(CKA_PARAMETER_SET, &set)], &[]).expect("a pair");
        expect("init", session.sign_init(Mechanism::plain(CKM_AES_CMAC), self.key), CKR_OK);
        self.memory.keep("mac", session.sign(&DATA).expect("a MAC"));
        let by = Mechanism::plain(CKM_RSA_PKCS);
        // Of as much data as one can have: a size query then tells just what it takes.
        let signature = session.sign_recover(by, self.private, &[5; 245]).expect("a signature");
        self.memory.keep("signature", signature);
        self.memory.keep("pin", SO_PIN.to_vec());
        self.memory.keep("admin", b"admin".to_vec());
        let wrapped = session.wrap(Mechanism::plain(CKM_AES_KEY_WRAP), self.key, self.key);
        self.memory.keep("wrapped", wrapped.expect("a wrapped key"));
        expect("init", session.digest_init(Mechanism::plain(CKM_SHA256)), CKR_OK);
        let save = session.api.C_GetOperationState.expect("set");
        let (to, room) = (self.memory.out(), self.memory.room());
        // SAFETY: `room` says how long `out` is.
        let rv = unsafe { save(session.handle, to as *mut CK_BYTE, room as *mut CK_ULONG) };
        expect("save", rv, CKR_OK);
        self.memory.keep("state", self.memory.out_bytes(self.memory.length() as usize));
        expect("cancel", session.cancel(CKF_DIGEST), CKR_OK);
        self.seal();
        self.objects.set(self.count());
        let wait = row("C_WaitForSlotEvent");
        while wait.entry(self).call(&wait.words(self)) == CKR_OK {}
    }

    /// Keeps a message that was encrypted, and its tag.
    fn seal(&mut self) {
        let seal = row("C_EncryptMessage");
        seal.prepare(self);
        expect(seal.name, seal.entry(self).call(&seal.words(self)), seal.answer());
        self.memory.keep("sealed", self.memory.out_bytes(DATA.len()));
        self.cancel();
        // SAFETY: both lead to the room of a tag.
        unsafe { std::ptr::copy(self.messages[0].pTag, self.messages[1].pTag, 16) };
        self.wrappings = self.messages[2..].iter_mut().map(|message| wrapping(message)).collect();
        let wrap = row("C_WrapKeyAuthenticated");
        expect(wrap.name, wrap.entry(self).call(&wrap.words(self)), wrap.answer());
        self.memory.keep("wrapped message", self.memory.out_bytes(32));
        // SAFETY: as above.
        unsafe { std::ptr::copy(self.messages[2].pTag, self.messages[3].pTag, 16) };
    }

    /// The session in which everything happens.
    pub fn calls(&self) -> Session<'static> {
        Session { api: self.api, handle: self.session }
    }

    /// A mechanism without a parameter, that stays where it is.
    pub fn mechanism(&self, kind: CK_MECHANISM_TYPE) -> u64 {
        let mut known = self.mechanisms.borrow_mut();
        if !known.iter().any(|(other, _)| *other == kind) {
            known.push((kind, Box::new(Mechanism::plain(kind).raw())));
        }
        let found = known.iter().find(|(other, _)| *other == kind).expect("as above");
        (&raw const *found.1) as u64
    }

    /// A derivation from a generic secret with data.
    pub fn derivation(&self) -> u64 {
        let data = CK_KEY_DERIVATION_STRING_DATA { pData: self.memory.data() as *mut CK_BYTE, ulLen: 16 };
        self.with_parameter(CKM_CONCATENATE_BASE_AND_DATA, data)
    }

    /// The parameter of a message that is encrypted.
    pub fn message(&self) -> u64 {
        (&raw const *self.messages[0]) as u64
    }

    /// The parameter of the message "sealed".
    pub fn sealed_message(&self) -> u64 {
        (&raw const *self.messages[1]) as u64
    }

    /// AES-GCM to wrap with a message's parameter.
    pub fn wrapping(&self) -> u64 {
        (&raw const self.wrappings[0]) as u64
    }

    /// AES-GCM with the parameter of what was wrapped.
    pub fn unwrapping(&self) -> u64 {
        (&raw const self.wrappings[1]) as u64
    }

    /// A mechanism with a parameter that stays where it is for good.
    fn with_parameter<T>(&self, kind: CK_MECHANISM_TYPE, parameter: T) -> u64 {
        let mut known = self.mechanisms.borrow_mut();
        if !known.iter().any(|(other, _)| *other == kind) {
            let length = size_of::<T>() as CK_ULONG;
            let pointer = (&raw mut *Box::leak(Box::new(parameter))).cast();
            let raw = CK_MECHANISM { mechanism: kind, pParameter: pointer, ulParameterLen: length };
            known.push((kind, Box::new(raw)));
        }
        let found = known.iter().find(|(other, _)| *other == kind).expect("as above");
        (&raw const *found.1) as u64
    }

    /// A template that stays where it is.
    pub fn template(&self, name: &'static str, pairs: &[Pair]) -> u64 {
        let mut known = self.templates.borrow_mut();
        if !known.iter().any(|(other, _)| *other == name) {
            known.push((name, Box::new(Attributes::new(pairs))));
        }
        let found = known.iter_mut().find(|(other, _)| *other == name).expect("as above");
        found.1.as_mut_ptr() as u64
    }

    fn count(&self) -> usize {
        self.calls().find(&[]).expect("a search").len()
    }

    /// Whether the library has the mechanism as it runs here: those of profile `cloudhsm` it has not.
    pub fn offers(&self, mechanism: &MechanismRow) -> bool {
        let mut info = CK_MECHANISM_INFO::default();
        call!(self.api, C_GetMechanismInfo(self.token.slot, mechanism.id, &mut info)) == CKR_OK
    }

    /// New objects that are to stay are there, or gone.
    pub fn settle_in(&self) {
        self.objects.set(self.count());
    }

    /// Wrong PINs are forgiven.
    pub fn log_in_and_out(&self) {
        let login = row("C_Login");
        expect("login", login.entry(self).call(&login.words(self)), CKR_OK);
        login.undo(self);
    }

    /// The operations that are active: those that cannot be begun.
    pub fn active(&self) -> Vec<&'static str> {
        let is_active = |(_, begin): &&(&str, &str)| {
            let row = row(begin);
            row.is_there() && !self.can_begin(row)
        };
        OPERATIONS.iter().filter(is_active).map(|(operation, _)| *operation).collect()
    }

    fn can_begin(&self, row: &Row) -> bool {
        let mut words = row.words(self);
        match row.entry(self).call(&words) {
            CKR_OPERATION_ACTIVE => return false,
            rv => expect(row.name, rv, CKR_OK),
        }
        let end = match row.name {
            "C_FindObjectsInit" => super::functions::row("C_FindObjectsFinal"),
            _ => row,
        };
        // A null mechanism ends the operation.
        words.truncate(end.args.len());
        words[1..].fill(0);
        expect(row.name, end.entry(self).call(&words), CKR_OK);
        true
    }

    /// Ends every operation.
    pub fn cancel(&self) {
        expect("cancel", self.calls().cancel(CK_FLAGS::MAX), CKR_OK);
    }

    /// After a bad call: the operations that it leaves are `active`, and once they are ended, none is; there are
    /// as many objects as before; the session works.
    pub fn check(&self, report: &mut Report, what: &str, active: &[&str]) {
        let found = self.active();
        report.check(found == active, || format!("{what}: active afterwards {found:?}, not {active:?}"));
        self.cancel();
        let stuck = self.active();
        report.check(stuck.is_empty(), || format!("{what}: stuck {stuck:?}"));
        self.check_objects(report, what);
    }

    /// As `check`, of calls that have nothing to do with operations.
    pub fn check_objects(&self, report: &mut Report, what: &str) {
        let (before, now) = (self.objects.get(), self.count());
        report.check(before == now, || format!("{what}: {now} objects, and there were {before}"));
        self.objects.set(now);
        let works = self.round_trip();
        report.check(works, || format!("{what}: the session does not encrypt and decrypt afterwards"));
    }

    fn round_trip(&self) -> bool {
        let session = self.calls();
        let by = || Mechanism::plain(CKM_AES_ECB);
        let begun = session.encrypt_init(by(), self.key) == CKR_OK;
        let Ok(encrypted) = session.encrypt(&DATA) else { return false };
        begun
            && session.decrypt_init(by(), self.key) == CKR_OK
            && session.decrypt(&encrypted).is_ok_and(|decrypted| decrypted == DATA)
    }
}

/// A message's parameter with an IV of the caller's and room for a tag.
fn message() -> Box<CK_GCM_MESSAGE_PARAMS> {
    let room: &mut [u8; 28] = Box::leak(Box::new([3; 28]));
    Box::new(CK_GCM_MESSAGE_PARAMS {
        pIv: room.as_mut_ptr(),
        ulIvLen: 12,
        ulIvFixedBits: 0,
        ivGenerator: CKG_NO_GENERATE,
        pTag: room[12..].as_mut_ptr(),
        ulTagBits: 128,
    })
}

fn wrapping(message: &mut CK_GCM_MESSAGE_PARAMS) -> CK_MECHANISM {
    CK_MECHANISM {
        mechanism: CKM_AES_GCM,
        pParameter: (message as *mut CK_GCM_MESSAGE_PARAMS).cast(),
        ulParameterLen: size_of::<CK_GCM_MESSAGE_PARAMS>() as CK_ULONG,
    }
}

/// The kinds of operation, and what begins them.
static OPERATIONS: &[(&str, &str)] = &[
    ("find", "C_FindObjectsInit"),
    ("encrypt", "C_EncryptInit"),
    ("decrypt", "C_DecryptInit"),
    ("digest", "C_DigestInit"),
    ("sign", "C_SignInit"),
    ("verify", "C_VerifyInit"),
    ("verify signature", "C_VerifySignatureInit"),
    ("sign recover", "C_SignRecoverInit"),
    ("verify recover", "C_VerifyRecoverInit"),
    ("message encrypt", "C_MessageEncryptInit"),
    ("message decrypt", "C_MessageDecryptInit"),
    ("message sign", "C_MessageSignInit"),
    ("message verify", "C_MessageVerifyInit"),
];

/// A code by its name.
pub fn told(rv: CK_RV) -> String {
    rv_name(rv).into_owned()
}
