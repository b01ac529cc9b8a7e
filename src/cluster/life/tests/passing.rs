//! States that pass, made visible by a delay: told by the clock alone.

use super::*;

const DELAY_MS: u64 = 5000;

type Call = fn(&Service, &str) -> Result<(), Error>;

fn states(service: &Service, id: &str) -> (&'static str, Vec<&'static str>) {
    let shown = service.describe(id);
    (shown.state.name(), shown.hsms.iter().map(|hsm| hsm.status.name()).collect())
}

#[test]
fn each_step_is_seen_to_be_in_progress_and_then_done() {
    let service = Service::with_delay(DELAY_MS);
    let pass = || service.world.pass(DELAY_MS / 1000);
    let id = service.create().cluster_id;
    assert_eq!(states(&service, &id), ("CREATE_IN_PROGRESS", vec![]));
    pass();
    assert_eq!(states(&service, &id), ("UNINITIALIZED", vec![]));

    service.create_hsm(&id, "us-east-1a").unwrap();
    assert_eq!(states(&service, &id), ("UNINITIALIZED", vec!["CREATE_IN_PROGRESS"]));
    assert!(service.describe(&id).certificates.cluster_csr.is_none());
    assert!(matches!(life(service.refused(|service| service.initialize(&id))), LifeError::NoHsm(_)));
    pass();
    assert_eq!(states(&service, &id), ("UNINITIALIZED", vec!["ACTIVE"]));

    assert_eq!(service.initialize(&id).unwrap().state, State::InitializeInProgress);
    assert_eq!(states(&service, &id), ("INITIALIZE_IN_PROGRESS", vec!["ACTIVE"]));
    assert!(matches!(life(service.refused(|service| service.activate(&id))), LifeError::State { .. }));
    pass();
    assert_eq!(states(&service, &id), ("INITIALIZED", vec!["ACTIVE"]));
    assert_eq!(service.activate(&id).unwrap().state, State::Active);

    let second = service.create_hsm(&id, "us-east-1b").unwrap();
    assert_eq!(states(&service, &id), ("ACTIVE", vec!["ACTIVE", "CREATE_IN_PROGRESS"]));
    pass();
    service.delete_hsm(&id, &second.hsm_id).unwrap();
    assert_eq!(states(&service, &id), ("ACTIVE", vec!["ACTIVE", "DELETE_IN_PROGRESS"]));
    let again = service.refused(|service| service.delete_hsm(&id, &second.hsm_id));
    assert!(matches!(again, Error::Cluster(ClusterError::HsmNotFound(_))), "{again}");
    pass();
    assert_eq!(states(&service, &id), ("ACTIVE", vec!["ACTIVE"]));
}

#[test]
fn a_deleted_cluster_is_seen_to_be_deleted_and_then_gone() {
    let service = Service::with_delay(DELAY_MS);
    let pass = || service.world.pass(DELAY_MS / 1000);
    let id = service.create().cluster_id;
    pass();
    let deleted = service.plane().delete_cluster(&id).unwrap();
    assert_eq!(deleted.state, State::DeleteInProgress);
    assert_eq!(states(&service, &id), ("DELETE_IN_PROGRESS", vec![]));
    let seen = |states: &[&str]| {
        let states = states.iter().map(|state| (*state).to_owned()).collect();
        let request = DescribeClustersRequest { states, ..DescribeClustersRequest::default() };
        service.unauthorized().describe_clusters(&request).unwrap().clusters.len()
    };
    assert_eq!((seen(&[]), seen(&["DELETE_IN_PROGRESS"]), seen(&["UNINITIALIZED"])), (1, 1, 0));
    // It is gone all the same.
    assert!(service.world.clusters.list().unwrap().is_empty());
    let error = service.refused(|service| service.plane().delete_cluster(&id));
    assert!(matches!(error, Error::Cluster(ClusterError::NotFound(_))), "{error}");
    pass();
    assert_eq!(seen(&[]), 0);
    let error = service.unauthorized().describe_cluster(&id).unwrap_err();
    assert!(matches!(error, Error::Cluster(ClusterError::NotFound(_))), "{error}");
    // The next deletion drops what is left of it.
    let other = service.create().cluster_id;
    pass();
    service.plane().delete_cluster(&other).unwrap();
    let left = service.world.contents().into_keys().filter(|key| key[0] == 0x0e).count();
    assert_eq!(left, 1);
}

