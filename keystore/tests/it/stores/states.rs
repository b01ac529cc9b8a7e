//! Every connection state and every operation on key stores.

use super::*;
use crate::support::Kind;
use std::fmt::Debug;

const STATES: [&str; 5] = ["DISCONNECTED", "CONNECTING", "CONNECTED", "FAILED", "DISCONNECTING"];

type Call = fn(&World, &str) -> Result<(), KmsError>;

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
const IN_USE: Option<Exception> = Some(Exception::CloudHsmClusterInUse);
/// With no more than the tasks that wait.
const STAY: [&str; 5] = ["DISCONNECTED", "CONNECTED", "CONNECTED", "FAILED USER_NOT_FOUND", "DISCONNECTED"];

fn nothing<T: Debug>(answer: Result<T, KmsError>) -> Result<(), KmsError> {
    answer.map(drop)
}

fn makes() -> Vec<Row> {
    vec![
        Row {
            name: "CreateCustomKeyStore as before",
            call: |world, _| nothing(create(&world.kms, members(world))),
            answers: [OK, NAME, NAME, NAME, NAME],
            then: STAY,
        },
        Row {
            name: "CreateCustomKeyStore of another name",
            call: |world, _| {
                let mut members = members(world);
                members["CustomKeyStoreName"] = json!("two");
                nothing(create(&world.kms, members))
            },
            answers: [IN_USE; 5],
            then: STAY,
        },
        Row {
            name: "DescribeCustomKeyStores",
            call: |world, id| {
                let members = json!({ "CustomKeyStoreId": id });
                nothing(world.kms.describe_custom_key_stores(&caller(), &request(members)))
            },
            answers: [OK; 5],
            then: STAY,
        },
    ]
}

fn updates() -> Vec<Row> {
    vec![
        Row {
            name: "UpdateCustomKeyStore: name",
            call: |world, id| update(&world.kms, id, "NewCustomKeyStoreName", "new"),
            answers: [OK, STATE, OK, STATE, STATE],
            then: STAY,
        },
        Row {
            name: "UpdateCustomKeyStore: password",
            call: |world, id| update(&world.kms, id, "KeyStorePassword", PASSWORD),
            answers: [OK, STATE, STATE, STATE, STATE],
            then: STAY,
        },
        Row {
            name: "UpdateCustomKeyStore: cluster",
            call: |world, id| update(&world.kms, id, "CloudHsmClusterId", CLUSTER),
            answers: [OK, STATE, STATE, STATE, STATE],
            then: STAY,
        },
    ]
}

fn connects() -> Vec<Row> {
    vec![
        Row {
            name: "DeleteCustomKeyStore",
            call: |world, id| delete(&world.kms, id),
            answers: [OK, STATE, STATE, STATE, STATE],
            then: ["gone", STAY[1], STAY[2], STAY[3], STAY[4]],
        },
        Row {
            name: "ConnectCustomKeyStore",
            call: |world, id| connect(&world.kms, id),
            answers: [OK, OK, OK, STATE, STATE],
            then: ["CONNECTED", "CONNECTED", "CONNECTED", STAY[3], STAY[4]],
        },
        Row {
            name: "DisconnectCustomKeyStore",
            call: |world, id| disconnect(&world.kms, id),
            answers: [STATE, OK, OK, OK, STATE],
            then: ["DISCONNECTED"; 5],
        },
        Row {
            name: "CreateKey",
            call: |world, id| create_key(&world.kms, id).map(drop),
            answers: [STATE, STATE, OK, STATE, STATE],
            then: STAY,
        },
        Row {
            name: "GenerateRandom",
            call: |world, id| random(&world.kms, id),
            answers: [STATE, STATE, OK, STATE, STATE],
            then: STAY,
        },
    ]
}

/// A key store in this state.
fn store_in(world: &World, wanted: &str) -> String {
    let id = store(world);
    match wanted {
        "DISCONNECTED" => {}
        "FAILED" => {
            let users = world.directory.facts.lock().unwrap().users.clone();
            world.directory.change(|facts| facts.users.clear());
            connect(&world.kms, &id).unwrap();
            world.kms.run_tasks();
            world.directory.change(|facts| facts.users = users);
        }
        _ => connect(&world.kms, &id).unwrap(),
    }
    if ["CONNECTED", "DISCONNECTING"].contains(&wanted) {
        world.kms.run_tasks();
    }
    if wanted == "DISCONNECTING" {
        disconnect(&world.kms, &id).unwrap();
    }
    assert!(state(&world.kms, &id).starts_with(wanted), "{wanted}");
    id
}

#[test]
fn every_operation_answers_in_every_state_as_it_should() {
    for row in makes().into_iter().chain(updates()).chain(connects()) {
        for ((wanted, expected), then) in STATES.into_iter().zip(row.answers).zip(row.then) {
            let world = World::new(Kind::SoftHsm);
            let id = store_in(&world, wanted);
            let answer = (row.call)(&world, &id).err().map(|error| error.exception);
            assert_eq!(answer, expected, "{} in state {wanted}", row.name);
            world.kms.run_tasks();
            let all = world.kms.describe_custom_key_stores(&caller(), &request(json!({}))).unwrap();
            let now = if all.custom_key_stores.is_empty() { "gone".into() } else { state(&world.kms, &id) };
            assert_eq!(now, then, "{} in state {wanted}", row.name);
        }
    }
}
