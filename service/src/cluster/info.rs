//! `vhsm cluster hsm-info`: what the CloudHSM CLI shows of a cluster's HSMs. Needs no login.
//!
//! The fields are that command's; the values say what these HSMs are: software, of this version, validated by nobody.

use crate::failure::Failure;
use crate::{App, output};
use serde::Serialize;
use vhsm_pkcs11::cluster::Cluster;
use vhsm_pkcs11::cluster::life::ControlPlane;
use vhsm_pkcs11::cluster::life::api::HsmStatus;

#[derive(Serialize)]
struct HsmInfoList<'a> {
    hsms: Vec<HsmInfo<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct HsmInfo<'a> {
    vendor: &'static str,
    model: &'static str,
    /// The token's serial number: the HsmId.
    serial_number: &'a str,
    hardware_version_major: &'static str,
    hardware_version_minor: &'static str,
    firmware_version_major: &'static str,
    firmware_version_minor: &'static str,
    firmware_build_number: &'static str,
    firmware_id: &'static str,
    fips_state: &'static str,
}

const MAJOR: &str = env!("CARGO_PKG_VERSION_MAJOR");
const MINOR: &str = env!("CARGO_PKG_VERSION_MINOR");

pub fn run(app: &App, cluster: &Cluster) -> Result<(), Failure> {
    let plane = ControlPlane::new(&app.clusters, app.config.lifecycle());
    let described = plane.describe_cluster(&cluster.name)?;
    let reachable = |status| matches!(status, HsmStatus::Active | HsmStatus::Degraded);
    let hsms = described.hsms.iter().filter(|hsm| reachable(hsm.status)).map(|hsm| HsmInfo {
        vendor: "vhsm",
        model: "virtual HSM",
        serial_number: &hsm.hsm_id,
        hardware_version_major: MAJOR,
        hardware_version_minor: MINOR,
        firmware_version_major: MAJOR,
        firmware_version_minor: MINOR,
        firmware_build_number: env!("CARGO_PKG_VERSION_PATCH"),
        firmware_id: concat!("vhsm ", env!("CARGO_PKG_VERSION")),
        // Whatever Mode the cluster has: it is told, and nobody validated anything.
        fips_state: "0 [non-FIPS mode, not validated]",
    });
    output::json(&HsmInfoList { hsms: hsms.collect() })
}
