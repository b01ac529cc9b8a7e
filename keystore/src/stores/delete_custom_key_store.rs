//! DeleteCustomKeyStore: of a disconnected key store without KMS keys. The cluster, or the proxy, is left as it is.

use super::api::DeleteCustomKeyStoreRequest;
use super::find::invalid_state;
use super::members;
use super::register::{put_register, register};
use crate::error::{Exception, KmsError};
use crate::kms::{Caller, Kms};
use crate::records::store::{ConnectionState, StoreName};
use crate::records::{Change, keys};

impl Kms {
    pub fn delete_custom_key_store(
        &self,
        _caller: &Caller,
        request: &DeleteCustomKeyStoreRequest,
    ) -> Result<(), KmsError> {
        let id = members::store_id(request.custom_key_store_id.as_deref())?;
        self.transact(|view| {
            let (id, read) = self.custom_key_store(view, &id.0)?;
            if read.value.state != ConnectionState::Disconnected {
                return Err(invalid_state(&id, read.value.state, "DISCONNECTED"));
            }
            let (from, to) = keys::keys_of_store(&id);
            if view.count(&from, &to, 1)? > 0 {
                let message = format!(
                    "The custom key store {id} has KMS keys. Schedule their deletion, and wait until they are deleted."
                );
                return Err(KmsError::new(Exception::CustomKeyStoreHasCmks, message));
            }
            let mut register = register(view)?;
            register.stores.retain(|store| store.id != id);
            let change = put_register(Change::default().remove(&read), view, &register)?;
            match view.get::<StoreName>(keys::store_name(&read.value.name))? {
                Some(name) => Ok((change.remove(&name), ())),
                None => Ok((change, ())),
            }
        })?;
        self.forget_proxy(&id);
        Ok(())
    }
}
