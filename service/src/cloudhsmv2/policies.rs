//! GetResourcePolicy, PutResourcePolicy, DeleteResourcePolicy: of backups. Policies are kept and told, and decide nothing.

use super::Operations;
use super::check::Check;
use super::refused::Refused;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use vhsm_pkcs11::cluster::life::is_region;

/// ResourcePolicy
const POLICY: std::ops::RangeInclusive<usize> = 1..=20_000;
/// The model's pattern of CloudHsmArn.
const ARN: &str = "arn:aws(-(us-gov))?:cloudhsm:([a-z]{2}(-(gov|isob|iso))?-(east|west|north|south|central){1,2}-[0-9]{1}):\
                   [0-9]{12}:(backup/backup|cluster/cluster|hsm/hsm)-[2-7a-zA-Z]{11,16}";

/// GetResourcePolicy, DeleteResourcePolicy
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PolicyRequest {
    resource_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutResourcePolicyRequest {
    resource_arn: Option<String>,
    policy: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetResourcePolicyResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
}

/// PutResourcePolicy, DeleteResourcePolicy
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PolicyResponse {
    resource_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
}

impl Operations<'_> {
    pub(super) fn get_resource_policy(
        &self,
        request: PolicyRequest,
    ) -> Result<GetResourcePolicyResponse, Refused> {
        let (_, id) = self.backup_of(request.resource_arn)?;
        Ok(GetResourcePolicyResponse { policy: self.clusters().backup(&id)?.policy })
    }

    pub(super) fn put_resource_policy(
        &self,
        request: PutResourcePolicyRequest,
    ) -> Result<PolicyResponse, Refused> {
        let mut check = Check::default();
        let policy = check.required("policy", request.policy.as_deref());
        if request.policy.is_some() {
            check.length("policy", policy.chars().count(), POLICY);
        }
        check.finish()?;
        let (resource_arn, id) = self.backup_of(request.resource_arn)?;
        check_policy(policy)?;
        let backup = self.clusters().set_backup_policy(&id, Some(policy))?;
        Ok(PolicyResponse { resource_arn, policy: backup.policy })
    }

    pub(super) fn delete_resource_policy(&self, request: PolicyRequest) -> Result<PolicyResponse, Refused> {
        let (resource_arn, id) = self.backup_of(request.resource_arn)?;
        let policy = self.clusters().backup(&id)?.policy;
        if policy.is_some() {
            self.clusters().set_backup_policy(&id, None)?;
        }
        Ok(PolicyResponse { resource_arn, policy })
    }

    /// The ARN, and the BackupId that it names.
    fn backup_of(&self, arn: Option<String>) -> Result<(String, String), Refused> {
        let mut check = Check::default();
        let text = check.required("resourceArn", arn.as_deref());
        let parts = arn_parts(text);
        if arn.is_some() {
            check.matches("resourceArn", text, ARN, parts.is_some());
        }
        check.finish()?;
        let Some((kind, id)) = parts else { return Err(Refused::invalid("ResourceArn is none.")) };
        if kind != "backup" {
            return Err(Refused::invalid("Only backups have resource policies."));
        }
        if text != self.backup_arn(id) {
            return Err(Refused::not_found(format!("There is no {text} in this account and region.")));
        }
        Ok((text.to_owned(), id.to_owned()))
    }
}

/// The kind and the identifier that a CloudHsmArn names.
fn arn_parts(arn: &str) -> Option<(&str, &str)> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", "aws" | "aws-us-gov", "cloudhsm", region, account, resource] = parts[..] else { return None };
    let (kind, id) = resource.split_once('/')?;
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let mut check = Check::default();
    check.id("resourceArn", Some(id), &[kind]);
    let is_known = ["backup", "cluster", "hsm"].contains(&kind) && check.finish().is_ok();
    (is_region(region) && is_account && is_known).then_some((kind, id))
}

/// The form of an IAM policy that stands at a resource.
fn check_policy(text: &str) -> Result<(), Refused> {
    let bad = |what: &str| Err(Refused::invalid(format!("Policy: {what}")));
    let Ok(Value::Object(policy)) = serde_json::from_str(text) else { return bad("it is not a JSON object") };
    let statements = match policy.get("Statement") {
        Some(Value::Array(all)) if !all.is_empty() => all.iter().collect(),
        Some(one @ Value::Object(_)) => vec![one],
        _ => return bad("it has no Statement"),
    };
    for statement in statements {
        let Value::Object(statement) = statement else { return bad("a Statement is not a JSON object") };
        if let Some(what) = wrong_with(statement) {
            return bad(what);
        }
    }
    Ok(())
}

fn wrong_with(statement: &Map<String, Value>) -> Option<&'static str> {
    let has = |names: [&str; 2]| names.iter().any(|name| statement.contains_key(*name));
    let effect = statement.get("Effect").and_then(Value::as_str);
    match effect {
        Some("Allow" | "Deny") if !has(["Principal", "NotPrincipal"]) => Some("a Statement has no Principal"),
        Some("Allow" | "Deny") if !has(["Action", "NotAction"]) => Some("a Statement has no Action"),
        Some("Allow" | "Deny") => None,
        _ => Some("the Effect of a Statement is neither Allow nor Deny"),
    }
}
