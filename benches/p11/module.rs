//! A PKCS#11 module as a C program sees it: loaded by name, called through its function list, no call more than
//! is measured. The only unsafe of the benchmark.
#![allow(unsafe_code)]

use crate::Failure;
use cryptoki_sys::*;
use std::ptr;

pub struct Module {
    functions: &'static CK_FUNCTION_LIST,
    slot: CK_SLOT_ID,
}

/// A session of the user, closed on drop.
pub struct Session<'a> {
    module: &'a Module,
    handle: CK_SESSION_HANDLE,
}

pub type Key = CK_OBJECT_HANDLE;

/// SAFETY: every pointer handed over points to memory that lives and is large enough until the call returns.
macro_rules! call {
    ($functions:expr, $name:ident($($argument:expr),*)) => {
        match $functions.$name {
            None => Err(format!("{} is missing", stringify!($name))),
            Some(function) => match unsafe { function($($argument),*) } {
                CKR_OK => Ok(()),
                rv => Err(format!("{}: {rv:#x}", stringify!($name))),
            },
        }
    };
}

impl Module {
    /// Loads and initializes the module. It stays loaded until the process ends.
    pub fn load(file: &str) -> Result<Self, Failure> {
        // SAFETY: the function has the type that PKCS#11 gives it, and the list that it answers is static.
        let functions = unsafe {
            let library = libloading::Library::new(file).map_err(|e| e.to_string())?;
            let function_list: libloading::Symbol<unsafe extern "C" fn(*mut *mut CK_FUNCTION_LIST) -> CK_RV> =
                library.get(b"C_GetFunctionList").map_err(|e| e.to_string())?;
            let mut list = ptr::null_mut();
            if function_list(&mut list) != CKR_OK {
                return Err(format!("{file}: no function list"));
            }
            std::mem::forget(library);
            &*list
        };
        let mut arguments = CK_C_INITIALIZE_ARGS {
            CreateMutex: None,
            DestroyMutex: None,
            LockMutex: None,
            UnlockMutex: None,
            flags: CKF_OS_LOCKING_OK,
            pReserved: ptr::null_mut(),
        };
        call!(functions, C_Initialize((&raw mut arguments).cast()))?;
        Ok(Self { functions, slot: 0 })
    }

    /// `-`: the first slot whose user PIN is set.
    pub fn choose_slot(&mut self, slot: &str) -> Result<(), Failure> {
        if slot != "-" {
            self.slot = slot.parse().map_err(|_| format!("not a slot id: {slot:?}"))?;
            return Ok(());
        }
        let (mut slots, mut n) = ([0; 64], 64);
        call!(self.functions, C_GetSlotList(CK_TRUE, slots.as_mut_ptr(), &mut n))?;
        for slot in &slots[..n as usize] {
            let mut info = CK_TOKEN_INFO::default();
            call!(self.functions, C_GetTokenInfo(*slot, &mut info))?;
            if info.flags & CKF_USER_PIN_INITIALIZED != 0 {
                self.slot = *slot;
                return Ok(());
            }
        }
        Err("no slot has a user PIN".to_owned())
    }

    pub fn session(&self) -> Result<Session<'_>, Failure> {
        let (flags, mut handle) = (CKF_SERIAL_SESSION | CKF_RW_SESSION, 0);
        call!(self.functions, C_OpenSession(self.slot, flags, ptr::null_mut(), None, &mut handle))?;
        Ok(Session { module: self, handle })
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        let _ = call!(self.module.functions, C_CloseSession(self.handle));
    }
}

