//! What is done with keys in the HSMs.

use super::connection::Connection;
use super::error::HsmError;
use super::fault::Fault;
use super::pool::{Credentials, Hsm, is_user};
use crate::ids::BackingKeyId;
use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use cryptoki::types::AuthPin;
use std::sync::atomic::Ordering;
use zeroize::{Zeroize, Zeroizing};

const KEY_BYTES: u64 = 32;
const IV_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

impl Connection {
    /// Makes a 256-bit AES key that never leaves the HSMs (reference/cloudhsm.md sec. 3, "Key material KMS creates"). Once: a
    /// call that failed can be repeated with its id.
    pub fn generate_key(&self, label: &str, id: &BackingKeyId) -> Result<(), HsmError> {
        let template = template(label, id);
        self.run(|_, session| {
            // An HSM that failed may have made the key before it did.
            if find(session, id)?.is_empty() {
                session.generate_key(&Mechanism::AesKeyGen, &template)?;
            }
            Ok(())
        })
    }

    /// Destroys it. `false`: there was none.
    pub fn destroy_key(&self, id: &BackingKeyId) -> Result<bool, HsmError> {
        let mut was_there = false;
        self.run(|hsm, session| {
            hsm.handles.forget(id);
            let found = find(session, id)?;
            if found.is_empty() && !is_user(session)? {
                return Err(no_login());
            }
            was_there |= !found.is_empty();
            for object in found {
                match session.destroy_object(object).map_err(Fault::from) {
                    // Another was faster.
                    Ok(()) | Err(Fault::NoObject) => {}
                    Err(fault) => return Err(fault),
                }
            }
            Ok(was_there)
        })
    }

