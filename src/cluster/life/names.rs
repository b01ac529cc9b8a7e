//! What AWS gives a cluster and this one has no network for: a VPC, subnets, a security group, network interfaces and
//! their addresses. Made up from names that stay, so that they stay too; nothing listens there.

use crate::cluster::{Cluster, Subnet};
use crate::crypto::seal::MacKey;

/// Hexadecimal digits of AWS's newer ids.
const DIGITS: usize = 17;
/// Addresses of a subnet that AWS keeps for itself.
const RESERVED: u64 = 4;

pub(super) fn vpc_id(region: &str) -> String {
    made_up("vpc-", region)
}

/// The security group that AWS would name `cluster-<id>-sg`.
pub(super) fn security_group(cluster_id: &str) -> String {
    made_up("sg-", cluster_id)
}

pub(super) fn subnet_of_zone(zone: &str) -> String {
    made_up("subnet-", zone)
}

/// The subnet that an HSM in this zone stands in.
pub(super) fn subnet_in(cluster: &Cluster, zone: &str) -> String {
    let known = cluster.backing.subnets.iter().find(|subnet| subnet.availability_zone == zone);
    known.map_or_else(|| subnet_of_zone(zone), |subnet| subnet.id.clone())
}

pub(super) fn eni_id(hsm_id: &str) -> String {
    made_up("eni-", hsm_id)
}

/// 10.ZONE.x.y: no two HSMs of a store have the same slot, so none of the first 65,532 has the same address.
pub(super) fn eni_ip(zone: &str, slot_id: u64) -> String {
    let letter = zone.bytes().last().unwrap_or(b'a').wrapping_sub(b'a');
    let host = (slot_id + RESERVED) % 0x1_0000;
    format!("10.{letter}.{}.{}", host >> 8, host & 0xff)
}

/// Subnets of the zones.
pub(super) fn subnets(zones: &[String]) -> Vec<Subnet> {
    let subnet = |zone: &String| Subnet { availability_zone: zone.clone(), id: subnet_of_zone(zone) };
    zones.iter().map(subnet).collect()
}

/// A hash of the name, not of a secret: the key is as public as the rest.
fn made_up(prefix: &str, name: &str) -> String {
    let hash = MacKey::new(b"vhsm names that AWS would give 1").tag(&[prefix.as_bytes(), name.as_bytes()]);
    let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{prefix}{}", &digits[..DIGITS])
}
