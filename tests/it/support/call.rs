//! Calls on a session, with slices for pointers and codes as they come.

use super::{Api, Attributes, Mechanism, NO, Pair, YES, call, number};
use cryptoki_sys::*;
use std::ptr::null_mut;

/// What fits every output in these tests.
const ROOM: usize = 1 << 16;

/// A session, open or not.
#[derive(Clone, Copy)]
pub struct Session<'m> {
    pub api: &'m Api,
    pub handle: CK_SESSION_HANDLE,
}

/// A producing function's common shape: C_Encrypt, C_Decrypt, C_Digest, C_Sign and the updates of ciphers.
pub type InOut =
    unsafe extern "C" fn(CK_SESSION_HANDLE, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG) -> CK_RV;

fn len(bytes: &[u8]) -> CK_ULONG {
    bytes.len() as CK_ULONG
}

fn ptr(bytes: &[u8]) -> *mut CK_BYTE {
    bytes.as_ptr().cast_mut()
}

fn out(call: impl FnOnce(*mut CK_BYTE, &mut CK_ULONG) -> CK_RV) -> Result<Vec<u8>, CK_RV> {
    let mut buffer = vec![0; ROOM];
    let mut length = ROOM as CK_ULONG;
    match call(buffer.as_mut_ptr(), &mut length) {
        CKR_OK => {
            buffer.truncate(length as usize);
            Ok(buffer)
        }
        rv => Err(rv),
    }
}

fn made(rv: CK_RV, handle: CK_OBJECT_HANDLE) -> Result<CK_OBJECT_HANDLE, CK_RV> {
    if rv == CKR_OK { Ok(handle) } else { Err(rv) }
}

/// Sessions and logins.
impl Session<'_> {
    pub fn close(&self) -> CK_RV {
        call!(self.api, C_CloseSession(self.handle))
    }
    pub fn info(&self) -> Result<CK_SESSION_INFO, CK_RV> {
        let mut info = CK_SESSION_INFO::default();
        match call!(self.api, C_GetSessionInfo(self.handle, &mut info)) {
            CKR_OK => Ok(info),
            rv => Err(rv),
        }
    }
    pub fn login(&self, user: CK_USER_TYPE, pin: &[u8]) -> CK_RV {
        call!(self.api, C_Login(self.handle, user, ptr(pin), len(pin)))
    }
    pub fn login_user(&self, user: CK_USER_TYPE, pin: &[u8], name: &[u8]) -> CK_RV {
        call!(self.api, C_LoginUser(self.handle, user, ptr(pin), len(pin), ptr(name), len(name)))
    }
    pub fn logout(&self) -> CK_RV {
        call!(self.api, C_Logout(self.handle))
    }
    pub fn init_pin(&self, pin: &[u8]) -> CK_RV {
        call!(self.api, C_InitPIN(self.handle, ptr(pin), len(pin)))
    }
    pub fn set_pin(&self, old: &[u8], new: &[u8]) -> CK_RV {
        call!(self.api, C_SetPIN(self.handle, ptr(old), len(old), ptr(new), len(new)))
    }
    pub fn cancel(&self, flags: CK_FLAGS) -> CK_RV {
        call!(self.api, C_SessionCancel(self.handle, flags))
    }
}

/// States of operations.
impl Session<'_> {
    pub fn operation_state(&self) -> Result<Vec<u8>, CK_RV> {
        out(|to, length| call!(self.api, C_GetOperationState(self.handle, to, length)))
    }
    pub fn set_operation_state(&self, state: &[u8]) -> CK_RV {
        call!(self.api, C_SetOperationState(self.handle, ptr(state), len(state), 0, 0))
    }
}

