//! How fast requests pass queue and threads; and how much of that the module takes. A measurement: SLOW_TESTS=1 runs it long.

use super::scene::encrypt;
use super::*;
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::Attribute;

/// At once: as many as a busy proxy has.
const AT_ONCE: usize = 64;
const PLAINTEXT: [u8; 64] = [1; 64];
const AAD: [u8; 200] = [2; 200];

#[test]
fn requests_pass_fast() {
    let is_slow = std::env::var_os("SLOW_TESTS").is_some();
    let count: usize = if is_slow { 1_000_000 } else { 20_000 };
    let scene = Scene::new(Kind::Vhsm);
    let hsms = scene.active(HsmGroupSettings { workers: 8, queue: 1000, ..scene.settings() });
    scene.key("one");
    drop(scene.encrypt(&hsms, "one", b"", b"").unwrap());
    let each = count / AT_ONCE;
    let begun = Instant::now();
    scene.block_on(async {
        let one = |hsms: Arc<Hsms>| async move {
            for _ in 0..each {
                let done = hsms.run(&[0], "one", encrypt(&PLAINTEXT, &AAD), Instant::now() + LONG).await;
                assert!(done.outcome.is_ok());
            }
        };
        let tasks: Vec<_> = (0..AT_ONCE).map(|_| tokio::spawn(one(Arc::clone(&hsms)))).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    let through = rate(each * AT_ONCE, begun);
    let alone = rate(count, straight(&scene, count));
    println!("{through:.0} requests/s through queues and threads, {alone:.0} on one thread without");
    // Far below what any machine does.
    assert!(through > 1_000.0);
}

/// The same calls, one after the other.
fn straight(scene: &Scene, count: usize) -> Instant {
    let session = scene.session(scene.slots()[0]);
    let key = session.find_objects(&[Attribute::Label("one".into())]).unwrap()[0];
    let begun = Instant::now();
    for number in 0..count {
        let mut iv = [3; 12];
        iv[..8].copy_from_slice(&(number as u64).to_be_bytes());
        let gcm = Mechanism::AesGcm(GcmParams::new(&mut iv, &AAD, 128.into()).unwrap());
        session.encrypt(&gcm, key, &PLAINTEXT).unwrap();
    }
    begun
}

fn rate(count: usize, begun: Instant) -> f64 {
    count as f64 / begun.elapsed().as_secs_f64()
}
