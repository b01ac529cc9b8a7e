//! Several callers at once.

use super::*;
use std::sync::Barrier;
use std::thread;
use vhsm_keystore::Limits;

const CALLERS: usize = 8;
const ROLE: &str = "arn:aws:iam::000000000000:role/r";

/// What `ask` answers to so many callers at once, who have numbers.
fn at_once<T: Send>(ask: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(CALLERS);
    thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|number| {
                let (ask, start) = (&ask, &start);
                scope.spawn(move || {
                    start.wait();
                    ask(number)
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    })
}

#[track_caller]
fn assert_split(answers: &[Result<(), KmsError>], done: usize, others: Exception) {
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), done);
    let refused = answers.iter().filter_map(|answer| answer.as_ref().err());
    refused.for_each(|error| assert_eq!(error.exception, others, "{error}"));
}

#[test]
fn quotas_hold_against_callers_at_once() {
    let limits = Limits { aliases_per_key: 5, grants_per_key: 3, ..Limits::default() };
    let world = default_world(Settings { limits, ..Settings::default() });
    let (kms, key) = (&world.kms, default_key(&world.kms));
    let answers = at_once(
        |number| ask!(kms, create_alias, { "AliasName": format!("alias/{number}"), "TargetKeyId": key }),
    );
    assert_split(&answers, 5, Exception::LimitExceeded);
    let answers = at_once(|_| {
        ask!(kms, create_grant, { "KeyId": key, "GranteePrincipal": ROLE, "Operations": ["Encrypt"] })
            .map(drop)
    });
    assert_split(&answers, 3, Exception::LimitExceeded);
}

#[test]
fn a_name_is_given_once() {
    let world = default_world(Settings::default());
    let kms = &world.kms;
    let keys: Vec<_> = (0..CALLERS).map(|_| default_key(kms)).collect();
    let answers =
        at_once(|number| ask!(kms, create_alias, { "AliasName": "alias/a", "TargetKeyId": keys[number] }));
    assert_split(&answers, 1, Exception::AlreadyExists);
    let members =
        json!({ "KeyId": keys[0], "GranteePrincipal": ROLE, "Operations": ["Encrypt"], "Name": "n" });
    let mut grants = at_once(|_| ask!(kms, create_grant, members).unwrap().grant_id);
    grants.dedup();
    assert_eq!(grants.len(), 1);
    assert_eq!(ask!(kms, list_grants, { "KeyId": keys[0] }).unwrap().grants.len(), 1);
}

#[test]
fn nothing_is_hung_on_a_key_while_it_is_deleted() {
    let world = default_world(Settings::default());
    let kms = &world.kms;
    let before = content(&*world.store);
    let key = default_key(kms);
    ask!(kms, schedule_key_deletion, { "KeyId": key, "PendingWindowInDays": 7 }).unwrap();
    world.clock.advance(std::time::Duration::from_secs(7 * 24 * 60 * 60));
    at_once(|number| match number {
        0 | 1 => drop(kms.delete_due_keys()),
        // Cancelled or not: what was made then goes in the end.
        2 => drop(ask!(kms, cancel_key_deletion, { "KeyId": key })),
        3 | 4 => drop(
            ask!(kms, create_grant, { "KeyId": key, "GranteePrincipal": ROLE, "Operations": ["Encrypt"] }),
        ),
        _ => drop(ask!(kms, create_alias, { "AliasName": format!("alias/{number}"), "TargetKeyId": key })),
    });
    if let Ok(found) = describe_key(kms, &key) {
        assert_eq!(found.key_state, "Disabled");
        ask!(kms, schedule_key_deletion, { "KeyId": key, "PendingWindowInDays": 7 }).unwrap();
        world.clock.advance(std::time::Duration::from_secs(7 * 24 * 60 * 60));
    }
    kms.delete_due_keys();
    assert_eq!(content(&*world.store), before);
    assert_eq!(kms.orphans().unwrap(), []);
}