/// Objects.
impl Session<'_> {
    pub fn create(&self, pairs: &[Pair]) -> Result<CK_OBJECT_HANDLE, CK_RV> {
        let (mut template, mut object) = (Attributes::new(pairs), 0);
        let count = template.count();
        made(call!(self.api, C_CreateObject(self.handle, template.as_mut_ptr(), count, &mut object)), object)
    }
    pub fn copy(&self, source: CK_OBJECT_HANDLE, pairs: &[Pair]) -> Result<CK_OBJECT_HANDLE, CK_RV> {
        let (mut template, mut object) = (Attributes::new(pairs), 0);
        let (pointer, count) = (template.as_mut_ptr(), template.count());
        made(call!(self.api, C_CopyObject(self.handle, source, pointer, count, &mut object)), object)
    }
    pub fn destroy(&self, object: CK_OBJECT_HANDLE) -> CK_RV {
        call!(self.api, C_DestroyObject(self.handle, object))
    }
    pub fn size(&self, object: CK_OBJECT_HANDLE) -> Result<CK_ULONG, CK_RV> {
        let mut size = 0;
        made(call!(self.api, C_GetObjectSize(self.handle, object, &mut size)), size)
    }
    pub fn set(&self, object: CK_OBJECT_HANDLE, pairs: &[Pair]) -> CK_RV {
        let mut template = Attributes::new(pairs);
        let count = template.count();
        call!(self.api, C_SetAttributeValue(self.handle, object, template.as_mut_ptr(), count))
    }
    /// One attribute by the two calls that programs make.
    pub fn get(&self, object: CK_OBJECT_HANDLE, kind: CK_ATTRIBUTE_TYPE) -> Result<Vec<u8>, CK_RV> {
        let mut attribute = CK_ATTRIBUTE { type_: kind, pValue: null_mut(), ulValueLen: 0 };
        match call!(self.api, C_GetAttributeValue(self.handle, object, &mut attribute, 1)) {
            CKR_OK => {}
            rv => return Err(rv),
        }
        let mut value = vec![0; attribute.ulValueLen as usize];
        attribute.pValue = value.as_mut_ptr().cast();
        let rv = call!(self.api, C_GetAttributeValue(self.handle, object, &mut attribute, 1));
        assert_eq!((rv, attribute.ulValueLen as usize), (CKR_OK, value.len()), "{kind:#x}");
        Ok(value)
    }
    pub fn flag(&self, object: CK_OBJECT_HANDLE, kind: CK_ATTRIBUTE_TYPE) -> bool {
        match self.get(object, kind).as_deref() {
            Ok([CK_FALSE]) => false,
            Ok([CK_TRUE]) => true,
            other => panic!("{kind:#x}: {other:?}"),
        }
    }
    pub fn find(&self, pairs: &[Pair]) -> Result<Vec<CK_OBJECT_HANDLE>, CK_RV> {
        let mut template = Attributes::new(pairs);
        let count = template.count();
        match call!(self.api, C_FindObjectsInit(self.handle, template.as_mut_ptr(), count)) {
            CKR_OK => {}
            rv => return Err(rv),
        }
        let mut found = Vec::new();
        loop {
            let (mut part, mut count) = ([0; 7], 0);
            let rv = call!(self.api, C_FindObjects(self.handle, part.as_mut_ptr(), 7, &mut count));
            if rv != CKR_OK {
                call!(self.api, C_FindObjectsFinal(self.handle));
                return Err(rv);
            }
            found.extend_from_slice(&part[..count as usize]);
            if count == 0 {
                break;
            }
        }
        match call!(self.api, C_FindObjectsFinal(self.handle)) {
            CKR_OK => Ok(found),
            rv => Err(rv),
        }
    }
}

