//! GenerateRandom

use super::api::{GenerateRandomRequest, GenerateRandomResponse};
use super::common::{check_recipient, no_recipient};
use crate::error::KmsError;
use crate::kms::{Caller, Kms};
use crate::stores::connection::Purpose;
use crate::validate::{CUSTOM_KEY_STORE_ID, Check};
use crate::wire::SecretBlob;

impl Kms {
    /// Random bytes of the HSMs of a custom key store, or of the default key store's.
    pub fn generate_random(
        &self,
        _caller: &Caller,
        request: &GenerateRandomRequest,
    ) -> Result<GenerateRandomResponse, KmsError> {
        let bytes = check(request)?;
        no_recipient(request.recipient.as_ref())?;
        let store = match request.custom_key_store_id.as_deref() {
            Some(id) => Some(self.view(|view| self.connected_hsms(view, id))?),
            None => None,
        };
        self.within_rate(store.as_ref())?;
        let link = self.connection_of(store.as_ref(), Purpose::Management)?;
        let plaintext = link.run(|connection| connection.random(bytes))?;
        Ok(GenerateRandomResponse { plaintext: SecretBlob(plaintext) })
    }
}

/// Answers NumberOfBytes.
fn check(request: &GenerateRandomRequest) -> Result<usize, KmsError> {
    let mut check = Check::default();
    check.present("numberOfBytes", request.number_of_bytes.is_some());
    check.number("numberOfBytes", request.number_of_bytes, 1..=1024);
    check.text("customKeyStoreId", request.custom_key_store_id.as_deref(), &CUSTOM_KEY_STORE_ID);
    check_recipient(&mut check, request.recipient.as_ref());
    check.finish()?;
    // It was found in its range.
    Ok(request.number_of_bytes.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or_default())
}