impl Session<'_> {
    pub fn login(&self, pin: &str) -> Result<(), Failure> {
        let (text, length) = (pin.as_ptr().cast_mut(), pin.len() as CK_ULONG);
        call!(self.module.functions, C_Login(self.handle, CKU_USER, text, length))
    }

    /// A private, sensitive AES-256 key that cannot be extracted.
    pub fn aes_key(&self, on_token: bool, label: &str) -> Result<Key, Failure> {
        let (yes, no, bytes, token) = (CK_TRUE, CK_FALSE, 32 as CK_ULONG, CK_BBOOL::from(on_token));
        let mut template = [
            attribute(CKA_TOKEN, &token),
            attribute(CKA_PRIVATE, &yes),
            attribute(CKA_SENSITIVE, &yes),
            attribute(CKA_EXTRACTABLE, &no),
            attribute(CKA_ENCRYPT, &yes),
            attribute(CKA_DECRYPT, &yes),
            attribute(CKA_VALUE_LEN, &bytes),
            attribute(CKA_LABEL, label.as_bytes()),
            attribute(CKA_ID, label.as_bytes()),
        ];
        let (mut mechanism, mut key) = (mechanism::<u8>(CKM_AES_KEY_GEN, &mut []), 0);
        let (rows, n) = (template.as_mut_ptr(), template.len() as CK_ULONG);
        call!(self.module.functions, C_GenerateKey(self.handle, &mut mechanism, rows, n, &mut key))?;
        Ok(key)
    }

    /// The private key of a pair of the session.
    pub fn rsa_pair(&self, bits: CK_ULONG) -> Result<Key, Failure> {
        let exponent = [1u8, 0, 1];
        let parts = [attribute(CKA_MODULUS_BITS, &bits), attribute(CKA_PUBLIC_EXPONENT, &exponent)];
        self.pair(CKM_RSA_PKCS_KEY_PAIR_GEN, &parts)
    }

    /// The private key of a pair of the session on P-256.
    pub fn p256_pair(&self) -> Result<Key, Failure> {
        const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
        self.pair(CKM_EC_KEY_PAIR_GEN, &[attribute(CKA_EC_PARAMS, &P256)])
    }

    fn pair(&self, by: CK_MECHANISM_TYPE, parts: &[CK_ATTRIBUTE]) -> Result<Key, Failure> {
        let (yes, no) = (CK_TRUE, CK_FALSE);
        let mut public = [&[attribute(CKA_TOKEN, &no), attribute(CKA_VERIFY, &yes)], parts].concat();
        let mut private =
            [attribute(CKA_TOKEN, &no), attribute(CKA_PRIVATE, &yes), attribute(CKA_SIGN, &yes)];
        let (public_rows, m) = (public.as_mut_ptr(), public.len() as CK_ULONG);
        let (private_rows, n) = (private.as_mut_ptr(), private.len() as CK_ULONG);
        let (mut mechanism, mut one, mut other) = (mechanism::<u8>(by, &mut []), 0, 0);
        call!(
            self.module.functions,
            C_GenerateKeyPair(
                self.handle,
                &mut mechanism,
                public_rows,
                m,
                private_rows,
                n,
                &mut one,
                &mut other
            )
        )?;
        Ok(other)
    }

    /// By a mechanism without a parameter.
    pub fn sign(&self, by: CK_MECHANISM_TYPE, key: Key, data: &mut Buffers) -> Result<(), Failure> {
        let (mut mechanism, mut n) = (mechanism::<u8>(by, &mut []), data.output.len() as CK_ULONG);
        let (input, length, output) =
            (data.input.as_mut_ptr(), data.input.len() as CK_ULONG, data.output.as_mut_ptr());
        call!(self.module.functions, C_SignInit(self.handle, &mut mechanism, key))?;
        call!(self.module.functions, C_Sign(self.handle, input, length, output, &mut n))
    }

    pub fn destroy(&self, key: Key) -> Result<(), Failure> {
        call!(self.module.functions, C_DestroyObject(self.handle, key))
    }

    pub fn find_secret_key(&self, label: &str) -> Result<Option<Key>, Failure> {
        let (class, mut key, mut n) = (CKO_SECRET_KEY, 0, 0);
        let mut template = [attribute(CKA_CLASS, &class), attribute(CKA_LABEL, label.as_bytes())];
        call!(self.module.functions, C_FindObjectsInit(self.handle, template.as_mut_ptr(), 2))?;
        call!(self.module.functions, C_FindObjects(self.handle, &mut key, 1, &mut n))?;
        call!(self.module.functions, C_FindObjectsFinal(self.handle))?;
        Ok((n == 1).then_some(key))
    }

    /// AES-GCM with a tag of 128 bits and no further data.
    pub fn encrypt_gcm(&self, key: Key, iv: &mut [u8; 12], data: &mut Buffers) -> Result<(), Failure> {
        let mut parameters = [CK_GCM_PARAMS {
            pIv: iv.as_mut_ptr(),
            ulIvLen: 12,
            ulIvBits: 96,
            pAAD: ptr::null_mut(),
            ulAADLen: 0,
            ulTagBits: 128,
        }];
        self.encrypt(mechanism(CKM_AES_GCM, &mut parameters), key, data)
    }

    pub fn encrypt_cbc_pad(&self, key: Key, iv: &mut [u8; 16], data: &mut Buffers) -> Result<(), Failure> {
        self.encrypt(mechanism(CKM_AES_CBC_PAD, iv), key, data)
    }

    fn encrypt(&self, mut mechanism: CK_MECHANISM, key: Key, data: &mut Buffers) -> Result<(), Failure> {
        let mut n = data.output.len() as CK_ULONG;
        let (input, length, output) =
            (data.input.as_mut_ptr(), data.input.len() as CK_ULONG, data.output.as_mut_ptr());
        call!(self.module.functions, C_EncryptInit(self.handle, &mut mechanism, key))?;
        call!(self.module.functions, C_Encrypt(self.handle, input, length, output, &mut n))
    }

    pub fn random(&self, bytes: &mut [u8]) -> Result<(), Failure> {
        let (output, n) = (bytes.as_mut_ptr(), bytes.len() as CK_ULONG);
        call!(self.module.functions, C_GenerateRandom(self.handle, output, n))
    }

    pub fn sha256(&self, data: &mut Buffers) -> Result<(), Failure> {
        let (mut mechanism, mut n) = (mechanism::<u8>(CKM_SHA256, &mut []), data.output.len() as CK_ULONG);
        let (input, length, output) =
            (data.input.as_mut_ptr(), data.input.len() as CK_ULONG, data.output.as_mut_ptr());
        call!(self.module.functions, C_DigestInit(self.handle, &mut mechanism))?;
        call!(self.module.functions, C_Digest(self.handle, input, length, output, &mut n))
    }
}

/// A thread's input, and an output that holds any result of it.
pub struct Buffers {
    pub input: Vec<u8>,
    pub output: Vec<u8>,
}

impl Buffers {
    pub fn new(input_bytes: usize) -> Self {
        Self { input: vec![0; input_bytes], output: vec![0; input_bytes + 64] }
    }

    /// As long as the DigestInfo of SHA-256, and as a signature of RSA-4096.
    pub fn for_signature() -> Self {
        Self { input: vec![7; 51], output: vec![0; 512] }
    }
}

fn attribute<T: ?Sized>(kind: CK_ATTRIBUTE_TYPE, value: &T) -> CK_ATTRIBUTE {
    CK_ATTRIBUTE {
        type_: kind,
        pValue: ptr::from_ref(value).cast_mut().cast(),
        ulValueLen: size_of_val(value) as CK_ULONG,
    }
}

fn mechanism<T>(kind: CK_MECHANISM_TYPE, parameter: &mut [T]) -> CK_MECHANISM {
    let pointer = if parameter.is_empty() { ptr::null_mut() } else { parameter.as_mut_ptr().cast() };
    CK_MECHANISM { mechanism: kind, pParameter: pointer, ulParameterLen: size_of_val(parameter) as CK_ULONG }
}
