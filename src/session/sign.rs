//! Signing, MACing and verifying (PKCS#11 3.0 sec. 5.13 and 5.15).

use super::operation::{Engine, Outcome, Place, Step};
use super::{Output, Session, State};
use crate::error::{CallError, Error, MechanismError};
use crate::mechanism::{Mechanism, Params, Sign};
use crate::profile::Limits;
use cryptoki_sys::{CKA_SIGN, CKA_VERIFY};

/// Which of the two operations a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Sign,
    Verify,
    /// C_VerifySignatureInit and what follows it.
    VerifySignature,
}

impl State {
    fn side(&mut self, side: Side) -> &mut Place<dyn Sign> {
        match side {
            Side::Sign => &mut self.sign,
            Side::Verify => &mut self.verify,
            Side::VerifySignature => &mut self.verify_signature,
        }
    }
}

impl Session {
    /// C_SignInit
    pub fn sign_init(&self, mechanism: &'static Mechanism, params: &Params, key: u64) -> Result<(), Error> {
        self.start_side(&mut self.state(), Side::Sign, mechanism, params, key)
    }

    /// C_VerifyInit
    pub fn verify_init(&self, mechanism: &'static Mechanism, params: &Params, key: u64) -> Result<(), Error> {
        self.start_side(&mut self.state(), Side::Verify, mechanism, params, key)
    }

    fn start_side(
        &self,
        state: &mut State,
        side: Side,
        mechanism: &'static Mechanism,
        params: &Params,
        key: u64,
    ) -> Result<(), Error> {
        state.last_mechanism = Some(mechanism);
        let place = state.side(side);
        place.must_be_idle()?;
        let make = mechanism.sign.ok_or(MechanismError::Invalid(mechanism.id))?;
        if let Some(engine) = place.spare(mechanism, key)
            && engine.restart(params)?
        {
            place.start();
            return Ok(());
        }
        let usage = if side == Side::Sign { CKA_SIGN } else { CKA_VERIFY };
        let held = self.object(key)?.ok_or(CallError::KeyHandleInvalid(key))?;
        let (opened, allowed) = (self.usable_key(&held, mechanism, usage)?, held.object.flag(usage));
        let work = make(opened, params)?;
        place.start_with(Engine { work, mechanism, key: Some((key, held)) });
        if !allowed {
            place.refuse();
        }
        Ok(())
    }

    /// C_Sign
    pub fn sign_one_shot(&self, io: Result<(&[u8], Output<'_>), Error>) -> Result<Outcome, Error> {
        let place = &mut self.state().sign;
        let limits = place.limits();
        let asks = io.as_ref().is_ok_and(|(_, output)| output.asks());
        place.run_or_ask(Step::OneShot, asks, |engine| {
            let (input, output) = io?;
            finish(engine, Some(limited(&limits, input)?), output)
        })
    }

    /// C_SignUpdate
    pub fn sign_update(&self, input: Result<&[u8], Error>) -> Result<(), Error> {
        self.feed(Side::Sign, input)
    }

    /// C_SignFinal
    pub fn sign_final(&self, output: Result<Output<'_>, Error>) -> Result<Outcome, Error> {
        let asks = output.as_ref().is_ok_and(Output::asks);
        self.state().sign.run_or_ask(Step::Final, asks, |engine| finish(engine, None, output?))
    }

    /// C_Verify: `io` are the data and the signature. Errors: `SignatureInvalid`, `SignatureLen`.
    pub fn verify_one_shot(&self, io: Result<(&[u8], &[u8]), Error>) -> Result<(), Error> {
        let place = &mut self.state().verify;
        let limits = place.limits();
        let verified = place.run(Step::OneShot, |engine| {
            let (data, signature) = io?;
            engine.whole(limited(&limits, data)?)?;
            engine.verify(signature)?;
            Ok(Outcome::Written(0))
        });
        verified.map(drop)
    }

    /// C_VerifyUpdate
    pub fn verify_update(&self, input: Result<&[u8], Error>) -> Result<(), Error> {
        self.feed(Side::Verify, input)
    }

    /// C_VerifyFinal
    pub fn verify_final(&self, signature: Result<&[u8], Error>) -> Result<(), Error> {
        let verified = self.state().verify.run(Step::Final, |engine| {
            engine.verify(signature?)?;
            Ok(Outcome::Written(0))
        });
        verified.map(drop)
    }

    /// C_VerifySignatureInit (PKCS#11 3.2 sec. 5.15.7). A signature of the wrong length is told when it is compared.
    pub fn verify_signature_init(
        &self,
        mechanism: &'static Mechanism,
        params: &Params,
        key: u64,
        signature: &[u8],
    ) -> Result<(), Error> {
        let mut state = self.state();
        self.start_side(&mut state, Side::VerifySignature, mechanism, params, key)?;
        state.signature = signature.to_vec();
        Ok(())
    }

    /// C_VerifySignature. Errors: `SignatureInvalid`, `SignatureLen`.
    pub fn verify_signature(&self, data: Result<&[u8], Error>) -> Result<(), Error> {
        self.end_verify_signature(Step::OneShot, Some(data))
    }

    /// C_VerifySignatureUpdate
    pub fn verify_signature_update(&self, input: Result<&[u8], Error>) -> Result<(), Error> {
        self.feed(Side::VerifySignature, input)
    }

    /// C_VerifySignatureFinal. Errors: `SignatureInvalid`, `SignatureLen`.
    pub fn verify_signature_final(&self) -> Result<(), Error> {
        self.end_verify_signature(Step::Final, None)
    }

    fn end_verify_signature(&self, step: Step, data: Option<Result<&[u8], Error>>) -> Result<(), Error> {
        let mut state = self.state();
        let signature = std::mem::take(&mut state.signature);
        let verified = state.verify_signature.run(step, |engine| {
            if let Some(data) = data {
                engine.whole(data?)?;
            }
            engine.verify(&signature)?;
            Ok(Outcome::Written(0))
        });
        verified.map(drop)
    }

    fn feed(&self, side: Side, input: Result<&[u8], Error>) -> Result<(), Error> {
        let mut state = self.state();
        let place = state.side(side);
        let limits = place.limits();
        place.feed(|engine| engine.update(limited(&limits, input?)?))
    }
}

/// Data of which the mechanism takes as much in a call. Errors: `DataLen`.
#[inline]
fn limited<'d>(limits: &Limits, data: &'d [u8]) -> Result<&'d [u8], Error> {
    match data.len() <= limits.data_bytes {
        true => Ok(data),
        false => Err(MechanismError::DataLen { bytes: data.len() }.into()),
    }
}

fn finish(engine: &mut dyn Sign, data: Option<&[u8]>, output: Output<'_>) -> Result<Outcome, Error> {
    let needed = engine.output_len();
    match output {
        Output::Query => Ok(Outcome::Size(needed)),
        Output::Buffer(output) if output.len() < needed => Err(Error::BufferTooSmall { needed }),
        Output::Buffer(output) => {
            if let Some(data) = data {
                engine.whole(data)?;
            }
            Ok(Outcome::Written(engine.sign(output)?))
        }
    }
}
