//! The states, and the steps that lead from one to the next.

use super::*;
use crate::cluster::tests::cluster_error;
use crate::cluster::{Holds, PasswordRules, Role};
use crate::error::CertificateError;

/// A step, as the table of steps has it.
type Step = fn(&Service, &ClusterDescription) -> Result<(), Error>;

const CREATE_HSM: Step = |service, cluster| service.create_hsm(&cluster.cluster_id, "us-east-1b").map(drop);
const INITIALIZE: Step = |service, cluster| service.initialize(&cluster.cluster_id).map(drop);
const ACTIVATE: Step = |service, cluster| service.activate(&cluster.cluster_id).map(drop);
const DELETE_HSM: Step = |service, cluster| {
    let hsm = cluster.hsms.first().map_or("hsm-aaaaaaaaaaa", |hsm| &hsm.hsm_id);
    service.delete_hsm(&cluster.cluster_id, hsm).map(drop)
};
const DELETE: Step = |service, cluster| service.plane().delete_cluster(&cluster.cluster_id).map(drop);
const CERTIFY: Step = |service, cluster| service.plane().certify(&cluster.cluster_id).map(drop);
const CHANGE_TYPE: Step = |service, cluster| {
    let (cluster_id, hsm_type) = (cluster.cluster_id.clone(), Some(HsmType::Hsm1Medium));
    service.plane().modify_cluster(&ModifyClusterRequest { cluster_id, hsm_type, retention: None }).map(drop)
};

/// What a step must answer: done, or the error that says why not.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Done,
    State,
    OneHsm,
    NoHsm,
    HsmsLeft,
    HsmNotFound,
    Certified,
    Input,
}