/// Keys.
impl Session<'_> {
    pub fn generate(&self, mut by: Mechanism, pairs: &[Pair]) -> Result<CK_OBJECT_HANDLE, CK_RV> {
        let (mut mechanism, mut template, mut key) = (by.raw(), Attributes::new(pairs), 0);
        let (pointer, count) = (template.as_mut_ptr(), template.count());
        made(call!(self.api, C_GenerateKey(self.handle, &mut mechanism, pointer, count, &mut key)), key)
    }
    /// The handles of the public and the private key.
    pub fn generate_pair(
        &self,
        mut by: Mechanism,
        public: &[Pair],
        private: &[Pair],
    ) -> Result<(CK_OBJECT_HANDLE, CK_OBJECT_HANDLE), CK_RV> {
        let (mut public, mut private) = (Attributes::new(public), Attributes::new(private));
        let (public_count, private_count) = (public.count(), private.count());
        let (public, private) = (public.as_mut_ptr(), private.as_mut_ptr());
        let (mut mechanism, mut one, mut other) = (by.raw(), 0, 0);
        let rv = call!(
            self.api,
            C_GenerateKeyPair(
                self.handle,
                &mut mechanism,
                public,
                public_count,
                private,
                private_count,
                &mut one,
                &mut other
            )
        );
        made(rv, one).map(|one| (one, other))
    }
    pub fn derive(
        &self,
        mut by: Mechanism,
        base: CK_OBJECT_HANDLE,
        pairs: &[Pair],
    ) -> Result<CK_OBJECT_HANDLE, CK_RV> {
        let (mut mechanism, mut template, mut key) = (by.raw(), Attributes::new(pairs), 0);
        let (pointer, count) = (template.as_mut_ptr(), template.count());
        made(call!(self.api, C_DeriveKey(self.handle, &mut mechanism, base, pointer, count, &mut key)), key)
    }
    /// A session pair with the token's defaults: the handles of the public and the private key.
    pub fn rsa_pair(&self, bits: CK_ULONG) -> (CK_OBJECT_HANDLE, CK_OBJECT_HANDLE) {
        let bits: Pair = (CKA_MODULUS_BITS, &number(bits));
        self.generate_pair(Mechanism::plain(CKM_RSA_PKCS_KEY_PAIR_GEN), &[bits], &[]).expect("a pair")
    }
    /// A session key of 32 bytes, with the token's defaults.
    pub fn aes_key(&self, pairs: &[Pair]) -> CK_OBJECT_HANDLE {
        let length = number(32);
        let template = [&[(CKA_VALUE_LEN, length.as_slice())], pairs].concat();
        self.generate(Mechanism::plain(CKM_AES_KEY_GEN), &template).expect("a key")
    }
    /// A session key with this value; public, readable and extractable where `pairs` do not say otherwise.
    pub fn known_key(&self, kind: CK_KEY_TYPE, value: &[u8], pairs: &[Pair]) -> CK_OBJECT_HANDLE {
        let (class, kind) = (number(CKO_SECRET_KEY), number(kind));
        let open: [Pair; 6] = [
            (CKA_CLASS, &class),
            (CKA_KEY_TYPE, &kind),
            (CKA_VALUE, value),
            (CKA_PRIVATE, NO),
            (CKA_SENSITIVE, NO),
            (CKA_EXTRACTABLE, YES),
        ];
        let kept = open.iter().filter(|(kind, _)| !pairs.iter().any(|(other, _)| other == kind));
        self.create(&kept.chain(pairs).copied().collect::<Vec<_>>()).expect("a key")
    }
    pub fn wrap(
        &self,
        mut by: Mechanism,
        wrapping: CK_OBJECT_HANDLE,
        key: CK_OBJECT_HANDLE,
    ) -> Result<Vec<u8>, CK_RV> {
        let mut mechanism = by.raw();
        out(|to, length| call!(self.api, C_WrapKey(self.handle, &mut mechanism, wrapping, key, to, length)))
    }
    pub fn unwrap(
        &self,
        mut by: Mechanism,
        unwrapping: CK_OBJECT_HANDLE,
        wrapped: &[u8],
        pairs: &[Pair],
    ) -> Result<CK_OBJECT_HANDLE, CK_RV> {
        let (mut mechanism, mut template, mut key) = (by.raw(), Attributes::new(pairs), 0);
        let (pointer, count) = (template.as_mut_ptr(), template.count());
        let (from, length) = (ptr(wrapped), len(wrapped));
        let rv = call!(
            self.api,
            C_UnwrapKey(self.handle, &mut mechanism, unwrapping, from, length, pointer, count, &mut key)
        );
        made(rv, key)
    }
}

