//! Nothing of an answer is believed before it is checked.

use super::support::{Ends, KEY, metadata};
use crate::support::proxy::{Api, Fault, Proxy};
use serde_json::{Value, json};
use vhsm_keystore::xks::ProxyFailure;

fn member(name: &str, value: Value) -> Fault {
    Fault::Member(name.into(), value)
}

/// What the client says of an API whose proxy has the fault.
fn said(ends: &Ends, api: Api, fault: &Fault) -> Result<(), ProxyFailure> {
    ends.proxy.heal();
    let sealed = ends.encrypt().unwrap();
    ends.proxy.only(api, fault.clone());
    let Ends { client, .. } = ends;
    match api {
        Api::GetKeyMetadata => client.key_metadata(&ends.address(), KEY, &metadata("CreateKey")).map(drop),
        Api::Encrypt => ends.encrypt().map(drop),
        Api::Decrypt => ends.decrypt(&sealed).map(drop),
        Api::GetHealthStatus => client.health(&ends.address(), &metadata("KmsHealthCheck")).map(drop),
    }
}

fn are_malformed(api: Api, members: &[&str], faults: Vec<Fault>) {
    let ends = Ends::new(Proxy::start());
    let missing = members.iter().map(|name| Fault::MissingMember((*name).into()));
    let other = members.iter().map(|name| Fault::WrongMemberType((*name).into()));
    let null = members.iter().map(|name| member(name, Value::Null));
    for fault in missing.chain(other).chain(null).chain(faults) {
        match said(&ends, api, &fault) {
            Err(ProxyFailure::Malformed(_)) => {}
            said => panic!("{fault:?}: {said:?}"),
        }
    }
}

#[test]
fn of_get_key_metadata() {
    let usages = json!(["ENCRYPT", "DECRYPT", "A", "B", "C", "D", "E", "F", "G", "H", "I"]);
    let faults = vec![member("keyUsage", json!([1])), member("keyUsage", usages)];
    are_malformed(Api::GetKeyMetadata, &["keySpec", "keyUsage", "keyStatus"], faults);
}

#[test]
fn of_encrypt() {
    let members = ["ciphertext", "initializationVector", "authenticationTag", "ciphertextDataIntegrityValue"];
    let faults = vec![
        Fault::BadBase64,
        Fault::WrongCdiv,
        Fault::NoCdiv,
        Fault::ShortIv,
        Fault::ShortTag,
        Fault::LongMetadata(21),
        Fault::CiphertextOfOtherLength,
        Fault::WrongMemberType("ciphertextMetadata".into()),
        // Without padding, and of the alphabet for URLs.
        member("ciphertextDataIntegrityValue", json!("qHA/ImC9h5HsLRXqCyPmWgYx7tzyoTplzILbP0fPXsc")),
        member("ciphertextDataIntegrityValue", json!("qHA_ImC9h5HsLRXqCyPmWgYx7tzyoTplzILbP0fPXsc=")),
        member("ciphertextDataIntegrityValue", json!("qHA/ImC9h5HsLRXqCyPmWgYx7tzyoTplzILbP0fPXsd=")),
    ];
    are_malformed(Api::Encrypt, &members, faults);
}

#[test]
fn of_decrypt() {
    are_malformed(Api::Decrypt, &["plaintext"], vec![Fault::BadBase64, Fault::PlaintextShort]);
}

#[test]
fn of_get_health_status() {
    let members = ["xksProxyFleetSize", "xksProxyVendor", "xksProxyModel", "ekmVendor", "ekmFleetDetails"];
    let manager = json!({ "id": "1", "model": "m", "healthStatus": "ACTIVE" });
    let faults = vec![
        Fault::FleetSizeZero,
        Fault::NoFleet,
        member("xksProxyFleetSize", json!(-1)),
        member("xksProxyFleetSize", json!(1.5)),
        member("ekmFleetDetails", json!(vec![&manager; 11])),
        member("ekmFleetDetails", json!([{ "id": "1", "model": "m" }])),
        member("ekmFleetDetails", json!([{ "id": "1", "model": "m", "healthStatus": "WELL" }])),
    ];
    are_malformed(Api::GetHealthStatus, &members, faults);
}

#[test]
fn what_is_seldom_but_right_is_taken() {
    let ends = Ends::new(Proxy::start());
    let manager = json!({ "id": "1", "model": "m", "healthStatus": "DEGRADED" });
    for (api, fault) in [
        (Api::Encrypt, Fault::LongIv),
        (Api::Encrypt, Fault::LongMetadata(20)),
        (Api::Encrypt, member("somethingNew", json!({ "a": [1] }))),
        (Api::GetKeyMetadata, Fault::KeySpec("RSA_2048".into())),
        (Api::GetKeyMetadata, Fault::KeyDisabled),
        (Api::GetHealthStatus, member("ekmFleetDetails", json!(vec![&manager; 10]))),
    ] {
        said(&ends, api, &fault).unwrap_or_else(|failure| panic!("{fault:?}: {failure}"));
    }
}
