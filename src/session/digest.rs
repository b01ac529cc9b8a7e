//! Message digesting (PKCS#11 3.0 sec. 5.12).

use super::operation::{Engine, Outcome, Step};
use super::{Output, Session};
use crate::error::{Error, MechanismError};
use crate::mechanism::{Digest, Mechanism, Params};

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
        let fed = self.state().digest.run(Step::Update, |engine| {
            engine.update(input?)?;
            Ok(Outcome::Written(0))
        });
        fed.map(drop)
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
