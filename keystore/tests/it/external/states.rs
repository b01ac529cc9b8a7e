//! Every connection state and every operation on external key stores.

use super::*;
use crate::stores::{connect, delete, random};

const STATES: [&str; 5] = ["DISCONNECTED", "CONNECTING", "CONNECTED", "FAILED", "DISCONNECTING"];

type Call = fn(&Bench, &str) -> Result<(), KmsError>;

/// What an operation answers in each of `STATES`; `None`: it succeeds.
struct Row {
    name: &'static str,
    call: Call,
    answers: [Option<Exception>; 5],
    /// The state that follows from each, after all tasks.
    then: [&'static str; 5],
}

const OK: Option<Exception> = None;
const STATE: Option<Exception> = Some(Exception::CustomKeyStoreInvalidState);
const NAME: Option<Exception> = Some(Exception::CustomKeyStoreNameInUse);
const IN_USE: Option<Exception> = Some(Exception::XksProxyUriInUse);
const NONE: Option<Exception> = Some(Exception::UnsupportedOperation);
/// With no more than the tasks that wait.
const STAY: [&str; 5] =
    ["DISCONNECTED", "CONNECTED", "CONNECTED", "FAILED XKS_PROXY_NOT_REACHABLE", "DISCONNECTED"];

/// UpdateCustomKeyStore
fn update(name: &'static str, call: Call, answers: [Option<Exception>; 5]) -> Row {
    Row { name, call, answers, then: STAY }
}

fn rows() -> Vec<Row> {
    let when_disconnected = [OK, STATE, STATE, STATE, STATE];
    let when_connected_too = [OK, STATE, OK, STATE, STATE];
    vec![
        Row {
            name: "CreateCustomKeyStore as before",
            call: |bench, _| bench.create(members()).map(drop),
            answers: [OK, NAME, NAME, NAME, NAME],
            then: STAY,
        },
        Row {
            name: "CreateCustomKeyStore of another name",
            call: |bench, _| {
                bench.create(changed(&members(), json!({ "CustomKeyStoreName": "two" }))).map(drop)
            },
            answers: [IN_USE; 5],
            then: STAY,
        },
        update(
            "the name",
            |bench, id| bench.update(id, json!({ "NewCustomKeyStoreName": "new" })),
            when_connected_too,
        ),
        update(
            "the path",
            |bench, id| bench.update(id, json!({ "XksProxyUriPath": PATH })),
            when_connected_too,
        ),
        update(
            "the credential",
            |bench, id| {
                let credential = credential(ACCESS_KEY_ID, SECRET);
                bench.update(id, json!({ "XksProxyAuthenticationCredential": credential }))
            },
            when_connected_too,
        ),
        update(
            "the endpoint",
            |bench, id| bench.update(id, json!({ "XksProxyUriEndpoint": format!("https://{OTHER_HOST}") })),
            when_disconnected,
        ),
        update(
            "the connectivity",
            |bench, id| bench.update(id, json!({ "XksProxyConnectivity": "PUBLIC_ENDPOINT" })),
            when_disconnected,
        ),
        update(
            "the name with the endpoint",
            |bench, id| {
                let endpoint = format!("https://{OTHER_HOST}");
                bench.update(id, json!({ "NewCustomKeyStoreName": "new", "XksProxyUriEndpoint": endpoint }))
            },
            when_disconnected,
        ),
        Row {
            name: "DeleteCustomKeyStore",
            call: |bench, id| delete(&bench.world.kms, id),
            answers: when_disconnected,
            then: ["gone", STAY[1], STAY[2], STAY[3], STAY[4]],
        },
        Row {
            name: "ConnectCustomKeyStore",
            call: |bench, id| connect(&bench.world.kms, id),
            answers: [OK, OK, OK, STATE, STATE],
            then: ["CONNECTED", "CONNECTED", "CONNECTED", STAY[3], STAY[4]],
        },
        Row {
            name: "DisconnectCustomKeyStore",
            call: |bench, id| disconnect(&bench.world.kms, id),
            answers: [STATE, OK, OK, OK, STATE],
            then: ["DISCONNECTED"; 5],
        },
        Row {
            name: "GenerateRandom",
            call: |bench, id| random(&bench.world.kms, id),
            answers: [NONE; 5],
            then: STAY,
        },
        Row {
            name: "DescribeCustomKeyStores",
            call: |bench, id| {
                describe(&bench.world.kms, id);
                Ok(())
            },
            answers: [OK; 5],
            then: STAY,
        },
    ]
}

/// A key store in this state.
fn store_in(bench: &Bench, wanted: &str) -> String {
    let id = bench.store();
    if wanted == "DISCONNECTED" {
        return id;
    }
    if wanted == "FAILED" {
        bench.proxy.set(Fault::AllUnavailable);
    }
    connect(&bench.world.kms, &id).unwrap();
    if wanted != "CONNECTING" {
        bench.world.kms.run_tasks();
    }
    if wanted == "DISCONNECTING" {
        disconnect(&bench.world.kms, &id).unwrap();
    }
    bench.proxy.heal();
    assert!(state(&bench.world.kms, &id).starts_with(wanted), "{wanted}");
    id
}

#[test]
fn every_operation_answers_in_every_state_as_it_should() {
    let bench = Bench::new();
    for row in rows() {
        for ((wanted, expected), then) in STATES.into_iter().zip(row.answers).zip(row.then) {
            let id = store_in(&bench, wanted);
            let answer = (row.call)(&bench, &id).err().map(|error| error.exception);
            assert_eq!(answer, expected, "{} in state {wanted}", row.name);
            bench.world.kms.run_tasks();
            let now = if bench.count() == 0 { "gone".into() } else { state(&bench.world.kms, &id) };
            assert_eq!(now, then, "{} in state {wanted}", row.name);
            if now == "gone" {
                continue;
            }
            if now != "DISCONNECTED" {
                bench.disconnect(&id);
            }
            delete(&bench.world.kms, &id).unwrap();
        }
    }
}
