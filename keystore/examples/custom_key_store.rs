//! A custom key store on any PKCS#11 token: `custom_key_store MODULE SLOT PASSWORD`. KMS gives the token's user a password that
//! only KMS knows: take a token that may go.

use aes_gcm::{Aes256Gcm, Key, KeyInit, Nonce, aead::Aead, aead::Payload};
use serde_json::{from_value, json};
use std::{fs::File, io::Read, sync::Arc};
use vhsm_keystore::{
    Caller, ForeignCluster, ForeignClusters, ForeignDirectory, ForeignHsm, Kms, Module, Parts, PinForm,
    Sealer, Settings, SystemClock, xks,
};
use zeroize::Zeroizing;

const CLUSTER: &str = "cluster-2abcdefghij";
const TRUST_ANCHOR: &str = "-----BEGIN CERTIFICATE-----\nY3VzdG9tZXJDQQ==\n-----END CERTIFICATE-----\n";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, module, slot, password] = arguments.as_slice() else {
        return Err("usage: custom_key_store MODULE SLOT PASSWORD".into());
    };
    let kms = kms(Module::load(module.as_ref())?, slot.parse()?)?;
    let me = Caller {
        account: "000000000000".into(),
        principal: "arn:aws:iam::000000000000:user/me".into(),
        request_id: None,
    };

    // Requests and responses are those of the KMS API.
    let request = json!({"CustomKeyStoreName": "store", "CloudHsmClusterId": CLUSTER,
        "TrustAnchorCertificate": TRUST_ANCHOR, "KeyStorePassword": password});
    let store = kms.create_custom_key_store(&me, &from_value(request)?)?.custom_key_store_id;
    kms.connect_custom_key_store(&me, &from_value(json!({"CustomKeyStoreId": store}))?)?;
    kms.run_tasks(); // connects; a service has threads for it: Kms::start_workers
    let request = json!({"Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store});
    let key = kms.create_key(&me, &from_value(request)?)?.key_metadata.arn;

    let context = json!({"order": "4711"});
    let request = json!({"KeyId": key, "Plaintext": "YXR0YWNrIGF0IGRhd24=", "EncryptionContext": context});
    let sealed = kms.encrypt(&me, &from_value(request)?)?.ciphertext_blob;
    let request = json!({"CiphertextBlob": sealed, "EncryptionContext": context});
    let opened = kms.decrypt(&me, &from_value(request)?)?;
    println!("{key}\n{}", String::from_utf8_lossy(&opened.plaintext.0));
    Ok(())
}

/// KMS on one slot, which stands for the two HSMs that a key store needs.
fn kms(module: Module, slot_id: u64) -> Result<Arc<Kms>, Box<dyn std::error::Error>> {
    let module = Arc::new(module);
    let hsm =
        |id: &str, zone: &str| ForeignHsm { hsm_id: id.into(), slot_id, availability_zone: zone.into() };
    let cluster = ForeignCluster {
        cluster_id: CLUSTER.into(),
        trust_anchor: TRUST_ANCHOR.into(),
        hsms: vec![hsm("hsm-2abcdefghij", "us-east-1a"), hsm("hsm-3abcdefghij", "us-east-1b")],
        user: "kmsuser".into(),
    };
    let clusters = ForeignClusters { pin: PinForm::Password, clusters: vec![cluster] };
    let parts = Parts {
        store: Arc::new(vhsm_store::Memory::new()), // or vhsm_store::open: a folder, or an etcd
        directory: Arc::new(ForeignDirectory::new(Arc::clone(&module), clusters, None)?),
        module,
        sealer: Arc::new(Seals(Aes256Gcm::new(&Key::<Aes256Gcm>::from(random::<32>()?)))),
        clock: Arc::new(SystemClock),
        xks: xks::Client::default(),
    };
    Ok(Arc::new(Kms::new(Settings::default(), parts)))
}

/// Seals what KMS keeps of its own, kmsuser's new password; here under a key that is gone with the program.
struct Seals(Aes256Gcm);

impl Sealer for Seals {
    fn seal(&self, purpose: &str, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, String> {
        let (iv, aad) = (random::<12>().map_err(|e| e.to_string())?, [purpose.as_bytes(), aad].concat());
        let sealed = self.0.encrypt(&Nonce::from(iv), Payload { msg: plain, aad: &aad });
        Ok([&iv[..], &sealed.map_err(|e| e.to_string())?].concat())
    }

    fn open(&self, purpose: &str, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (iv, sealed) = sealed.split_first_chunk::<12>()?;
        let aad = [purpose.as_bytes(), aad].concat();
        self.0.decrypt(&Nonce::from(*iv), Payload { msg: sealed, aad: &aad }).ok().map(Zeroizing::new)
    }
}

fn random<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}
