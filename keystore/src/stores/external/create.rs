//! What is particular to CreateCustomKeyStore of an external key store. What is wrong is told in this order: form, name and limit
//! (as for all), address, VPC endpoint service, proxy.

use super::address::check_free;
use super::members::Given;
use crate::error::KmsError;
use crate::ids::StoreId;
use crate::kms::{Caller, Kms};
use crate::records::store::{Connectivity, ExternalStore, StoreRegister};
use crate::stores::password;
use crate::validate::Check;

/// What a request asks for, in due form.
#[derive(Debug)]
pub(in crate::stores) struct NewExternal<'a> {
    endpoint: &'a str,
    path: &'a str,
    access_key_id: &'a str,
    secret: &'a str,
    connectivity: Connectivity,
}

impl<'a> NewExternal<'a> {
    /// Errors: `Validation`.
    pub fn of(given: Given<'a>, mut check: Check, allow_private: bool) -> Result<Self, KmsError> {
        given.require(&mut check);
        given.check_form(&mut check, allow_private);
        check.finish()?;
        given.check_meaning(allow_private)?;
        // They were found to be there.
        let (access_key_id, secret) = given.credential().unwrap_or_default();
        Ok(Self {
            endpoint: given.endpoint.unwrap_or_default(),
            path: given.path.unwrap_or_default(),
            access_key_id,
            secret,
            connectivity: given.connectivity(None)?,
        })
    }
}

impl Kms {
    pub(in crate::stores) fn new_external(
        &self,
        id: &StoreId,
        wanted: &NewExternal,
    ) -> Result<ExternalStore, KmsError> {
        Ok(ExternalStore {
            endpoint: wanted.endpoint.into(),
            path: wanted.path.into(),
            access_key_id: wanted.access_key_id.into(),
            secret: self.seal_secret(id, wanted.secret)?,
            connectivity: wanted.connectivity.clone(),
            credential_since_ms: self.now_ms(),
        })
    }

    /// Whether `known` was made by a request that says the same.
    pub(in crate::stores) fn is_same_external(
        &self,
        id: &StoreId,
        known: &ExternalStore,
        wanted: &NewExternal,
    ) -> Result<bool, KmsError> {
        let told = (&*known.endpoint, &*known.path, &*known.access_key_id, &known.connectivity);
        if told != (wanted.endpoint, wanted.path, wanted.access_key_id, &wanted.connectivity) {
            return Ok(false);
        }
        let secret = self.open_secret(id, &known.secret)?;
        Ok(password::is_same(secret.as_bytes(), wanted.secret.as_bytes()))
    }

    /// Errors: those of `check_free`; `XksProxyVpcEndpointServiceNotFound`, `XksProxyVpcEndpointServiceInvalidConfiguration`; of a
    /// public proxy those of [`ProxyFailure::for_store`](crate::xks::ProxyFailure).
    pub(in crate::stores) fn check_new_proxy(
        &self,
        caller: &Caller,
        id: &StoreId,
        new: &ExternalStore,
        register: &StoreRegister,
    ) -> Result<(), KmsError> {
        check_free(register, id, &new.address())?;
        self.check_service(new)?;
        match new.connectivity {
            Connectivity::Public => self.try_proxy(caller, id, new, "CreateCustomKeyStore"),
            Connectivity::VpcEndpointService { .. } => Ok(()),
        }
    }
}