/// Operations.
impl Session<'_> {
    pub fn encrypt_init(&self, mut by: Mechanism, key: CK_OBJECT_HANDLE) -> CK_RV {
        call!(self.api, C_EncryptInit(self.handle, &mut by.raw(), key))
    }
    pub fn decrypt_init(&self, mut by: Mechanism, key: CK_OBJECT_HANDLE) -> CK_RV {
        call!(self.api, C_DecryptInit(self.handle, &mut by.raw(), key))
    }
    pub fn digest_init(&self, mut by: Mechanism) -> CK_RV {
        call!(self.api, C_DigestInit(self.handle, &mut by.raw()))
    }
    pub fn sign_init(&self, mut by: Mechanism, key: CK_OBJECT_HANDLE) -> CK_RV {
        call!(self.api, C_SignInit(self.handle, &mut by.raw(), key))
    }
    pub fn verify_init(&self, mut by: Mechanism, key: CK_OBJECT_HANDLE) -> CK_RV {
        call!(self.api, C_VerifyInit(self.handle, &mut by.raw(), key))
    }

    /// Calls a producing function with room for everything.
    pub fn run(&self, function: InOut, input: &[u8]) -> Result<Vec<u8>, CK_RV> {
        // SAFETY: slices and a buffer of `ROOM` bytes.
        out(|to, length| unsafe { function(self.handle, ptr(input), len(input), to, length) })
    }
    pub fn encrypt(&self, data: &[u8]) -> Result<Vec<u8>, CK_RV> {
        self.run(self.api.C_Encrypt.expect("set"), data)
    }
    pub fn decrypt(&self, data: &[u8]) -> Result<Vec<u8>, CK_RV> {
        self.run(self.api.C_Decrypt.expect("set"), data)
    }
    pub fn digest(&self, data: &[u8]) -> Result<Vec<u8>, CK_RV> {
        self.run(self.api.C_Digest.expect("set"), data)
    }
    pub fn sign(&self, data: &[u8]) -> Result<Vec<u8>, CK_RV> {
        self.run(self.api.C_Sign.expect("set"), data)
    }
    pub fn encrypt_update(&self, data: &[u8]) -> Result<Vec<u8>, CK_RV> {
        self.run(self.api.C_EncryptUpdate.expect("set"), data)
    }
    pub fn decrypt_update(&self, data: &[u8]) -> Result<Vec<u8>, CK_RV> {
        self.run(self.api.C_DecryptUpdate.expect("set"), data)
    }
    pub fn encrypt_final(&self) -> Result<Vec<u8>, CK_RV> {
        out(|to, length| call!(self.api, C_EncryptFinal(self.handle, to, length)))
    }
    pub fn decrypt_final(&self) -> Result<Vec<u8>, CK_RV> {
        out(|to, length| call!(self.api, C_DecryptFinal(self.handle, to, length)))
    }
    pub fn digest_update(&self, data: &[u8]) -> CK_RV {
        call!(self.api, C_DigestUpdate(self.handle, ptr(data), len(data)))
    }
    pub fn digest_final(&self) -> Result<Vec<u8>, CK_RV> {
        out(|to, length| call!(self.api, C_DigestFinal(self.handle, to, length)))
    }
    pub fn digest_key(&self, key: CK_OBJECT_HANDLE) -> CK_RV {
        call!(self.api, C_DigestKey(self.handle, key))
    }
    pub fn sign_update(&self, data: &[u8]) -> CK_RV {
        call!(self.api, C_SignUpdate(self.handle, ptr(data), len(data)))
    }
    pub fn sign_final(&self) -> Result<Vec<u8>, CK_RV> {
        out(|to, length| call!(self.api, C_SignFinal(self.handle, to, length)))
    }
    pub fn verify(&self, data: &[u8], signature: &[u8]) -> CK_RV {
        let (from, length) = (ptr(data), len(data));
        call!(self.api, C_Verify(self.handle, from, length, ptr(signature), len(signature)))
    }
    /// C_SignRecoverInit and C_SignRecover.
    pub fn sign_recover(
        &self,
        mut by: Mechanism,
        key: CK_OBJECT_HANDLE,
        data: &[u8],
    ) -> Result<Vec<u8>, CK_RV> {
        match call!(self.api, C_SignRecoverInit(self.handle, &mut by.raw(), key)) {
            CKR_OK => self.run(self.api.C_SignRecover.expect("set"), data),
            rv => Err(rv),
        }
    }
    /// C_VerifyRecoverInit and C_VerifyRecover.
    pub fn verify_recover(
        &self,
        mut by: Mechanism,
        key: CK_OBJECT_HANDLE,
        signature: &[u8],
    ) -> Result<Vec<u8>, CK_RV> {
        match call!(self.api, C_VerifyRecoverInit(self.handle, &mut by.raw(), key)) {
            CKR_OK => self.run(self.api.C_VerifyRecover.expect("set"), signature),
            rv => Err(rv),
        }
    }
    pub fn verify_update(&self, data: &[u8]) -> CK_RV {
        call!(self.api, C_VerifyUpdate(self.handle, ptr(data), len(data)))
    }
    pub fn verify_final(&self, signature: &[u8]) -> CK_RV {
        call!(self.api, C_VerifyFinal(self.handle, ptr(signature), len(signature)))
    }
}