fn answer(done: Result<(), Error>) -> Answer {
    match done {
        Ok(()) => Answer::Done,
        Err(Error::Life(LifeError::State { .. })) => Answer::State,
        Err(Error::Life(LifeError::OneHsm(_))) => Answer::OneHsm,
        Err(Error::Life(LifeError::NoHsm(_))) => Answer::NoHsm,
        Err(Error::Life(LifeError::HsmsLeft { .. })) => Answer::HsmsLeft,
        Err(Error::Life(LifeError::Certified(_))) => Answer::Certified,
        Err(Error::Life(LifeError::Input { .. })) => Answer::Input,
        Err(Error::Cluster(ClusterError::HsmNotFound(_))) => Answer::HsmNotFound,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn every_step_in_every_state() {
    use Answer::*;
    // In the order of ALL: Empty, Requested, Initialized, Active, Deserted.
    let table: [(&str, Step, [Answer; 5]); 7] = [
        ("CreateHsm", CREATE_HSM, [Done, OneHsm, Done, Done, Done]),
        ("InitializeCluster", INITIALIZE, [NoHsm, Done, State, State, State]),
        ("activate", ACTIVATE, [State, State, Done, State, State]),
        ("DeleteHsm", DELETE_HSM, [HsmNotFound, Done, Done, Done, HsmNotFound]),
        ("DeleteCluster", DELETE, [Done, HsmsLeft, HsmsLeft, HsmsLeft, Done]),
        ("a change of HsmType", CHANGE_TYPE, [State, State, State, Input, Input]),
        ("certify", CERTIFY, [State, State, State, Certified, Certified]),
    ];
    for (name, step, answers) in table {
        for (at, wanted) in ALL.into_iter().zip(answers) {
            let service = Service::new();
            let cluster = service.at(at);
            let before = service.world.contents();
            assert_eq!(answer(step(&service, &cluster)), wanted, "{name} of a cluster at {at:?}");
            assert_eq!(
                service.world.contents() != before,
                wanted == Done,
                "{name} at {at:?} changed the store"
            );
        }
    }
}

#[test]
fn a_cluster_that_is_not_there_has_no_steps() {
    let service = Service::new();
    let gone = service.at(At::Empty);
    DELETE(&service, &gone).unwrap();
    for step in [CREATE_HSM, DELETE_HSM, DELETE, CERTIFY, CHANGE_TYPE, ACTIVATE] {
        let error = service.refused(|service| step(service, &gone));
        assert!(matches!(error, Error::Cluster(ClusterError::NotFound(_))), "{error}");
        assert_eq!(Exception::from(&error), Exception::ResourceNotFound);
    }
}

#[test]
fn states_and_certificates_follow_the_steps() {
    let service = Service::new();
    let seen = |at| {
        let cluster = service.at(at);
        let Certificates { cluster_csr, cluster_certificate } = cluster.certificates;
        let present = (cluster_csr.is_some(), cluster_certificate.is_some(), cluster.trust_anchor.is_some());
        (cluster.state.name(), cluster.hsms.len(), present)
    };
    assert_eq!(seen(At::Empty), ("UNINITIALIZED", 0, (false, false, false)));
    assert_eq!(seen(At::Requested), ("UNINITIALIZED", 1, (true, false, false)));
    assert_eq!(seen(At::Initialized), ("INITIALIZED", 1, (false, true, true)));
    assert_eq!(seen(At::Active), ("ACTIVE", 1, (false, true, true)));
    assert_eq!(seen(At::Deserted), ("ACTIVE", 0, (false, true, true)));
}

#[test]
fn a_deleted_first_hsm_takes_its_request_along() {
    let service = Service::new();
    let cluster = service.at(At::Requested);
    let id = &cluster.cluster_id;
    DELETE_HSM(&service, &cluster).unwrap();
    assert!(service.describe(id).certificates.cluster_csr.is_none());
    service.create_hsm(id, "us-east-1b").unwrap();
    let anew = service.describe(id).certificates.cluster_csr.unwrap();
    let old = cluster.certificates.cluster_csr.unwrap();
    assert_ne!(anew, old);
    let request = InitializeClusterRequest {
        cluster_id: id.clone(),
        signed_cert: ca().sign(&old),
        trust_anchor: ca().pem(),
    };
    let error = life(service.refused(|service| service.plane().initialize_cluster(&request)));
    assert!(matches!(error, LifeError::Certificate(CertificateError::OtherKey)), "{error}");
    service.initialize(id).unwrap();
}

#[test]
fn certificates_that_do_not_fit_change_nothing() {
    let service = Service::new();
    let cluster = service.at(At::Requested);
    let csr = cluster.certificates.cluster_csr.unwrap();
    let stranger = Ca::new("stranger", &ROOT);
    for (signed_cert, trust_anchor) in [
        (ca().sign(&csr), stranger.pem()),
        (stranger.sign(&csr), ca().pem()),
        (ca().pem(), ca().pem()),
        (csr.clone(), ca().pem()),
        (ca().sign(&csr), ca().sign(&csr)),
    ] {
        let request =
            InitializeClusterRequest { cluster_id: cluster.cluster_id.clone(), signed_cert, trust_anchor };
        let error = service.refused(|service| service.plane().initialize_cluster(&request));
        assert_eq!(Exception::from(&error), Exception::InvalidRequest);
        assert!(matches!(life(error), LifeError::Certificate(_)));
    }
    // Dates are looked at by the cluster's clock.
    service.world.pass(2 * 24 * 60 * 60);
    let error = life(service.refused(|service| service.initialize(&cluster.cluster_id)));
    assert!(
        matches!(error, LifeError::Certificate(CertificateError::Expired { what: "SignedCert", .. })),
        "{error}"
    );
}

#[test]
fn activation_makes_the_admin_who_makes_the_others() {
    let service = Service::new();
    let id = service.at(At::Initialized).cluster_id;
    let clusters = &service.world.clusters;
    let cluster = clusters.find(&id).unwrap();
    assert!(clusters.users(&cluster).unwrap().is_empty());
    assert!(matches!(
        cluster_error(clusters.login(&cluster, Role::Admin, ADMIN_PASSWORD)),
        ClusterError::NoUser
    ));
    let slots = |clusters: &Clusters| {
        let slots = clusters.slots().unwrap().1;
        slots.iter().filter(|slot| matches!(slot.holds, Holds::Token(_))).count()
    };
    assert_eq!(slots(clusters), 0);
    service.activate(&id).unwrap();
    assert_eq!(slots(clusters), 1);
    let cluster = clusters.find(&id).unwrap();
    let admin = service.world.admin(&cluster);
    assert_eq!((admin.user.name.as_str(), admin.user.role), ("admin", Role::Admin));
    clusters.verify(&cluster, &admin).unwrap();
    service.world.create_user(&cluster, &admin, "kmsuser", Role::CryptoUser);
    let user = service.world.user(&cluster);
    let rules = PasswordRules::Cluster;
    clusters.change_password(&cluster, &admin, "admin", b"another-password", rules).unwrap();
    clusters.verify(&cluster, &user).unwrap();
}

#[test]
fn the_label_is_given_at_the_beginning_at_activation_or_never() {
    let service = Service::new();
    let nameless = service.at(At::Active);
    assert_eq!(nameless.label, nameless.cluster_id);
    let named = service
        .plane()
        .create_cluster(&CreateClusterRequest { label: Some("one".into()), ..create_request() });
    assert_eq!(service.describe("one").cluster_id, named.unwrap().cluster_id);
    let id = service.at(At::Initialized).cluster_id;
    let activate = |label| {
        let request = ActivateRequest { cluster_id: &id, admin_password: ADMIN_PASSWORD, label: Some(label) };
        service.plane().activate(&request)
    };
    let long = "x".repeat(33);
    for (label, taken) in [("one", true), ("", false), (&long, false)] {
        let error = service.refused(|_| activate(label));
        assert_eq!(matches!(error, Error::Cluster(ClusterError::LabelTaken(_))), taken, "{error}");
    }
    assert_eq!(activate("two").unwrap().label, "two");
    let again = || {
        service
            .plane()
            .create_cluster(&CreateClusterRequest { label: Some("two".into()), ..create_request() })
    };
    assert!(matches!(service.refused(|_| again()), Error::Cluster(ClusterError::LabelTaken(_))));
}

#[test]
fn a_password_that_is_none_activates_nothing() {
    let service = Service::new();
    let id = service.at(At::Initialized).cluster_id;
    for password in [&b"short"[..], b"with:colon", &[b'x'; 33]] {
        let request = ActivateRequest { cluster_id: &id, admin_password: password, label: None };
        let error = service.refused(|service| service.plane().activate(&request));
        let expected =
            matches!(error, Error::Cluster(ClusterError::PinLength { .. } | ClusterError::PinCharacter(_)));
        assert!(expected, "{error}");
    }
}

#[test]
fn a_step_that_is_cut_off_did_not_happen() {
    let service = Service::new();
    let cluster = service.at(At::Initialized);
    let cut = service.world.killed_after(0, false);
    let settings = service.unauthorized().settings;
    let plane = ControlPlane::new(&cut, settings).with_root_key(&service.root_key);
    assert!(plane.delete_cluster(&service.at(At::Empty).cluster_id).is_err());
    let request = CreateHsmRequest {
        cluster_id: cluster.cluster_id.clone(),
        availability_zone: "us-east-1a".into(),
        ip_address: None,
    };
    assert!(plane.create_hsm(&request).is_err());
    assert_eq!(service.describe(&cluster.cluster_id).hsms.len(), 1);
    service.create_hsm(&cluster.cluster_id, "us-east-1a").unwrap();
}

#[test]
fn nobody_else_takes_a_step() {
    let service = Service::new();
    let cluster = service.at(At::Active);
    let other = RootKey::new(seal::random_key().unwrap());
    let stranger = || service.unauthorized().with_root_key(&other);
    let error = service.refused(|_| stranger().delete_cluster(&cluster.cluster_id));
    assert!(matches!(error, Error::Cluster(ClusterError::NoAuthority(_))), "{error}");
    assert_eq!(Exception::from(&error), Exception::AccessDenied);
    let error = service.refused(|service| service.unauthorized().delete_cluster(&cluster.cluster_id));
    assert!(matches!(error, Error::Life(LifeError::NobodyAsks)), "{error}");
    assert!(matches!(
        life(service.refused(|s| s.unauthorized().create_cluster(&create_request()))),
        LifeError::NobodyAsks
    ));

    let own = service.world.clusters.find(&cluster.cluster_id).unwrap();
    let admin = service.world.admin(&own);
    service.world.create_user(&own, &admin, "kmsuser", Role::CryptoUser);
    let user = service.world.user(&own);
    let error = service.refused(|service| service.unauthorized().with_admin(&user).delete_cluster(&own.name));
    assert!(matches!(error, Error::Cluster(ClusterError::LoginNeeded("admin"))), "{error}");
    let another = service.at(At::Active);
    let error = service.refused(|_| stranger().with_admin(&admin).certify(&another.cluster_id));
    assert_eq!(Exception::from(&error), Exception::AccessDenied);
    // The admin of the cluster itself, without any root key.
    let hsm = HsmName::HsmId(cluster.hsms[0].hsm_id.clone());
    let request = DeleteHsmRequest { cluster_id: own.name.clone(), hsm };
    service.unauthorized().with_admin(&admin).delete_hsm(&request).unwrap();
    service.unauthorized().with_admin(&admin).delete_cluster(&own.name).unwrap();
}

#[test]
fn a_whole_cluster_is_made_at_once_and_certified() {
    let service = Service::new();
    let request = WholeClusterRequest {
        label: "whole",
        hsms: 4,
        admin_password: ADMIN_PASSWORD,
        hsm_type: HsmType::Hsm1Medium,
        mode: Mode::Fips,
        places: None,
        retention: Some(Retention::days(7).unwrap()),
        tags: Vec::new(),
    };
    let made = service.plane().create_whole_cluster(&request).unwrap();
    assert_eq!((made.state, made.label.as_str(), made.retention.in_days()), (State::Active, "whole", 7));
    let zones: Vec<_> = made.hsms.iter().map(|hsm| hsm.availability_zone.as_str()).collect();
    assert_eq!(zones, ["us-east-1a", "us-east-1b", "us-east-1c", "us-east-1a"]);
    assert_eq!(made.subnets.len(), 3);
    assert!(made.certificates.cluster_csr.is_none() && made.certificates.cluster_certificate.is_some());
    assert!(made.trust_anchor.is_some() && made.state_message.is_none());
    let cluster = service.world.clusters.find("whole").unwrap();
    service.world.clusters.verify(&cluster, &service.world.admin(&cluster)).unwrap();
    let again = service.refused(|service| service.plane().create_whole_cluster(&request));
    assert!(matches!(again, Error::Cluster(ClusterError::LabelTaken(_))), "{again}");
    let other = WholeClusterRequest { label: "other", ..request };
    let other = service.plane().create_whole_cluster(&other).unwrap();
    assert_ne!(other.certificates, made.certificates);
}

#[test]
fn a_cluster_that_c_init_token_made_is_certified_by_its_admin() {
    let service = Service::new();
    let clusters = &service.world.clusters;
    clusters.init_token(0, ADMIN_PASSWORD, "token", NO_POLICY).unwrap();
    let cluster = clusters.find("token").unwrap();
    let before = service.describe("token");
    assert!(before.certificates.cluster_certificate.is_none());
    assert!(before.state_message.unwrap().contains("no certificate"));
    let error = service.refused(|service| service.plane().certify(&cluster.name));
    assert!(matches!(error, Error::Cluster(ClusterError::NoAuthority(_))), "{error}");
    let admin = service.world.admin(&cluster);
    let certified = service.plane().with_admin(&admin).certify(&cluster.name).unwrap();
    assert!(certified.certificates.cluster_certificate.is_some() && certified.state_message.is_none());
    // From then on the service acts on its own.
    service.create_hsm(&cluster.name, "eu-west-1a").unwrap();
    // Wiped, it is another cluster.
    clusters.init_token(0, ADMIN_PASSWORD, "token", NO_POLICY).unwrap();
    let wiped = service.describe("token");
    assert_eq!((wiped.certificates, wiped.trust_anchor), (Certificates::default(), None));
}
