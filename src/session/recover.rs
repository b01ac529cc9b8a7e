//! Signatures that their data is recovered from (PKCS#11 3.0 sec. 5.13.5 and 5.15.5).

use super::operation::{Engine, Outcome, Place, Step};
use super::{Output, Session, State};
use crate::error::{CallError, Error, MechanismError};
use crate::mechanism::{Mechanism, Params, Recover, Recovery};
use cryptoki_sys::{CKA_SIGN_RECOVER, CKA_VERIFY_RECOVER};

impl State {
    fn recovery(&mut self, half: Recovery) -> &mut Place<dyn Recover> {
        match half {
            Recovery::Sign => &mut self.sign_recover,
            Recovery::Verify => &mut self.verify_recover,
        }
    }
}

impl Session {
    /// C_SignRecoverInit, C_VerifyRecoverInit
    pub fn recover_init(
        &self,
        half: Recovery,
        mechanism: &'static Mechanism,
        params: &Params,
        key: u64,
    ) -> Result<(), Error> {
        let mut state = self.state();
        state.last_mechanism = Some(mechanism);
        let place = state.recovery(half);
        place.must_be_idle()?;
        let make = mechanism.recover.ok_or(MechanismError::Invalid(mechanism.id))?;
        if let Some(engine) = place.spare(mechanism, key)
            && engine.restart(params)?
        {
            place.start();
            return Ok(());
        }
        let usage = if half == Recovery::Sign { CKA_SIGN_RECOVER } else { CKA_VERIFY_RECOVER };
        let held = self.object(key)?.ok_or(CallError::KeyHandleInvalid(key))?;
        let work = make(self.usable_key(&held, mechanism, usage)?, params, half)?;
        place.start_with(Engine { work, mechanism, key: Some((key, held)) });
        Ok(())
    }

    /// C_SignRecover, C_VerifyRecover
    pub fn recover(&self, half: Recovery, io: Result<(&[u8], Output<'_>), Error>) -> Result<Outcome, Error> {
        let asks = io.as_ref().is_ok_and(|(_, output)| output.asks());
        self.state().recovery(half).run_or_ask(Step::OneShot, asks, |engine| match io? {
            (input, Output::Query) => Ok(Outcome::Size(engine.one_shot_len(input.len())?)),
            (input, Output::Buffer(output)) => Ok(Outcome::Written(engine.one_shot(input, output)?)),
        })
    }
}
