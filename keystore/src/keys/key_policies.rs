//! GetKeyPolicy, PutKeyPolicy, ListKeyPolicies.

use super::api::{
    GetKeyPolicyRequest, GetKeyPolicyResponse, ListKeyPoliciesRequest, ListKeyPoliciesResponse,
    PutKeyPolicyRequest,
};
use super::policy::{POLICY, Policy};
use super::states::Operation;
use crate::error::{Exception, KmsError};
use crate::ids::KeyName;
use crate::kms::{Caller, Kms};
use crate::page;
use crate::records::keys;
use crate::validate::{Check, KEY_ID, Text, invalid};

/// PolicyNameType
const POLICY_NAME: Text = Text::new(1, 128).pattern(r"[\w]+", |text| {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
});
/// The one policy that a key has.
const DEFAULT: &str = "default";
/// Of keys that are shared between accounts, which none of this layer is.
const SHARED: &str = "AWS_RAM";

impl Kms {
    /// Errors: `Validation`, `NotFound` (of another policy name too), `InvalidArn`.
    pub fn get_key_policy(
        &self,
        _caller: &Caller,
        request: &GetKeyPolicyRequest,
    ) -> Result<GetKeyPolicyResponse, KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check.text("policyName", request.policy_name.as_deref(), &POLICY_NAME);
        check.finish()?;
        let policy = self.details_of(Operation::GetKeyPolicy, key_id)?.policy;
        check_name(request.policy_name.as_deref())?;
        Ok(GetKeyPolicyResponse { policy, policy_name: DEFAULT.into() })
    }

    /// Errors: `Validation`, `NotFound`, `InvalidArn`, `LimitExceeded`, `MalformedPolicyDocument`.
    pub fn put_key_policy(&self, caller: &Caller, request: &PutKeyPolicyRequest) -> Result<(), KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check.text("policyName", request.policy_name.as_deref(), &POLICY_NAME);
        let policy = check.required("policy", request.policy.as_deref(), &POLICY);
        check.finish()?;
        if request.policy_name.as_deref() == Some(SHARED) {
            return Err(invalid("The AWS_RAM policy can only be managed by the RAM service."));
        }
        let id = KeyName::parse_key(key_id, &self.settings)?;
        let parsed = Policy::parse(policy, self.settings.limits.policy_bytes)?;
        if request.bypass_policy_lockout_safety_check != Some(true) {
            parsed.check_lockout(caller, &self.key_arn(&id))?;
        }
        self.change_details(Operation::PutKeyPolicy, key_id, |details| {
            check_name(request.policy_name.as_deref())?;
            details.policy = policy.into();
            Ok(())
        })
    }

    /// Errors: `Validation`, `NotFound`, `InvalidArn`, `InvalidMarker`.
    pub fn list_key_policies(
        &self,
        _caller: &Caller,
        request: &ListKeyPoliciesRequest,
    ) -> Result<ListKeyPoliciesResponse, KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check.page(request.limit, request.marker.as_deref(), 1000);
        check.finish()?;
        // One policy is never more than a page: this list gives no markers.
        page::start(keys::KEY_DETAILS, request.marker.as_deref(), &[], &[])?;
        self.details_of(Operation::ListKeyPolicies, key_id)?;
        Ok(ListKeyPoliciesResponse {
            policy_names: vec![DEFAULT.into()],
            next_marker: None,
            truncated: false,
        })
    }
}

fn check_name(name: Option<&str>) -> Result<(), KmsError> {
    match name {
        None | Some(DEFAULT) => Ok(()),
        Some(_) => Err(KmsError::new(Exception::NotFound, "No such policy exists")),
    }
}
