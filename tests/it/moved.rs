//! A store that was moved to another place is refused, by those too that have it open.

use crate::support::*;
use cryptoki_sys::*;
use vhsm_store::{LmdbOptions, Place, StoreSpec};

#[test]
fn a_store_that_was_moved_answers_no_more() {
    let token = Token::new();
    expect("finalize", token.module.finalize(), CKR_OK);
    let home = token.module.home();
    let mut peer = Peer::start(home);
    assert_eq!(peer.ask(&format!("open {}", token.slot)), "ok");
    assert_eq!(peer.ask("login"), "ok");
    let key = peer.ask("generate kept");
    assert!(key.parse::<u64>().is_ok() && !peer.ask(&format!("encrypt {key}")).starts_with("CKR"));

    let spec = |folder: &str| StoreSpec::Embedded(LmdbOptions::new(home.join(folder)));
    let [from, to] =
        ["store", "elsewhere"].map(|folder| vhsm_store::open_in_any_state(&spec(folder)).expect("a store"));
    let (from_place, to_place) =
        (Place { store: &*from, name: "here" }, Place { store: &*to, name: "there" });
    vhsm_store::migrate(from_place, to_place, false, &mut |_, _, _| {}).expect("it moves");
    // Closed before the library opens it: one copy of the store's code at a time.
    drop((from, to));

    for request in [format!("encrypt {key}"), "find kept".into(), "generate more".into(), "find-all".into()] {
        assert_eq!(peer.ask(&request), "CKR_DEVICE_ERROR", "{request}");
    }
    expect("initialize", token.module.initialize(), CKR_DEVICE_ERROR);
    std::fs::write(home.join("vhsm.toml"), format!("store = {:?}\n", home.join("elsewhere")))
        .expect("a file");
    expect("initialize", token.module.initialize(), CKR_OK);
    let session = token.user();
    let found = session.find(&[(CKA_LABEL, b"kept")]).expect("a search");
    assert_eq!(found.iter().map(u64::to_string).collect::<Vec<_>>(), [key], "the same handle");
    expect("init", session.encrypt_init(Mechanism::plain(CKM_AES_ECB), found[0]), CKR_OK);
    session.encrypt(&[7; 16]).expect("encrypts");
}
