//! Groups: how they begin, which HSMs they have, and how they pass from one configuration to the next.

use super::scene::{encrypt, wait_for};
use super::*;
use crate::xks_proxy::health::Prober;
use cryptoki::object::Attribute;
use vhsm_pkcs11::cluster::HsmState;

/// How many sessions the first HSM has.
fn sessions(scene: &Scene) -> u64 {
    scene.pkcs11.get_token_info(scene.slots()[0]).unwrap().session_count().unwrap()
}

/// SoftHSM does not tell how many sessions there are.
#[test]
fn an_equal_group_is_taken_over_as_it_is() {
    let scene = Scene::new(Kind::Vhsm);
    let settings = scene.settings_of_one();
    let first = scene.active(settings.clone());
    scene.key("one");
    let (operations, open) = (first.status()[0].operations, sessions(&scene));
    let other = HsmGroupSettings { name: "other".into(), workers: 1, ..settings.clone() };
    let second =
        Hsms::start(&[other, settings.clone()], Some(&first)).unwrap_or_else(|failure| panic!("{failure}"));
    // The second configuration goes on with what the first one has, whoever holds that.
    drop(first);
    wait_for("the other group", || {
        second.probe();
        second.status().iter().all(|hsm| hsm.health == HealthStatus::Active)
    });
    let status = second.status();
    assert_eq!(status.iter().map(|hsm| hsm.group.as_str()).collect::<Vec<_>>(), ["other", "hsms"]);
    assert!(status[1].operations > operations);
    wait_for("one more session", || sessions(&scene) == open + 1);
    for group in [0, 1] {
        let done = scene.block_on(second.run(&[group], "one", encrypt(b"", b""), Instant::now() + LONG));
        assert!(done.outcome.is_ok());
        assert_eq!(done.hsm, Some(second.status()[group].id.clone()));
    }
    // Other settings are another group. What is named no more ends when nobody holds it.
    let changed = HsmGroupSettings { workers: 2, ..settings };
    let third = Hsms::start(&[changed], Some(&second)).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(third.status()[0].operations, 0);
    drop(second);
    wait_for("two sessions", || sessions(&scene) == 2);
    assert!(scene.encrypt(&third, "one", b"", b"").is_ok());
    third.stop();
    assert_eq!(sessions(&scene), 0);
    assert!(matches!(scene.encrypt(&third, "one", b"", b"").map(drop), Err(HsmFailure::Unavailable(_))));
}

fn the_first_group_that_works_is_preferred(kind: Kind) {
    let scene = Scene::new(kind);
    let slots = scene.slots();
    let of = |name: &str, slot: usize| HsmGroupSettings {
        name: name.into(),
        tokens: TokenChoice::Slots(vec![slots[slot].id()]),
        ..scene.settings()
    };
    let nowhere = HsmGroupSettings { tokens: TokenChoice::Label("nowhere".into()), ..of("nowhere", 0) };
    let groups = [of("a", 0), of("b", 1), nowhere];
    let hsms = Hsms::start(&groups, None).unwrap_or_else(|failure| panic!("{failure}"));
    wait_for("both work", || hsms.status()[..2].iter().all(|hsm| hsm.sessions == 4));
    scene.key("one");
    let run = |groups: &[usize], key: &str| {
        scene.block_on(hsms.run(groups, key, encrypt(b"", b""), Instant::now() + LONG))
    };
    for (groups, expected) in [(&[0, 1][..], "a/"), (&[1, 0], "b/"), (&[2, 1, 0], "b/"), (&[0], "a/")] {
        for _ in 0..20 {
            let done = run(groups, "one");
            assert!(done.outcome.is_ok());
            assert!(done.hsm.as_ref().unwrap().starts_with(expected), "{groups:?}: {:?}", done.hsm);
        }
    }
    assert_eq!(run(&[0, 1], "none").outcome.map(drop), Err(HsmFailure::NoKey));
    let unknown = run(&[0, 2], "none").outcome.map(drop);
    assert!(matches!(&unknown, Err(HsmFailure::Unavailable(why)) if why.contains("nowhere")), "{unknown:?}");
    assert!(matches!(run(&[], "one").outcome.map(drop), Err(HsmFailure::Unavailable(_))));
    let status = hsms.status_of(&[2]);
    assert_eq!((status.len(), status[0].health), (1, HealthStatus::Unavailable));
    assert!(status[0].trouble.contains("no token with the label \"nowhere\""), "{status:?}");
    if kind == Kind::Vhsm {
        scene.set(0, HsmState::Failed);
        for _ in 0..20 {
            let done = run(&[0, 1], "one");
            assert!(done.outcome.is_ok() && done.hsm.as_ref().unwrap().starts_with("b/"));
        }
    }
}

