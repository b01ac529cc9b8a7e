//! HSMs that fail or hang, and come back.

use super::scene::{encrypt, wait_for};
use super::*;
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use vhsm_pkcs11::cluster::HsmState;

/// A request's time, as KMS's 250 ms leave it.
const TIME: Duration = Duration::from_millis(230);

/// Does this many encryptions, so many at once, each with so much time; answers how many ended how, and that none took too long.
fn load(
    scene: &Scene,
    hsms: &Arc<Hsms>,
    count: usize,
    at_once: usize,
    time: Duration,
) -> HashMap<String, usize> {
    let left = Arc::new(AtomicUsize::new(count));
    scene.block_on(async {
        let mut tasks = Vec::new();
        for _ in 0..at_once {
            let (hsms, left) = (Arc::clone(hsms), Arc::clone(&left));
            tasks.push(tokio::spawn(async move {
                let mut ends = HashMap::<String, usize>::new();
                while left
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                    .is_ok()
                {
                    let begun = Instant::now();
                    let done = hsms.run(&[0], "one", encrypt(b"plaintext", b"aad"), begun + time).await;
                    let took = begun.elapsed();
                    assert!(took < time + Duration::from_millis(400), "took {took:?}");
                    let end = match done.outcome {
                        Ok(_) => "ok".into(),
                        Err(failure) => {
                            format!("{failure:?}").split('(').next().unwrap_or_default().to_owned()
                        }
                    };
                    *ends.entry(end).or_default() += 1;
                }
                ends
            }));
        }
        let mut all = HashMap::<String, usize>::new();
        for task in tasks {
            for (end, count) in task.await.unwrap() {
                *all.entry(end).or_default() += count;
            }
        }
        all
    })
}

fn health(hsms: &Hsms) -> Vec<HealthStatus> {
    let mut status = hsms.status();
    status.sort_by(|a, b| a.id.cmp(&b.id));
    status.iter().map(|hsm| hsm.health).collect()
}

#[track_caller]
fn all_become_active(hsms: &Hsms) {
    wait_for("all HSMs are active", || {
        hsms.probe();
        health(hsms).iter().all(|health| *health == HealthStatus::Active)
    });
    assert!(hsms.status().iter().all(|hsm| hsm.hanging == 0 && hsm.trouble.is_empty()));
}

#[test]
fn an_hsm_whose_calls_fail_is_not_noticed_beside_another() {
    let scene = Scene::new(Kind::Vhsm);
    let hsms = scene.active(scene.settings());
    scene.key("one");
    for error in
        ["CKR_DEVICE_ERROR", "CKR_SESSION_HANDLE_INVALID", "CKR_FUNCTION_FAILED", "CKR_USER_NOT_LOGGED_IN"]
    {
        for function in ["C_Encrypt", "C_EncryptInit", "*"] {
            let hsm = scene.name(0);
            scene
                .plan(&format!("[[fault]]\nhsm = [{hsm:?}]\nfunction = [{function:?}]\nerror = {error:?}\n"));
            let ends = load(&scene, &hsms, 400, 8, LONG);
            assert_eq!(ends, HashMap::from([("ok".into(), 400)]), "{error} of {function}");
            assert!(health(&hsms).contains(&HealthStatus::Active), "{:?}", hsms.status());
            hsms.probe();
            let status = hsms.status();
            let bad = status.iter().find(|status| status.id.ends_with(&hsm)).unwrap();
            assert_ne!(bad.health, HealthStatus::Active, "{error} of {function}: {bad:?}");
            scene.plan("");
            all_become_active(&hsms);
        }
    }
}