#[test]
fn nothing_is_done_to_a_cluster_whose_creation_is_still_seen() {
    let service = Service::with_delay(DELAY_MS);
    let id = service.create().cluster_id;
    let calls: [Call; 4] = [
        |service, id| service.create_hsm(id, "us-east-1a").map(drop),
        |service, id| service.plane().delete_cluster(id).map(drop),
        |service, id| service.activate(id).map(drop),
        |service, id| service.initialize(id).map(drop),
    ];
    for call in calls {
        let error = life(service.refused(|service| call(service, &id)));
        assert!(matches!(error, LifeError::State { state: "CREATE_IN_PROGRESS", .. }), "{error}");
    }
}

#[test]
fn a_change_of_type_is_seen_and_can_be_taken_back_for_a_day() {
    let service = Service::with_delay(DELAY_MS);
    let request = CreateClusterRequest { hsm_type: HsmType::Hsm1Medium, ..create_request() };
    let id = service.plane().create_cluster(&request).unwrap().cluster_id;
    let pass = |seconds| service.world.pass(seconds);
    pass(5);
    service.create_hsm(&id, "us-east-1a").unwrap();
    pass(5);
    service.initialize(&id).unwrap();
    pass(5);
    service.activate(&id).unwrap();
    let modify = |hsm_type| {
        let request =
            ModifyClusterRequest { cluster_id: id.clone(), hsm_type: Some(hsm_type), retention: None };
        service.plane().modify_cluster(&request)
    };
    let refused = |hsm_type| life(service.refused(|_| modify(hsm_type)));

    assert!(matches!(refused(HsmType::Hsm1Medium), LifeError::Input { field: "HsmType", .. }));
    let changed = modify(HsmType::Hsm2mMedium).unwrap();
    assert_eq!((changed.state, changed.hsm_type), (State::ModifyInProgress, HsmType::Hsm2mMedium));
    let day_ms = 24 * 60 * 60 * 1000;
    let now = service.world.clock.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(changed.rollback_until_ms, Some(now + day_ms));
    assert!(matches!(refused(HsmType::Hsm1Medium), LifeError::State { state: "MODIFY_IN_PROGRESS", .. }));
    pass(5);
    let back = modify(HsmType::Hsm1Medium).unwrap();
    assert_eq!(
        (back.state, back.hsm_type, back.rollback_until_ms),
        (State::RollbackInProgress, HsmType::Hsm1Medium, None)
    );
    pass(5);
    modify(HsmType::Hsm2mMedium).unwrap();
    pass(24 * 60 * 60);
    assert!(matches!(refused(HsmType::Hsm1Medium), LifeError::Input { field: "HsmType", .. }));
    assert_eq!(service.describe(&id).rollback_until_ms, None);
}

#[test]
fn without_a_delay_nothing_passes() {
    let service = Service::new();
    let id = service.create().cluster_id;
    assert_eq!(states(&service, &id), ("UNINITIALIZED", vec![]));
    assert_eq!(service.create_hsm(&id, "us-east-1a").unwrap().status, HsmStatus::Active);
    assert_eq!(service.initialize(&id).unwrap().state, State::Initialized);
    assert_eq!(service.activate(&id).unwrap().state, State::Active);
}

#[test]
fn a_clock_that_is_set_back_holds_nothing_up() {
    let service = Service::with_delay(DELAY_MS);
    let id = service.create().cluster_id;
    service.world.clock.store(1000, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(states(&service, &id), ("UNINITIALIZED", vec![]));
}
