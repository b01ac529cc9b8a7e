//! ListGrants, ListRetirableGrants.

use super::form::{GRANT_ID, PRINCIPAL, SERVICE};
use crate::error::KmsError;
use crate::ids::KeyId;
use crate::keys::api::{
    GrantListEntry, ListGrantsRequest, ListGrantsResponse, ListRetirableGrantsRequest,
    ListRetirableGrantsResponse,
};
use crate::keys::states::Operation;
use crate::kms::{Caller, Kms};
use crate::page::{self, Page};
use crate::records::key::{GrantRecord, Principal};
use crate::records::{View, keys};
use crate::validate::{Check, KEY_ID, invalid};
use std::ops::ControlFlow;

/// The most grants of a page.
const MOST: usize = 100;
/// Without a Limit.
const DEFAULT_LIMIT: usize = 50;

impl Kms {
    /// By grant ID. Errors: `Validation`, `InvalidGrantId`, `NotFound`, `InvalidArn`, `InvalidMarker`.
    pub fn list_grants(
        &self,
        _caller: &Caller,
        request: &ListGrantsRequest,
    ) -> Result<ListGrantsResponse, KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check.text("grantId", request.grant_id.as_deref(), &GRANT_ID);
        let (principal, service) =
            (request.grantee_principal.as_deref(), request.grantee_service_principal.as_deref());
        check.text("granteePrincipal", principal, &PRINCIPAL);
        check.text("granteeServicePrincipal", service, &SERVICE);
        check.page(request.limit, request.marker.as_deref(), 1000);
        check.finish()?;
        if principal.is_some() && service.is_some() {
            return Err(invalid("Specify either GranteePrincipal or GranteeServicePrincipal, not both."));
        }
        request.grant_id.as_deref().map_or(Ok(()), super::check_id)?;
        let is_meant = |grantee: &Principal| match grantee {
            Principal::Aws(arn) => service.is_none() && principal.is_none_or(|wanted| wanted == arn),
            Principal::Service(name) => principal.is_none() && service.is_none_or(|wanted| wanted == name),
        };
        self.view(|view| {
            let key = self.locate_key(view, key_id)?;
            self.allow(Operation::ListGrants, &key)?;
            self.grants_of(view, &key.id, request, is_meant)
        })
    }

    fn grants_of(
        &self,
        view: &View,
        id: &KeyId,
        request: &ListGrantsRequest,
        is_meant: impl Fn(&Principal) -> bool,
    ) -> Result<ListGrantsResponse, KmsError> {
        let (all, behind) = keys::grants(id);
        let from = page::start(keys::GRANT, request.marker.as_deref(), &all, &behind)?;
        let (from, to) = match &request.grant_id {
            Some(grant_id) => {
                let one = keys::grant(id, grant_id);
                (from.max(one.clone()), [&one[..], &[0]].concat())
            }
            None => (from, behind),
        };
        let mut page = Page::of_at_most(MOST, request.limit, DEFAULT_LIMIT);
        view.range::<GrantRecord>(&from, &to, |place, grant| match is_meant(&grant.grantee) {
            true => Ok(page.push(place, self.grant_entry(id, text(&place[all.len()..])?, grant)?)),
            false => Ok(ControlFlow::Continue(())),
        })?;
        let (grants, next_marker, truncated) = page.finish(keys::GRANT);
        Ok(ListGrantsResponse { grants, next_marker, truncated })
    }

    /// By key and grant ID. Errors: `Validation`, `InvalidMarker`.
    pub fn list_retirable_grants(
        &self,
        _caller: &Caller,
        request: &ListRetirableGrantsRequest,
    ) -> Result<ListRetirableGrantsResponse, KmsError> {
        let mut check = Check::default();
        let (principal, service) =
            (request.retiring_principal.as_deref(), request.retiring_service_principal.as_deref());
        check.text("retiringPrincipal", principal, &PRINCIPAL);
        check.text("retiringServicePrincipal", service, &SERVICE);
        check.page(request.limit, request.marker.as_deref(), 1000);
        check.finish()?;
        let ((Some(name), None) | (None, Some(name))) = (principal, service) else {
            return Err(invalid("Specify either RetiringPrincipal or RetiringServicePrincipal."));
        };
        let (all, to) = keys::grants_retiring(name);
        let from = page::start(keys::GRANT_RETIRING, request.marker.as_deref(), &all, &to)?;
        self.view(|view| {
            let mut page = Page::of_at_most(MOST, request.limit, DEFAULT_LIMIT);
            let mut failed = None;
            view.names(&from, &to, |place| match self.retirable(view, &place[all.len()..]) {
                Ok(entry) => page.push(place, entry),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            })?;
            failed.map_or(Ok(()), Err)?;
            let (grants, next_marker, truncated) = page.finish(keys::GRANT_RETIRING);
            Ok(ListRetirableGrantsResponse { grants, next_marker, truncated })
        })
    }

    /// The grant that an index entry names by key ID and grant ID.
    fn retirable(&self, view: &View, ids: &[u8]) -> Result<GrantListEntry, KmsError> {
        let broken = || KmsError::internal("the index of grants is broken");
        let (key, grant_id) = ids.split_first_chunk::<16>().ok_or_else(broken)?;
        let (id, grant_id) = (KeyId::from_bytes(*key), text(grant_id)?);
        let grant = view.get::<GrantRecord>(keys::grant(&id, grant_id))?.ok_or_else(broken)?;
        self.grant_entry(&id, grant_id, grant.value)
    }
}

/// A grant ID as it stands in a key of the store.
fn text(bytes: &[u8]) -> Result<&str, KmsError> {
    std::str::from_utf8(bytes).map_err(|_| KmsError::internal("a grant is stored under what is no ID"))
}
