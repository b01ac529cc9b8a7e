//! CreateHsm, DeleteHsm.

use super::Operations;
use super::check::Check;
use super::refused::Refused;
use super::shapes::HsmShape;
use serde::{Deserialize, Serialize};
use vhsm_pkcs11::cluster::life::api::{self, HsmName};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateHsmRequest {
    cluster_id: Option<String>,
    availability_zone: Option<String>,
    ip_address: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateHsmResponse {
    hsm: HsmShape,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteHsmRequest {
    cluster_id: Option<String>,
    hsm_id: Option<String>,
    eni_id: Option<String>,
    eni_ip: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteHsmResponse {
    hsm_id: String,
}

impl Operations<'_> {
    pub(super) fn create_hsm(&self, request: CreateHsmRequest) -> Result<CreateHsmResponse, Refused> {
        let mut check = Check::default();
        let cluster_id = check.required("clusterId", request.cluster_id.as_deref());
        let zone = check.required("availabilityZone", request.availability_zone.as_deref());
        check.finish()?;
        let hsm = self.plane.create_hsm(&api::CreateHsmRequest {
            cluster_id: cluster_id.into(),
            availability_zone: zone.into(),
            ip_address: request.ip_address.clone(),
        })?;
        Ok(CreateHsmResponse { hsm: hsm.into() })
    }

    pub(super) fn delete_hsm(&self, request: DeleteHsmRequest) -> Result<DeleteHsmResponse, Refused> {
        let mut check = Check::default();
        let cluster_id = check.required("clusterId", request.cluster_id.as_deref()).to_owned();
        check.finish()?;
        let hsm = match (request.hsm_id, request.eni_id, request.eni_ip) {
            (Some(id), None, None) => HsmName::HsmId(id),
            (None, Some(id), None) => HsmName::EniId(id),
            (None, None, Some(ip)) => HsmName::EniIp(ip),
            _ => {
                let message = "Specify the HSM by exactly one of HsmId, EniId and EniIp.";
                return Err(Refused::invalid(message));
            }
        };
        let hsm_id = self.plane.delete_hsm(&api::DeleteHsmRequest { cluster_id, hsm })?;
        Ok(DeleteHsmResponse { hsm_id })
    }
}
