//! Operations on keys of external key stores in every state: the columns of the table for keys of custom key stores.

use super::*;
use crate::states::{State, expect, rows};
use crate::support::Kind;
use crate::support::Scene;

#[test]
fn every_operation_in_every_state() {
    for state in State::ALL {
        let (scene, proxy) = Scene::with_external(Kind::SoftHsm);
        let mut ready = Vec::new();
        for (number, (operation, custom, _)) in rows().into_iter().enumerate() {
            let external = format!("external-{number}");
            proxy.keys().put(&external, Key::default());
            let key = scene.external_key(&external);
            let request = crate::support::request_for(&scene, operation, &key);
            state.bring_about(&scene, &key);
            ready.push((operation, key, request, custom[state.column()]));
        }
        if state.is_disconnected() {
            scene.disconnect(scene.external.as_deref().unwrap());
        }
        for (operation, key, request, rule) in ready {
            let metadata = scene.ok("DescribeKey", json!({ "KeyId": key }));
            assert_eq!(metadata["KeyMetadata"]["KeyState"], state.name(), "{state:?}");
            let what = format!("{operation} in {state:?} (EXTERNAL_KEY_STORE)");
            expect(scene.call(operation, request), rule, &scene.arn(&key), &what);
        }
    }
}
