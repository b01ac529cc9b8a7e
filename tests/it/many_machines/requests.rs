//! How often a call asks etcd: what is known is not asked again, and what must be asked is asked in few requests.

use super::etcd::Etcd;
use crate::support::*;
use cryptoki_sys::*;
use std::fs;

/// Requests for keys that etcd has taken, those of claims and commits among them.
fn requests(etcd: &Etcd) -> u64 {
    let of = |method: &str| {
        let labels = format!(r#"grpc_method="{method}",grpc_service="etcdserverpb.KV",grpc_type="unary""#);
        etcd.metric(0, &format!("grpc_server_started_total{{{labels}}}")) as u64
    };
    of("Range") + of("Txn")
}

#[test]
fn calls_ask_etcd_seldom() {
    let etcd = Etcd::one();
    let module = Module::loaded();
    // So seldom proven that no proof comes in between.
    let settings = format!("[store]\nurl = \"{}\"\nmax_stale_ms = 60000\n", etcd.url());
    fs::write(module.home().join("vhsm.toml"), settings).expect("a file");
    make_cluster(LABEL, 2);
    let count = |what: &str, most: u64, call: &mut dyn FnMut()| {
        let before = requests(&etcd);
        call();
        let asked = requests(&etcd) - before;
        println!("{what}: {asked}");
        assert!(asked <= most, "{what} asked {asked} times, {most} are enough");
    };
    count("C_Initialize", 8, &mut || expect("initialize", module.initialize(), CKR_OK));
    let slot = module.slots(true)[0];
    let session = module.open(slot, READ_WRITE).expect("a session");
    count("C_Login", 11, &mut || expect("login", session.login(CKU_USER, KMS_PIN), CKR_OK));
    let key = |label: &[u8]| {
        let handle = session.aes_key(&[(CKA_TOKEN, YES), (CKA_PRIVATE, YES), (CKA_LABEL, label)]);
        assert_ne!(handle, 0);
    };
    count("the first C_GenerateKey", 5, &mut || key(b"first"));
    count("C_GenerateKey", 1, &mut || key(b"second"));
    let find = || assert_eq!(session.find(&[(CKA_LABEL, b"second")]).expect("found").len(), 1);
    count("the first C_FindObjects", 3, &mut || find());
    count("C_FindObjects", 0, &mut || find());
    let handle = session.find(&[(CKA_LABEL, b"second")]).expect("found")[0];
    let encrypt = || {
        expect("init", session.encrypt_init(Mechanism::gcm(&[1; 12], &[], 128), handle), CKR_OK);
        session.encrypt(&[0; 32]).expect("encrypted");
    };
    count("a key's first use", 1, &mut || encrypt());
    count("a key's use", 0, &mut || (0..1000).for_each(|_| encrypt()));
    count("C_DestroyObject", 1, &mut || expect("destroy", session.destroy(handle), CKR_OK));
    count("C_Finalize", 3, &mut || expect("finalize", module.finalize(), CKR_OK));
}
