//! DeleteCustomKeyStore.

use super::*;
use crate::support::Kind;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn end(kms: &Kms, id: &str) {
    disconnect(kms, id).unwrap();
    kms.run_tasks();
}

#[test]
fn a_key_store_with_keys_stays() {
    let world = World::new(Kind::Vhsm);
    let id = connected_store(&world);
    let key = create_key(&world.kms, &id).unwrap();
    assert_exception(delete(&world.kms, &id), Exception::CustomKeyStoreInvalidState);
    end(&world.kms, &id);
    assert_exception(delete(&world.kms, &id), Exception::CustomKeyStoreHasCmks);

    connect(&world.kms, &id).unwrap();
    world.kms.run_tasks();
    let members = json!({ "KeyId": key, "PendingWindowInDays": 7 });
    world.kms.schedule_key_deletion(&caller(), &request(members)).unwrap();
    end(&world.kms, &id);
    // Keys that wait for their deletion count.
    assert_exception(delete(&world.kms, &id), Exception::CustomKeyStoreHasCmks);
    connect(&world.kms, &id).unwrap();
    world.kms.run_tasks();
    world.clock.advance(7 * DAY);
    world.kms.delete_due_keys();
    end(&world.kms, &id);
    delete(&world.kms, &id).unwrap();
    assert_exception(delete(&world.kms, &id), Exception::CustomKeyStoreNotFound);
    assert_exception(connect(&world.kms, &id), Exception::CustomKeyStoreNotFound);
}

#[test]
fn the_cluster_and_its_users_are_left_as_they_are() {
    let world = World::new(Kind::Vhsm);
    let id = store(&world);
    delete(&world.kms, &id).unwrap();
    assert!(opens(&world.hsms, PASSWORD));
    let again = store(&world);
    assert_ne!(again, id);
    connect(&world.kms, &again).unwrap();
    world.kms.run_tasks();
    assert_eq!(state(&world.kms, &again), "CONNECTED");
}

#[test]
fn no_key_comes_into_a_key_store_that_goes() {
    for _ in 0..10 {
        let world = World::new(Kind::Vhsm);
        let id = connected_store(&world);
        let made: Vec<_> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..3)
                .map(|_| scope.spawn(|| (0..5).filter(|_| create_key(&world.kms, &id).is_ok()).count()))
                .collect();
            end(&world.kms, &id);
            makers.into_iter().map(|maker| maker.join().unwrap()).collect()
        });
        let is_empty = made.iter().sum::<usize>() == 0;
        assert_eq!(delete(&world.kms, &id).is_ok(), is_empty, "{made:?}");
    }
}