#[test]
fn work_is_spread_over_the_hsms_of_a_group() {
    let scene = Scene::new(Kind::Vhsm);
    let hsms = scene.active(scene.settings());
    scene.key("one");
    let before: Vec<_> = hsms.status().iter().map(|hsm| hsm.operations).collect();
    (0..100).for_each(|_| drop(scene.encrypt(&hsms, "one", b"", b"").unwrap()));
    let spread: Vec<_> =
        hsms.status().iter().zip(before).map(|(hsm, before)| hsm.operations - before).collect();
    assert_eq!(spread.iter().sum::<u64>(), 100);
    assert!(spread.iter().all(|count| *count >= 20), "{spread:?}");
}

/// SoftHSM looks for tokens in C_Initialize alone.
#[test]
fn a_token_that_appears_later_is_found() {
    let scene = Scene::new(Kind::Vhsm);
    let settings = HsmGroupSettings { tokens: TokenChoice::Label("later".into()), ..scene.settings() };
    let hsms = scene.start(settings);
    assert_eq!(hsms.status()[0].health, HealthStatus::Unavailable);
    scene.make_cluster("later");
    wait_for("the later token", || {
        hsms.probe();
        let status = hsms.status();
        status.len() == 2 && status.iter().all(|hsm| hsm.health == HealthStatus::Active)
    });
}

fn a_wrong_pin_is_tried_once(kind: Kind) {
    let scene = Scene::new(kind);
    let settings =
        HsmGroupSettings { pin: Zeroizing::new(b"kmsuser:wrong1234".to_vec()), ..scene.settings() };
    let hsms = scene.start(settings.clone());
    let told = |hsms: &Hsms| hsms.status().iter().all(|hsm| hsm.trouble.contains("password is wrong"));
    wait_for("the PIN is refused", || told(&hsms));
    assert!(hsms.status().iter().all(|hsm| hsm.health == HealthStatus::Unavailable));
    let begun = Instant::now();
    let done = scene.block_on(hsms.run(&[0], "one", encrypt(b"", b""), begun + LONG));
    assert!(matches!(done.outcome.map(drop), Err(HsmFailure::Unavailable(_))));
    assert!(begun.elapsed() < LONG / 2);
    // Once more by each reload. Of five wrong ones the user of the cluster would be locked.
    std::thread::sleep(Duration::from_secs(2));
    let again = Hsms::start(&[settings], Some(&hsms)).unwrap_or_else(|failure| panic!("{failure}"));
    wait_for("the PIN is refused again", || told(&again));
    again.stop();
    scene.active(scene.settings());
}

fn one_probe_key_is_made_where_hsms_share_their_keys(kind: Kind) {
    let scene = Scene::new(kind);
    let hsms = scene.active(scene.settings());
    (0..3).for_each(|_| hsms.probe());
    for slot in scene.slots() {
        let session = scene.session(slot);
        let keys = session.find_objects(&[Attribute::Label("probe".into())]).unwrap();
        assert_eq!(keys.len(), 1);
    }
    assert!(hsms.is_probe(&[0], "probe") && !hsms.is_probe(&[0], "one") && !hsms.is_probe(&[1], "probe"));
}

