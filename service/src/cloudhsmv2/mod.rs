//! The CloudHSM V2 API (`cloudhsmv2/2017-04-28`): the control plane of this store's clusters, in JSON 1.1 and RPC v2 CBOR.
//!
//! Called by: the HTTP layer. An operation reads its request by the model's constraints, asks the library's control plane,
//! and answers in the model's members; what a cluster may be and do is the library's to say. One file for each family.

mod backups;
mod check;
mod clusters;
mod hsms;
mod policies;
mod refused;
mod shapes;
mod tags;
#[cfg(test)]
mod tests;
mod wire;

use crate::http::service::{Answer, Call, Protocol, Record, Refusal, Service};
use refused::Refused;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use vhsm_pkcs11::cluster::Clusters;
use vhsm_pkcs11::cluster::life::{self, ControlPlane};
use vhsm_pkcs11::root_key::RootKey;

/// The service, by the right of the root key: of one account, in one region (that of `settings`).
pub struct CloudHsmV2 {
    pub clusters: Arc<Clusters>,
    pub settings: life::Settings,
    pub root_key: Arc<RootKey>,
    /// `aws`
    pub partition: String,
    /// 12 digits.
    pub account: String,
}

/// One call's work.
struct Operations<'a> {
    service: &'a CloudHsmV2,
    plane: ControlPlane<'a>,
}

/// An answer's body, and the same for the audit log.
type Done = Result<(Vec<u8>, Value), Refused>;

/// The operations of the API: name on the wire, whether it only reads, and what does it.
macro_rules! operations {
    ($($name:literal $reads:literal $function:ident,)*) => {
        /// All names, and whether the operation only reads.
        const OPERATIONS: &[(&str, bool)] = &[$(($name, $reads),)*];

        impl Operations<'_> {
            fn run(&self, operation: &str, protocol: Protocol, request: &Value) -> Done {
                match operation {
                    $($name => answered(protocol, self.$function(wire::request(request)?)?),)*
                    _ => Err(Refused::unknown_operation(operation)),
                }
            }
        }
    };
}

operations! {
    "CopyBackupToRegion" false copy_backup_to_region,
    "CreateCluster" false create_cluster,
    "CreateHsm" false create_hsm,
    "DeleteBackup" false delete_backup,
    "DeleteCluster" false delete_cluster,
    "DeleteHsm" false delete_hsm,
    "DeleteResourcePolicy" false delete_resource_policy,
    "DescribeBackups" true describe_backups,
    "DescribeClusters" true describe_clusters,
    "GetResourcePolicy" true get_resource_policy,
    "InitializeCluster" false initialize_cluster,
    "ListTags" true list_tags,
    "ModifyBackupAttributes" false modify_backup_attributes,
    "ModifyCluster" false modify_cluster,
    "PutResourcePolicy" false put_resource_policy,
    "RestoreBackup" false restore_backup,
    "TagResource" false tag_resource,
    "UntagResource" false untag_resource,
}

impl Service for CloudHsmV2 {
    fn call(&self, call: &Call<'_>) -> Answer {
        let mut record = Record::default();
        if let Some((name, reads)) = OPERATIONS.iter().find(|(name, _)| *name == call.operation) {
            (record.operation, record.read_only) = (Some(*name), *reads);
        }
        let plane = ControlPlane::new(&self.clusters, self.settings.clone()).with_root_key(&self.root_key);
        let operations = Operations { service: self, plane };
        let done = wire::decode(call.protocol, call.body).and_then(|request| {
            record.request = wire::audited(&request);
            operations.run(call.operation, call.protocol, &request)
        });
        let warnings = operations.plane.warnings();
        record.detail = (!warnings.is_empty()).then(|| warnings.join("; "));
        match done {
            Ok((body, response)) => {
                // CloudTrail: what only reads is recorded without its answer.
                record.response = if record.read_only { Value::Null } else { wire::audited(&response) };
                Answer { status: 200, body: body.into(), record }
            }
            Err(refused) => refused.answer(call.protocol, record),
        }
    }

    fn refuse(&self, protocol: Protocol, refusal: &Refusal) -> Answer {
        Refused::of(refusal).answer(protocol, Record::default())
    }
}

impl Operations<'_> {
    fn clusters(&self) -> &Clusters {
        &self.service.clusters
    }

    fn region(&self) -> &str {
        &self.service.settings.region
    }

    fn backup_arn(&self, id: &str) -> String {
        let CloudHsmV2 { partition, account, .. } = self.service;
        format!("arn:{partition}:cloudhsm:{}:{account}:backup/{id}", self.region())
    }
}

fn answered<T: Serialize>(protocol: Protocol, answer: T) -> Done {
    let response = serde_json::to_value(&answer).map_err(|error| Refused::internal(&error))?;
    Ok((wire::encode(protocol, &answer)?, response))
}