#[test]
fn hsms_that_are_lost_and_come_back_are_not_noticed_while_one_works() {
    let scene = Scene::new(Kind::Vhsm);
    let hsms = scene.active(scene.settings());
    scene.key("one");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let failing = scope.spawn(|| {
            for turns in 0..20 {
                let hsm = turns % 2;
                scene.set(hsm, HsmState::Failed);
                std::thread::sleep(Duration::from_millis(20));
                scene.set(hsm, HsmState::Active);
                // The other one may not go before this one is back.
                wait_for("both work", || {
                    health(&hsms).iter().all(|health| *health != HealthStatus::Unavailable)
                });
            }
            is_over.store(true, Ordering::SeqCst);
        });
        let mut count = 0;
        while !is_over.load(Ordering::SeqCst) {
            let ends = load(&scene, &hsms, 1000, 8, LONG);
            assert_eq!(ends, HashMap::from([("ok".into(), 1000)]));
            count += 1;
        }
        failing.join().unwrap();
        assert!(count > 2);
    });
    (0..2).for_each(|hsm| scene.set(hsm, HsmState::Failed));
    let ends = load(&scene, &hsms, 50, 4, TIME);
    assert_eq!(ends, HashMap::from([("Unavailable".into(), 50)]));
    wait_for("none serves", || health(&hsms) == [HealthStatus::Unavailable; 2]);
    (0..2).for_each(|hsm| scene.set(hsm, HsmState::Active));
    all_become_active(&hsms);
    assert_eq!(load(&scene, &hsms, 50, 4, LONG), HashMap::from([("ok".into(), 50)]));
}

#[test]
fn beside_an_hsm_that_hangs_every_request_succeeds_in_time() {
    let scene = Scene::new(Kind::Vhsm);
    let hsms = scene.active(scene.settings());
    scene.key("one");
    load(&scene, &hsms, 100, 4, LONG);
    let hsm = scene.name(1);
    scene.plan(&format!("[[fault]]\nhsm = [{hsm:?}]\nlatency_ms = 5000\n"));
    // The clock of a busy machine needs more than the 230 ms of real requests.
    let time = Duration::from_secs(2);
    let ends = load(&scene, &hsms, 2_000, 16, time);
    assert_eq!(ends, HashMap::from([("ok".into(), 2_000)]));
    let status = hsms.status();
    let bad = status.iter().find(|status| status.id.ends_with(&hsm)).unwrap();
    assert!(bad.hanging <= 4 && bad.sessions <= 4, "{bad:?}");
    hsms.probe();
    assert!(health(&hsms).contains(&HealthStatus::Active));
    assert_ne!(health(&hsms), [HealthStatus::Active; 2]);
    scene.plan("");
    all_become_active(&hsms);
    assert_eq!(load(&scene, &hsms, 100, 4, LONG), HashMap::from([("ok".into(), 100)]));
}

#[test]
fn where_all_hsms_hang_requests_end_in_time_and_work_when_they_answer_again() {
    let scene = Scene::new(Kind::Vhsm);
    let hsms = scene.active(scene.settings_of_one());
    scene.key("one");
    load(&scene, &hsms, 100, 4, LONG);
    scene.plan("[[fault]]\nfunction = [\"C_Encrypt\"]\nlatency_ms = 4000\n");
    let ends = load(&scene, &hsms, 200, 20, TIME);
    assert_eq!(ends["TimedOut"], 4, "{ends:?}");
    assert_eq!(ends.values().sum::<usize>(), 200, "{ends:?}");
    assert!(ends.keys().all(|end| ["TimedOut", "Busy", "Unavailable"].contains(&end.as_str())), "{ends:?}");
    let status = &hsms.status()[0];
    assert_eq!((status.hanging, status.health), (4, HealthStatus::Unavailable), "{status:?}");
    // Then it is known at once.
    let begun = Instant::now();
    let done = scene.block_on(hsms.run(&[0], "one", encrypt(b"", b""), begun + LONG));
    assert!(matches!(done.outcome.map(drop), Err(HsmFailure::Unavailable(_))));
    assert!(begun.elapsed() < Duration::from_secs(1));
    // So is a probe.
    hsms.probe();
    assert!(begun.elapsed() < Duration::from_secs(2));
    scene.plan("");
    all_become_active(&hsms);
    assert_eq!(load(&scene, &hsms, 100, 4, LONG), HashMap::from([("ok".into(), 100)]));
    assert_eq!(hsms.status()[0].sessions, 4);
}

