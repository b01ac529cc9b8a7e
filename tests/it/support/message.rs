//! Messages: a parameter with its nonce and tag, and the calls that take it.

use super::{Mechanism, Session, call};
use cryptoki_sys::*;
use std::ffi::c_void;
use std::ptr::null_mut;

/// CK_GCM_MESSAGE_PARAMS with what it leads to.
pub struct GcmMessage {
    pub nonce: Vec<u8>,
    pub fixed_bits: CK_ULONG,
    pub generator: CK_GENERATOR_FUNCTION,
    pub tag: Vec<u8>,
    pub tag_bits: CK_ULONG,
}

impl GcmMessage {
    pub fn new(nonce: &[u8], generator: CK_GENERATOR_FUNCTION) -> GcmMessage {
        GcmMessage { nonce: nonce.to_vec(), fixed_bits: 0, generator, tag: vec![0; 16], tag_bits: 128 }
    }

    pub fn fixed(self, fixed_bits: CK_ULONG) -> GcmMessage {
        GcmMessage { fixed_bits, ..self }
    }

    /// The structure, good while `self` is neither moved nor dropped.
    pub fn raw(&mut self) -> CK_GCM_MESSAGE_PARAMS {
        CK_GCM_MESSAGE_PARAMS {
            pIv: self.nonce.as_mut_ptr(),
            ulIvLen: self.nonce.len() as CK_ULONG,
            ulIvFixedBits: self.fixed_bits,
            ivGenerator: self.generator,
            pTag: self.tag.as_mut_ptr(),
            ulTagBits: self.tag_bits,
        }
    }
}

fn void<T>(params: &mut T) -> (*mut c_void, CK_ULONG) {
    ((params as *mut T).cast(), size_of::<T>() as CK_ULONG)
}

fn slice(bytes: &[u8]) -> (*mut u8, CK_ULONG) {
    (bytes.as_ptr().cast_mut(), bytes.len() as CK_ULONG)
}

/// Runs a call that gives data into a buffer with room for it.
fn out(room: usize, call: impl FnOnce(*mut u8, &mut CK_ULONG) -> CK_RV) -> Result<Vec<u8>, CK_RV> {
    let (mut buffer, mut length) = (vec![0; room], room as CK_ULONG);
    match call(buffer.as_mut_ptr(), &mut length) {
        CKR_OK => {
            buffer.truncate(length as usize);
            Ok(buffer)
        }
        rv => Err(rv),
    }
}

/// Encryption and decryption. The parameter is of any type: a structure of the mechanism's.
impl Session<'_> {
    pub fn message_encrypt_init(&self, mut by: Mechanism, key: CK_OBJECT_HANDLE) -> CK_RV {
        call!(self.api, C_MessageEncryptInit(self.handle, &mut by.raw(), key))
    }
    pub fn message_decrypt_init(&self, mut by: Mechanism, key: CK_OBJECT_HANDLE) -> CK_RV {
        call!(self.api, C_MessageDecryptInit(self.handle, &mut by.raw(), key))
    }
    pub fn encrypt_message<T>(&self, mut params: T, aad: &[u8], data: &[u8]) -> Result<Vec<u8>, CK_RV> {
        let ((params, bytes), (aad, aad_bytes), (from, length)) =
            (void(&mut params), slice(aad), slice(data));
        out(data.len(), |to, room| {
            call!(
                self.api,
                C_EncryptMessage(self.handle, params, bytes, aad, aad_bytes, from, length, to, room)
            )
        })
    }
    pub fn decrypt_message<T>(&self, mut params: T, aad: &[u8], data: &[u8]) -> Result<Vec<u8>, CK_RV> {
        let ((params, bytes), (aad, aad_bytes), (from, length)) =
            (void(&mut params), slice(aad), slice(data));
        out(data.len(), |to, room| {
            call!(
                self.api,
                C_DecryptMessage(self.handle, params, bytes, aad, aad_bytes, from, length, to, room)
            )
        })
    }
    pub fn encrypt_message_begin<T>(&self, mut params: T, aad: &[u8]) -> CK_RV {
        let ((params, bytes), (aad, length)) = (void(&mut params), slice(aad));
        call!(self.api, C_EncryptMessageBegin(self.handle, params, bytes, aad, length))
    }
    pub fn decrypt_message_begin<T>(&self, mut params: T, aad: &[u8]) -> CK_RV {
        let ((params, bytes), (aad, length)) = (void(&mut params), slice(aad));
        call!(self.api, C_DecryptMessageBegin(self.handle, params, bytes, aad, length))
    }
    pub fn encrypt_message_next<T>(
        &self,
        mut params: T,
        data: &[u8],
        flags: CK_FLAGS,
    ) -> Result<Vec<u8>, CK_RV> {
        let ((params, bytes), (from, length)) = (void(&mut params), slice(data));
        out(4096, |to, room| {
            call!(self.api, C_EncryptMessageNext(self.handle, params, bytes, from, length, to, room, flags))
        })
    }
    pub fn decrypt_message_next<T>(
        &self,
        mut params: T,
        data: &[u8],
        flags: CK_FLAGS,
    ) -> Result<Vec<u8>, CK_RV> {
        let ((params, bytes), (from, length)) = (void(&mut params), slice(data));
        out(4096, |to, room| {
            call!(self.api, C_DecryptMessageNext(self.handle, params, bytes, from, length, to, room, flags))
        })
    }
    pub fn message_encrypt_final(&self) -> CK_RV {
        call!(self.api, C_MessageEncryptFinal(self.handle))
    }
    pub fn message_decrypt_final(&self) -> CK_RV {
        call!(self.api, C_MessageDecryptFinal(self.handle))
    }
}

