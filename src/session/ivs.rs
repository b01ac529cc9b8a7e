//! IVs that the library makes for its callers, where the profile says so: from the cluster's source, which never gives one
//! twice.
//!
//! Called by: encryption and key wrapping.

use super::Session;
use crate::error::{Error, MechanismError};
use crate::mechanism::{Mechanism, Params};
use crate::profile::IvSource;

/// Writes an IV to where the caller wanted it.
pub type WriteIv = Box<dyn FnOnce(&[u8]) + Send>;

/// An IV that waits for its data to be encrypted, to be told then.
pub(super) struct LateIv {
    iv: Vec<u8>,
    write: WriteIv,
}

impl LateIv {
    pub(super) fn new(params: &Params, write: Option<WriteIv>) -> Option<Self> {
        let write = write?;
        match params {
            Params::Gcm { iv, .. } => Some(Self { iv: iv.to_vec(), write }),
            _ => None,
        }
    }

    pub(super) fn tell(self) {
        (self.write)(&self.iv);
    }
}

impl Session {
    /// The parameters of an encryption, with an IV of the library's where it makes them. Errors: `Params`, if the
    /// caller gave one all the same.
    pub(super) fn with_own_iv(&self, mechanism: &Mechanism, params: Params) -> Result<Params, Error> {
        if mechanism.limits.iv == IvSource::Caller {
            return Ok(params);
        }
        check_iv(mechanism, &params)?;
        let Params::Gcm { aad, tag_bits, .. } = params else { return Ok(params) };
        let made = self.slot.clusters.next_iv(self.slot.access()?.cluster())?;
        Ok(Params::Gcm { iv: made[..].into(), aad, tag_bits })
    }
}

/// Whether the parameters leave the IV to the library as the mechanism asks. Errors: `Params`.
pub(super) fn check_iv(mechanism: &Mechanism, params: &Params) -> Result<(), Error> {
    let Params::Gcm { iv, .. } = params else { return Ok(()) };
    match mechanism.limits.iv {
        IvSource::Caller => Ok(()),
        IvSource::WrittenBack if iv.as_slice() == [0; 12] => Ok(()),
        IvSource::Prepended if iv.is_empty() => Ok(()),
        IvSource::WrittenBack => {
            Err(MechanismError::Params("pIv must lead to 12 zeros: the HSM makes the IV").into())
        }
        IvSource::Prepended => {
            Err(MechanismError::Params("pIv must be null: the HSM makes the IV, and puts it in front").into())
        }
    }
}