#[test]
fn more_than_hsms_can_do_is_refused_early() {
    let scene = Scene::new(Kind::Vhsm);
    let settings = HsmGroupSettings { workers: 1, queue: 1000, ..scene.settings_of_one() };
    let hsms = scene.active(settings);
    scene.key("one");
    scene.plan("[[fault]]\nfunction = [\"C_Encrypt\"]\nlatency_ms = 10\n");
    load(&scene, &hsms, 50, 1, LONG);
    // A call of C_Encrypt tells the length first: 20 ms each. Of 500 that have a second, 50 can be done.
    let begun = Instant::now();
    let early = AtomicUsize::new(0);
    let ends = scene.block_on(async {
        let requests = (0..500).map(|_| async {
            let done = hsms.run(&[0], "one", encrypt(b"", b""), begun + Duration::from_secs(1)).await;
            let is_busy = matches!(done.outcome, Err(HsmFailure::Busy));
            early.fetch_add(
                usize::from(is_busy && begun.elapsed() < Duration::from_millis(700)),
                Ordering::SeqCst,
            );
            done.outcome.is_ok()
        });
        let mut set = Vec::new();
        for request in requests {
            set.push(Box::pin(request));
        }
        join(set).await
    });
    let done = ends.iter().filter(|ok| **ok).count();
    assert!((5..=60).contains(&done), "{done} were done");
    assert!(early.load(Ordering::SeqCst) > 300, "{early:?} were refused early");
}

async fn join<F: Future<Output = bool> + Unpin>(mut futures: Vec<F>) -> Vec<bool> {
    let mut ends = Vec::new();
    std::future::poll_fn(|context| {
        futures.retain_mut(|future| match std::pin::Pin::new(future).poll(context) {
            std::task::Poll::Ready(end) => {
                ends.push(end);
                false
            }
            std::task::Poll::Pending => true,
        });
        if futures.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    ends
}

#[test]
fn sessions_do_not_grow_whatever_fails() {
    let scene = Scene::new(Kind::Vhsm);
    let hsms = scene.active(scene.settings());
    scene.key("one");
    let codes = [
        "CKR_DEVICE_ERROR",
        "CKR_SESSION_HANDLE_INVALID",
        "CKR_FUNCTION_FAILED",
        "CKR_GENERAL_ERROR",
        "CKR_OPERATION_ACTIVE",
        "CKR_KEY_HANDLE_INVALID",
        "CKR_HOST_MEMORY",
        "CKR_SESSION_COUNT",
    ];
    // A session that C_CloseSession does not close stays open whatever one does.
    let functions = r#"["C_Encrypt*", "C_Decrypt*", "C_Find*", "C_Ge*", "C_Open*", "C_Login"]"#;
    let fault = |code| format!("[[fault]]\nfunction = {functions}\nrate = 0.002\nerror = {code:?}\n");
    let faults: String = codes.iter().map(fault).collect();
    scene.plan(&format!("seed = 7\n{faults}"));
    let count = 100_000;
    let ends = load(&scene, &hsms, count, 16, LONG);
    assert!(ends["ok"] > count * 95 / 100, "{ends:?}");
    let status = hsms.status();
    assert!(status.iter().all(|hsm| hsm.sessions <= 4), "{status:?}");
    scene.plan("");
    all_become_active(&hsms);
    // Those of the module, and not only what is counted here.
    for slot in scene.slots() {
        let open = scene.pkcs11.get_token_info(slot).unwrap().session_count();
        assert!(open.is_some_and(|open| open <= 4), "{open:?}");
    }
}
