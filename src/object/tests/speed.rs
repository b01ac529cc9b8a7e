//! The rules' share of the budget for session keys and searches. Ratios of one run go into benches; here a
//! wide limit that only a wrong turn (a string compare, a check value computed early) exceeds.

use super::*;
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: u32 = 200_000;

fn nanoseconds(mut call: impl FnMut()) -> f64 {
    let best = (0..5).map(|_| {
        let start = Instant::now();
        (0..ROUNDS / 5).for_each(|_| call());
        start.elapsed()
    });
    best.min().unwrap_or_default().as_nanos() as f64 / f64::from(ROUNDS / 5)
}

#[test]
fn planning_and_matching_are_quick() {
    let length = number(32);
    let template = template(&[
        (CKA_CLASS, SECRET_CLASS),
        (CKA_KEY_TYPE, AES),
        (CKA_VALUE_LEN, &length),
        (CKA_TOKEN, NO),
        (CKA_PRIVATE, YES),
        (CKA_SENSITIVE, YES),
        (CKA_ENCRYPT, YES),
        (CKA_DECRYPT, YES),
        (CKA_LABEL, b"a session key"),
    ]);
    let defaults = Some((CKO_SECRET_KEY, CKK_AES));
    let make = nanoseconds(|| {
        let key = Object::plan_key(black_box(&template), defaults, Origin::Generated(CKM_AES_KEY_GEN), &USER);
        black_box(key.unwrap().finish(Secret::new([7; 32])).unwrap());
    });
    let key = create(&with(AES_KEY, &[(CKA_LABEL, b"a session key"), (CKA_ID, b"id")]));
    let search = super::template(&[(CKA_CLASS, SECRET_CLASS), (CKA_LABEL, b"a session key")]);
    let find = nanoseconds(|| {
        black_box(key.matches(black_box(&search)));
    });
    println!("plan and finish {make:.0} ns, match {find:.0} ns");
    assert!(make < 20_000.0 && find < 5_000.0, "{make} ns, {find} ns");
}