/// Signing and verifying, without a parameter for the message.
impl Session<'_> {
    pub fn message_sign_init(&self, mut by: Mechanism, key: CK_OBJECT_HANDLE) -> CK_RV {
        call!(self.api, C_MessageSignInit(self.handle, &mut by.raw(), key))
    }
    pub fn message_verify_init(&self, mut by: Mechanism, key: CK_OBJECT_HANDLE) -> CK_RV {
        call!(self.api, C_MessageVerifyInit(self.handle, &mut by.raw(), key))
    }
    pub fn sign_message(&self, data: &[u8]) -> Result<Vec<u8>, CK_RV> {
        let (from, length) = slice(data);
        out(512, |to, room| {
            call!(self.api, C_SignMessage(self.handle, null_mut(), 0, from, length, to, room))
        })
    }
    pub fn sign_message_begin(&self) -> CK_RV {
        call!(self.api, C_SignMessageBegin(self.handle, null_mut(), 0))
    }
    pub fn sign_message_part(&self, data: &[u8]) -> CK_RV {
        let (from, length) = slice(data);
        let nowhere = null_mut();
        call!(self.api, C_SignMessageNext(self.handle, null_mut(), 0, from, length, nowhere, null_mut()))
    }
    pub fn sign_message_last(&self, data: &[u8]) -> Result<Vec<u8>, CK_RV> {
        let (from, length) = slice(data);
        out(512, |to, room| {
            call!(self.api, C_SignMessageNext(self.handle, null_mut(), 0, from, length, to, room))
        })
    }
    pub fn message_sign_final(&self) -> CK_RV {
        call!(self.api, C_MessageSignFinal(self.handle))
    }
    pub fn verify_message(&self, data: &[u8], signature: &[u8]) -> CK_RV {
        let ((from, length), (signature, bytes)) = (slice(data), slice(signature));
        call!(self.api, C_VerifyMessage(self.handle, null_mut(), 0, from, length, signature, bytes))
    }
    pub fn verify_message_begin(&self) -> CK_RV {
        call!(self.api, C_VerifyMessageBegin(self.handle, null_mut(), 0))
    }
    pub fn verify_message_part(&self, data: &[u8]) -> CK_RV {
        let (from, length) = slice(data);
        call!(self.api, C_VerifyMessageNext(self.handle, null_mut(), 0, from, length, null_mut(), 0))
    }
    pub fn verify_message_last(&self, data: &[u8], signature: &[u8]) -> CK_RV {
        let ((from, length), (signature, bytes)) = (slice(data), slice(signature));
        call!(self.api, C_VerifyMessageNext(self.handle, null_mut(), 0, from, length, signature, bytes))
    }
    pub fn message_verify_final(&self) -> CK_RV {
        call!(self.api, C_MessageVerifyFinal(self.handle))
    }
}
