//! Message digesting (PKCS#11 3.0 sec. 5.12).

use super::operation::{Engine, Outcome, Step};
use super::{Output, Session};
use crate::error::{CallError, Error, MechanismError};
use crate::mechanism::{Digest, Mechanism, Params};
use cryptoki_sys::CKO_SECRET_KEY;

impl Session {
    /// C_DigestInit
    pub fn digest_init(&self, mechanism: &'static Mechanism, params: Params) -> Result<(), Error> {
        let mut state = self.state();
        state.last_mechanism = Some(mechanism);
        let place = &mut state.digest;
        place.must_be_idle()?;
        let make = mechanism.digest.ok_or(MechanismError::Invalid(mechanism.id))?;
        if let Some(engine) = place.spare_keyless(mechanism) {
            engine.restart()?;
            place.start();
        } else {
            place.start_with(Engine { work: make(&params)?, mechanism, key: None });
        }
        Ok(())
    }

    /// C_Digest
    pub fn digest_one_shot(&self, io: Result<(&[u8], Output<'_>), Error>) -> Result<Outcome, Error> {
        self.state().digest.run(Step::OneShot, |engine| {
            let (input, output) = io?;
            finish(engine, output, |engine| engine.update(input))
        })
    }

    /// C_DigestUpdate
    pub fn digest_update(&self, input: Result<&[u8], Error>) -> Result<(), Error> {
        self.state().digest.feed(|engine| engine.update(input?))
    }

    /// C_DigestKey (sec. 5.12.4): the value of a secret key, sensitive or not. Errors: `KeyHandleInvalid`,
    /// `KeyIndigestible` for other keys and for those whose CKA_ALLOWED_MECHANISMS lacks the digest.
    pub fn digest_key(&self, key: u64) -> Result<(), Error> {
        let mut state = self.state();
        let mechanism = state.digest.mechanism();
        state.digest.feed(|engine| {
            let held = self.object(key)?.ok_or(CallError::KeyHandleInvalid(key))?;
            if !held.object.is_key() {
                return Err(CallError::KeyHandleInvalid(key).into());
            }
            let allowed = mechanism.is_some_and(|mechanism| held.object.allows(mechanism.id));
            match held.object.secret().filter(|_| allowed && held.object.class() == CKO_SECRET_KEY) {
                Some(value) => engine.update(value.expose()),
                None => Err(MechanismError::KeyIndigestible.into()),
            }
        })
    }

    /// C_DigestFinal
    pub fn digest_final(&self, output: Result<Output<'_>, Error>) -> Result<Outcome, Error> {
        self.state().digest.run(Step::Final, |engine| finish(engine, output?, |_| Ok(())))
    }
}

fn finish(
    engine: &mut dyn Digest,
    output: Output<'_>,
    feed: impl FnOnce(&mut dyn Digest) -> Result<(), Error>,
) -> Result<Outcome, Error> {
    let needed = engine.output_len();
    match output {
        Output::Query => Ok(Outcome::Size(needed)),
        Output::Buffer(output) if output.len() < needed => Err(Error::BufferTooSmall { needed }),
        Output::Buffer(output) => {
            feed(engine)?;
            Ok(Outcome::Written(engine.finish(output)?))
        }
    }
}