fn without_a_probe_key_it_is_told_that_nothing_is_known(kind: Kind) {
    let scene = Scene::new(kind);
    let hsms = scene.start(HsmGroupSettings { make_probe_key: false, ..scene.settings_of_one() });
    wait_for("the probe", || {
        hsms.probe();
        let status = &hsms.status()[0];
        status.health == HealthStatus::Degraded
            && status.trouble.contains("no AES key with the label \"probe\"")
    });
    scene.key("probe");
    hsms.probe();
    assert_eq!(hsms.status()[0].health, HealthStatus::Active, "{:?}", hsms.status());
}

#[test]
fn a_login_that_hangs_keeps_nobody_from_starting() {
    let scene = Scene::new(Kind::Vhsm);
    let hsm = scene.name(0);
    scene.plan(&format!("[[fault]]\nhsm = [{hsm:?}]\nfunction = [\"C_Login\"]\nlatency_ms = 20000\n"));
    let begun = Instant::now();
    let hsms = scene.start(scene.settings());
    scene.key_at(1, "one");
    assert!(scene.encrypt(&hsms, "one", b"", b"").is_ok());
    hsms.probe();
    let health: Vec<_> = hsms.status().iter().map(|hsm| hsm.health).collect();
    assert_eq!(health, [HealthStatus::Unavailable, HealthStatus::Active], "{:?}", hsms.status());
    assert!(begun.elapsed() < Duration::from_secs(15));
    // With that HSM alone requests wait at first, and then no more.
    let settings = HsmGroupSettings { name: "alone".into(), ..scene.settings_of_one() };
    let hsms = scene.start(settings);
    wait_for("it is known to hang", || {
        let begun = Instant::now();
        let done = scene.block_on(hsms.run(&[0], "one", encrypt(b"", b""), begun + Duration::from_secs(2)));
        match done.outcome.map(drop) {
            Err(HsmFailure::Unavailable(_)) => begun.elapsed() < Duration::from_secs(1),
            Err(HsmFailure::Busy) => false,
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_module_that_is_none_is_told_at_start() {
    for path in ["/nowhere/at/all.so", "/etc/hostname"] {
        let settings = HsmGroupSettings {
            name: "hsms".into(),
            module: ModuleChoice::File(path.into()),
            tokens: TokenChoice::Slots(vec![0]),
            pin: Zeroizing::default(),
            workers: 1,
            queue: 1,
            iv: IvSource::Proxy,
            named_by: KeyName::Label,
            probe_label: "probe".into(),
            make_probe_key: false,
        };
        let failure = Hsms::start(&[settings], None).err().map(|failure| failure.to_string());
        assert!(failure.as_ref().is_some_and(|text| text.contains(path)), "{failure:?}");
    }
}

#[test]
fn the_prober_tells_of_hsms_that_go_and_come_back() {
    let scene = Scene::new(Kind::Vhsm);
    scene.key("one");
    let hsms = scene.start(scene.settings());
    let own = Arc::clone(&hsms);
    let prober = Prober::start(Duration::from_secs(60), move || Arc::clone(&own)).unwrap();
    let becomes = |expected: [HealthStatus; 2]| {
        wait_for("its health", || {
            let mut status = hsms.status();
            status.sort_by(|a, b| a.id.cmp(&b.id));
            status.iter().map(|hsm| hsm.health).eq(expected)
        });
    };
    becomes([HealthStatus::Active; 2]);
    (0..2).for_each(|hsm| scene.set(hsm, HsmState::Failed));
    // Nothing is asked of them before the next probe: a request finds it out.
    wait_for("a request", || scene.encrypt(&hsms, "one", b"", b"").is_err());
    becomes([HealthStatus::Unavailable; 2]);
    (0..2).for_each(|hsm| scene.set(hsm, HsmState::Active));
    becomes([HealthStatus::Active; 2]);
    drop(prober);
    wait_for("its end", || Arc::strong_count(&hsms) == 1);
}

on_every_module! {
    the_first_group_that_works_is_preferred,
    a_wrong_pin_is_tried_once,
    one_probe_key_is_made_where_hsms_share_their_keys,
    without_a_probe_key_it_is_told_that_nothing_is_known,
}
