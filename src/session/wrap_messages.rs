//! C_WrapKeyAuthenticated and C_UnwrapKeyAuthenticated (PKCS#11 3.2 sec. 5.18.5 and 5.18.7): key wrapping with a message's
//! parameter, so that the token may make the nonce, with associated data, and with the tag apart from the key.

use super::held::Held;
use super::keys::wrappable;
use super::messages::{Given, Made, decrypt_last, encrypt_last};
use super::objects::open;
use super::operation::Outcome;
use super::{Output, Session};
use crate::error::{CallError, Error, MechanismError};
use crate::mechanism::{Cipher, Direction, Mechanism, MessageParams, MessageShape};
use crate::object::{Secret, Template};
use zeroize::Zeroizing;

impl Session {
    /// C_WrapKeyAuthenticated. `wrapping` and `key` are handles. Errors: as `wrap_key`.
    pub fn wrap_key_authenticated(
        &self,
        mechanism: &'static Mechanism,
        given: impl FnOnce(MessageShape) -> Result<Given, Error>,
        aad: &[u8],
        (wrapping, key): (u64, u64),
        output: Output<'_>,
    ) -> Result<(Outcome, Made), Error> {
        let shape = mechanism.message.ok_or(MechanismError::Invalid(mechanism.id))?;
        let held = self.wrapping_key(wrapping, mechanism)?;
        let wrapped = self.object(key)?.ok_or(CallError::KeyHandleInvalid(key))?;
        let value = wrappable(&wrapped.object, &held.object, key)?;
        let needed = value.len();
        let output = match output {
            Output::Query => return Ok((Outcome::Size(needed), Made::default())),
            Output::Buffer(output) => output.get_mut(..needed).ok_or(Error::BufferTooSmall { needed })?,
        };
        // The parameter does not know how long the key is (sec. 6.13.5: "set the message/data length to zero").
        let params = MessageParams { data_bytes: needed as u64, ..given(shape)?.params };
        let nonce = self.nonce(&held, &params)?;
        let mut engine = engine(&held, mechanism, Direction::Encrypt, &params, &nonce, aad)?;
        let (written, tag) = encrypt_last(&mut *engine, &value, output, params.tag_bytes)?;
        Ok((Outcome::Written(written), Made { nonce: Some(nonce), tag }))
    }

    /// C_UnwrapKeyAuthenticated. Errors: as `unwrap_key`; `WrappedKeyInvalid` for what is not authentic.
    pub fn unwrap_key_authenticated(
        &self,
        mechanism: &'static Mechanism,
        given: impl FnOnce(MessageShape) -> Result<Given, Error>,
        aad: &[u8],
        unwrapping: u64,
        wrapped: &[u8],
        template: &Template,
    ) -> Result<u64, Error> {
        let term = self.slot.term();
        let shape = mechanism.message.ok_or(MechanismError::Invalid(mechanism.id))?;
        let held = self.unwrapping_key(unwrapping, mechanism)?;
        let new = self.plan_unwrapped(template, &held)?;
        let Given { params, tag } = given(shape)?;
        if wrapped.is_empty() {
            return Err(MechanismError::WrappedKeyLen { bytes: 0 }.into());
        }
        let params = MessageParams { data_bytes: wrapped.len() as u64, ..params };
        let mut engine = engine(&held, mechanism, Direction::Decrypt, &params, &params.nonce, aad)?;
        let mut value = Zeroizing::new(vec![0; wrapped.len()]);
        let opened = decrypt_last(&mut *engine, wrapped, &mut value, &tag);
        let (bytes, _) = opened.map_err(|error| match error {
            Error::Mechanism(MechanismError::NotAuthentic) => MechanismError::WrappedKeyInvalid.into(),
            Error::Mechanism(MechanismError::EncryptedDataLen { bytes }) => {
                MechanismError::WrappedKeyLen { bytes }.into()
            }
            error => error,
        })?;
        self.keep_unwrapped(new, open(&held.object)?, Secret::new(&value[..bytes]), term)
    }
}

fn engine(
    held: &Held,
    mechanism: &'static Mechanism,
    direction: Direction,
    params: &MessageParams,
    nonce: &[u8],
    aad: &[u8],
) -> Result<Box<dyn Cipher>, Error> {
    let (make, shape) =
        mechanism.cipher.zip(mechanism.message).ok_or(MechanismError::Invalid(mechanism.id))?;
    make(open(&held.object)?, &shape.params(params, nonce, aad), direction)
}