    /// AES-256-GCM with a new IV of 96 random bits from the HSM, which stands before the ciphertext; the tag of 128 bits behind it.
    /// Errors: `NoKey`.
    pub fn encrypt(&self, id: &BackingKeyId, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, HsmError> {
        self.run(|hsm, session| with_key(hsm, session, id, |key| seal(hsm, session, key, aad, plaintext)))
    }

    /// What `encrypt` made. Errors: `Mismatch`, `NoKey`.
    pub fn decrypt(
        &self,
        id: &BackingKeyId,
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, HsmError> {
        if sealed.len() < IV_BYTES + TAG_BYTES {
            return Err(HsmError::Mismatch);
        }
        let plaintext =
            self.run(|hsm, session| with_key(hsm, session, id, |key| open(hsm, session, key, aad, sealed)))?;
        Ok(Zeroizing::new(plaintext))
    }

    /// From the HSM's generator.
    pub fn random(&self, bytes: usize) -> Result<Zeroizing<Vec<u8>>, HsmError> {
        self.run(|_, session| {
            let mut random = Zeroizing::new(vec![0; bytes]);
            session.generate_random_slice(&mut random)?;
            Ok(random)
        })
    }

    /// C_SetPIN: another password for the user that is logged in. `old` and `new` as C_SetPIN takes them. HSMs that come
    /// back are logged in with the new one, behind the user's name if the PIN had it. Errors: `WrongPassword`;
    /// `Failed`: the new one is refused, or it is not known whether the HSM took it.
    pub fn set_pin(&self, old: &[u8], new: &[u8]) -> Result<(), HsmError> {
        let (old_pin, new_pin) = (auth_pin(old)?, auth_pin(new)?);
        self.run(|_, session| {
            session.set_pin(&old_pin, &new_pin).map_err(|error| match Fault::of(&error) {
                Fault::Broken(text) | Fault::Doubtful(text) => Fault::Refused(HsmError::Failed(text)),
                fault => fault,
            })
        })?;
        let mut credentials = self.credentials.lock();
        let pin = with_password(&credentials.pin, old, new);
        *credentials = Credentials { pin, refused: None };
        Ok(())
    }
}

/// Reference sec. 3; what is not said there has its default in every module. CKA_LOCAL is the module's to set.
fn template(label: &str, id: &BackingKeyId) -> Vec<Attribute> {
    vec![
        Attribute::Label(label.into()),
        Attribute::Id(id.0.into()),
        Attribute::ValueLen(KEY_BYTES.into()),
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Modifiable(true),
        Attribute::Destroyable(true),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
        Attribute::Wrap(true),
        Attribute::Unwrap(true),
        Attribute::Sign(false),
        Attribute::Verify(false),
        Attribute::Derive(false),
        Attribute::WrapWithTrusted(false),
        Attribute::Extractable(false),
    ]
}

fn find(session: &Session, id: &BackingKeyId) -> Result<Vec<ObjectHandle>, Fault> {
    Ok(session.find_objects(&[
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Id(id.0.into()),
    ])?)
}

/// Runs a call with a key's handle; once more where it had become another one.
fn with_key<R>(
    hsm: &Hsm,
    session: &Session,
    id: &BackingKeyId,
    mut call: impl FnMut(ObjectHandle) -> Result<R, Fault>,
) -> Result<R, Fault> {
    let (known, login) = hsm.handles.find(id);
    if let Some(handle) = known {
        match call(handle) {
            Err(Fault::NoObject) => hsm.handles.forget(id),
            settled => return settled,
        }
    }
    match find(session, id)?.first() {
        Some(handle) => {
            hsm.handles.keep(id, *handle, login);
            call(*handle).inspect_err(|fault| {
                if *fault == Fault::NoObject {
                    hsm.handles.forget(id);
                }
            })
        }
        // Nobody finds a private object without a login.
        None if !is_user(session)? => Err(no_login()),
        None => Err(Fault::Refused(HsmError::NoKey)),
    }
}

fn no_login() -> Fault {
    Fault::Gone("CKR_USER_NOT_LOGGED_IN".into())
}

fn seal(
    hsm: &Hsm,
    session: &Session,
    key: ObjectHandle,
    aad: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, Fault> {
    let mut iv = [0; IV_BYTES];
    if !hsm.makes_ivs.load(Ordering::Relaxed) {
        session.generate_random_slice(&mut iv)?;
        match gcm(&mut iv, aad).and_then(|mechanism| session.encrypt(&mechanism, key, plaintext)) {
            Ok(ciphertext) => return joined(&iv, &ciphertext, plaintext.len()),
            Err(error) if !wants_no_iv(&error) => return Err(error.into()),
            Err(_) => iv = [0; IV_BYTES],
        }
    }
    // CloudHSM: the HSM makes the IV, and writes it where zeros stand.
    let ciphertext = gcm(&mut iv, aad).and_then(|mechanism| session.encrypt(&mechanism, key, plaintext))?;
    if iv == [0; IV_BYTES] {
        // Made under an IV that is not new: nobody may see it.
        let message = "C_Encrypt: the HSM neither takes an IV nor makes one".into();
        return Err(Fault::Refused(HsmError::Failed(message)));
    }
    hsm.makes_ivs.store(true, Ordering::Relaxed);
    joined(&iv, &ciphertext, plaintext.len())
}

fn gcm<'a>(iv: &'a mut [u8], aad: &'a [u8]) -> Result<Mechanism<'a>, Error> {
    Ok(Mechanism::AesGcm(GcmParams::new(iv, aad, (8 * TAG_BYTES as u64).into())?))
}

fn wants_no_iv(error: &Error) -> bool {
    matches!(
        error,
        Error::Pkcs11(RvError::MechanismParamInvalid | RvError::ArgumentsBad, Function::EncryptInit)
    )
}

fn joined(iv: &[u8], ciphertext: &[u8], plaintext_bytes: usize) -> Result<Vec<u8>, Fault> {
    if ciphertext.len() != plaintext_bytes + TAG_BYTES {
        let message = format!("C_Encrypt: {} bytes from {plaintext_bytes}", ciphertext.len());
        return Err(Fault::Refused(HsmError::Failed(message)));
    }
    Ok([iv, ciphertext].concat())
}

fn open(
    hsm: &Hsm,
    session: &Session,
    key: ObjectHandle,
    aad: &[u8],
    sealed: &[u8],
) -> Result<Vec<u8>, Fault> {
    let mut iv = [0; IV_BYTES];
    let (front, ciphertext) = sealed.split_at(IV_BYTES);
    iv.copy_from_slice(front);
    let opened = gcm(&mut iv, aad).and_then(|mechanism| session.decrypt(&mechanism, key, ciphertext));
    opened.map_err(|error| match (Fault::of(&error), error) {
        // Some modules have no better word for a wrong tag. An HSM that goes on to work with this key means that.
        (Fault::Doubtful(_), Error::Pkcs11(_, Function::Decrypt))
            if seal(hsm, session, key, aad, &[0]).is_ok() =>
        {
            Fault::Refused(HsmError::Mismatch)
        }
        (fault, _) => fault,
    })
}

/// The PIN of a login with another password. Where the old password is the whole PIN, `user:password` tells itself by its
/// `:`, which crypto users' passwords do not have.
fn with_password(pin: &[u8], old: &[u8], new: &[u8]) -> Zeroizing<Vec<u8>> {
    let name = match pin.strip_suffix(old) {
        Some(name) if !name.is_empty() => name,
        _ => &pin[..pin.iter().position(|byte| *byte == b':').map_or(0, |colon| colon + 1)],
    };
    // With room for all of it, so that no copy is left behind.
    let mut changed = Zeroizing::new(Vec::with_capacity(name.len() + new.len()));
    changed.extend_from_slice(name);
    changed.extend_from_slice(new);
    changed
}

fn auth_pin(pin: &[u8]) -> Result<AuthPin, HsmError> {
    match String::from_utf8(pin.to_vec()) {
        Ok(text) => Ok(AuthPin::new(text.into())),
        Err(error) => {
            error.into_bytes().zeroize();
            Err(HsmError::Failed("C_SetPIN: a PIN that is not UTF-8".into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_password_keeps_the_name_before_it() {
        let changed = |pin: &[u8], old: &[u8]| with_password(pin, old, b"new").to_vec();
        assert_eq!(changed(b"kmsuser:old", b"old"), b"kmsuser:new");
        assert_eq!(changed(b"kmsuser:old", b"kmsuser:old"), b"kmsuser:new");
        assert_eq!(changed(b"old", b"old"), b"new");
    }
}
