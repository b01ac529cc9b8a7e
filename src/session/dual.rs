//! Two operations fed by one call (PKCS#11 3.0 sec. 5.14).
//!
//! The cipher works first, for only what it gave or took goes on to the other operation: if it gives nothing (a size
//! query, a buffer that is too small, an error), the other stays as it was. An error of the other operation ends both,
//! for what the cipher did cannot be taken back.

use super::operation::{Outcome, Place, Step};
use super::{Output, Session, State};
use crate::error::Error;
use crate::mechanism::Direction;

/// Which two operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dual {
    DigestEncrypt,
    DecryptDigest,
    SignEncrypt,
    DecryptVerify,
}

impl Dual {
    fn direction(self) -> Direction {
        match self {
            Dual::DigestEncrypt | Dual::SignEncrypt => Direction::Encrypt,
            Dual::DecryptDigest | Dual::DecryptVerify => Direction::Decrypt,
        }
    }
}

impl Session {
    /// C_DigestEncryptUpdate and its kin. Errors: `OperationNotInitialized` unless both operations are active.
    pub fn dual_update(&self, dual: Dual, io: Result<(&[u8], Output<'_>), Error>) -> Result<Outcome, Error> {
        let mut state = self.state();
        let direction = dual.direction();
        state.cipher(direction).must_be_active()?;
        state.other_must_be_active(dual)?;
        let (input, output) = match io {
            Ok((input, Output::Buffer(output))) => (input, output),
            Ok((input, Output::Query)) => {
                let size = |engine: &mut dyn crate::mechanism::Cipher| engine.update_len(input.len());
                return state.cipher(direction).run(Step::Update, |engine| Ok(Outcome::Size(size(engine)?)));
            }
            Err(error) => {
                state.cipher(direction).cancel();
                return Err(error);
            }
        };
        let done = state
            .cipher(direction)
            .run(Step::Update, |engine| Ok(Outcome::Written(engine.update(input, output)?)))?;
        let data = if direction == Direction::Encrypt { input } else { &output[..done.bytes()] };
        if let Err(error) = state.feed_other(dual, data) {
            // What was decrypted is not given where it could not be verified or digested along.
            output[..done.bytes()].fill(0);
            state.cipher(direction).clear();
            return Err(error);
        }
        Ok(done)
    }
}

impl State {
    fn other_must_be_active(&self, dual: Dual) -> Result<(), Error> {
        match dual {
            Dual::DigestEncrypt | Dual::DecryptDigest => self.digest.must_be_active()?,
            Dual::SignEncrypt => self.sign.must_be_active()?,
            Dual::DecryptVerify => self.verify.must_be_active()?,
        }
        Ok(())
    }

    fn feed_other(&mut self, dual: Dual, data: &[u8]) -> Result<(), Error> {
        let place = match dual {
            Dual::DigestEncrypt | Dual::DecryptDigest => return self.digest.feed(|e| e.update(data)),
            Dual::SignEncrypt => &mut self.sign,
            Dual::DecryptVerify => &mut self.verify,
        };
        Place::feed(place, |engine| engine.update(data))
    }
}
