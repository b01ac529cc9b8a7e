//! The rest of ConnectCustomKeyStore of an external key store: its proxy is asked how it is.

use super::health::Request;
use crate::error::KmsError;
use crate::ids::StoreId;
use crate::kms::Kms;
use crate::records::store::ExternalStore;
use crate::stores::keep::Verdict;

impl Kms {
    /// `Err`: why it cannot be connected.
    pub(in crate::stores) fn reach_proxy(
        &self,
        id: &StoreId,
        store: &ExternalStore,
    ) -> Result<Result<(), Verdict>, KmsError> {
        if let Err(fault) = self.check_service(store) {
            return Ok(Err(Verdict::new(fault.code(), fault.message())));
        }
        let request = Request::new("ConnectCustomKeyStore");
        let answer = self.ask_health(id, store, &request)?;
        Ok(answer
            .map(drop)
            .map_err(|failure| Verdict::new(failure.connection_error_code(), request.told(store, &failure))))
    }
}
