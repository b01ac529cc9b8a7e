//! Programs that go on while HSMs fail and recover at random: not one answer is lost, and none is wrong.

use crate::support::call;
use crate::support::*;
use cryptoki_sys::*;
use std::io::{Read, Write};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const HSMS: usize = 3;
const THREADS: usize = 4;

/// A minute where SLOW_TESTS is set.
fn run_time() -> Duration {
    Duration::from_secs(if std::env::var_os("SLOW_TESTS").is_some() { 60 } else { 10 })
}

/// What may be answered to a program that does nothing wrong: its HSM is lost, and nothing that only follows from that.
const LOST: [CK_RV; 3] = [CKR_DEVICE_REMOVED, CKR_SESSION_HANDLE_INVALID, CKR_TOKEN_NOT_PRESENT];

/// Numbers without order, the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// One thread's work: it has a session with one HSM, and takes another where that one is lost.
struct Worker<'m> {
    module: &'m Module,
    key: CK_OBJECT_HANDLE,
    session: Option<Session<'m>>,
    numbers: Numbers,
    tally: &'m Tally,
}

#[derive(Default)]
struct Tally {
    asked: AtomicU64,
    answered: AtomicU64,
    /// Calls that ended with their HSM.
    lost: AtomicU64,
}

impl<'m> Worker<'m> {
    /// Does `work` on the HSM that is at hand, else on another, until one answers.
    fn answered<T>(&mut self, work: impl Fn(&Session<'m>, CK_OBJECT_HANDLE) -> Result<T, CK_RV>) -> T {
        self.tally.asked.fetch_add(1, Ordering::Relaxed);
        let began = Instant::now();
        loop {
            match self.logged_in().and_then(|session| work(&session, self.key)) {
                Ok(answer) => {
                    self.tally.answered.fetch_add(1, Ordering::Relaxed);
                    return answer;
                }
                Err(rv) => {
                    expect_one_of("an answer", rv, &LOST);
                    self.tally.lost.fetch_add(1, Ordering::Relaxed);
                    self.leave();
                    assert!(began.elapsed() < Duration::from_secs(60), "no HSM answers");
                }
            }
        }
    }

    fn logged_in(&mut self) -> Result<Session<'m>, CK_RV> {
        if let Some(session) = self.session {
            return Ok(session);
        }
        let session = self.module.open(self.numbers.below(HSMS as u64), READ_WRITE)?;
        self.session = Some(session);
        match session.login(CKU_USER, KMS_PIN) {
            CKR_OK | CKR_USER_ALREADY_LOGGED_IN => Ok(session),
            rv => Err(rv),
        }
    }

    fn leave(&mut self) {
        if let Some(session) = self.session.take() {
            let rv = session.close();
            expect_one_of("close", rv, &[CKR_OK, CKR_DEVICE_REMOVED, CKR_SESSION_HANDLE_INVALID]);
        }
    }

    /// Encrypts a message of its own, in one part or in several, and decrypts it, mostly elsewhere.
    fn round(&mut self, number: u64) {
        let message = format!("{:>16}{:>48}", number, self.numbers.below(1 << 30)).into_bytes();
        let iv: [u8; 16] = std::array::from_fn(|i| message[i]);
        let by = move || Mechanism::with(CKM_AES_CBC, &iv);
        let in_parts = number.is_multiple_of(3);
        let sealed = self.answered(|session, key| {
            done(session.encrypt_init(by(), key))?;
            if !in_parts {
                return session.encrypt(&message);
            }
            let mut sealed = Vec::new();
            for part in message.chunks(16) {
                sealed.extend(session.encrypt_update(part)?);
            }
            sealed.extend(session.encrypt_final()?);
            Ok(sealed)
        });
        if self.numbers.below(4) > 0 {
            self.leave();
        }
        let opened = self.answered(|session, key| {
            done(session.decrypt_init(by(), key))?;
            session.decrypt(&sealed)
        });
        assert_eq!(opened, message, "message {number}");
    }
}

fn done(rv: CK_RV) -> Result<(), CK_RV> {
    if rv == CKR_OK { Ok(()) } else { Err(rv) }
}

/// Lets HSMs fail and recover until the time is over; now and then all of them are gone.
fn fail_at_random(operator: &mut Operator, until: Instant) -> u64 {
    let mut numbers = Numbers(7);
    let mut failed = [false; HSMS];
    let mut orders = 0;
    while Instant::now() < until {
        let hsm = numbers.below(HSMS as u64) as usize;
        let last = failed.iter().filter(|failed| !**failed).count() == 1 && !failed[hsm];
        if last && numbers.below(8) > 0 {
            continue;
        }
        failed[hsm] = !failed[hsm];
        if failed[hsm] {
            operator.fail(hsm)
        } else {
            operator.recover(hsm)
        }
        orders += 1;
        std::thread::sleep(Duration::from_millis(numbers.below(60)));
    }
    failed.iter().enumerate().filter(|(_, failed)| **failed).for_each(|(hsm, _)| operator.recover(hsm));
    orders
}

#[test]
fn a_program_with_many_threads_loses_no_answer() {
    let mut drill = Drill::new(HSMS);
    let key = drill.user(0).aes_key(&[(CKA_TOKEN, YES)]);
    let Drill { module, operator } = &mut drill;
    let (module, tally, until) = (&*module, Tally::default(), Instant::now() + run_time());
    let orders = std::thread::scope(|scope| {
        for thread in 0..THREADS as u64 {
            let (numbers, tally) = (Numbers(thread), &tally);
            scope.spawn(move || {
                let mut worker = Worker { module, key, session: None, numbers, tally };
                let rounds = (0..).take_while(|_| Instant::now() < until);
                rounds.for_each(|round| worker.round(round * THREADS as u64 + thread));
            });
        }
        fail_at_random(operator, until)
    });
    let told = |count: &AtomicU64| count.load(Ordering::Relaxed);
    println!("{orders} orders, {} calls lost, {} answers", told(&tally.lost), told(&tally.answered));
    assert_eq!(told(&tally.asked), told(&tally.answered));
    assert!(orders > 10 && told(&tally.lost) > 10, "there were failures to be met");
    for slot in 0..HSMS as u64 {
        let session = drill.user(slot);
        expect("all are back", session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key), CKR_OK);
        session.encrypt(&[0; 16]).expect("encrypts");
    }
}

/// Threads that share one session: one of them is told why it ended, and nobody anything else than that.
#[test]
fn threads_in_one_session_are_told_the_same() {
    let mut drill = Drill::new(1);
    let key = drill.user(0).aes_key(&[(CKA_TOKEN, YES)]);
    for _ in 0..20 {
        let session = drill.user(0).handle;
        let Drill { module, operator } = &mut drill;
        let told: Vec<CK_RV> = std::thread::scope(|scope| {
            let work = || {
                let session = module.session(session);
                loop {
                    match session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key) {
                        // The other thread's operation, or its end, may come between.
                        CKR_OK | CKR_OPERATION_ACTIVE => {}
                        rv => return rv,
                    }
                    match session.encrypt(&[0; 16]) {
                        Ok(_) | Err(CKR_OPERATION_NOT_INITIALIZED) => {}
                        Err(rv) => return rv,
                    }
                }
            };
            let threads = [scope.spawn(work), scope.spawn(work)];
            std::thread::sleep(Duration::from_millis(5));
            operator.fail(0);
            threads.map(|thread| thread.join().expect("no panic")).into()
        });
        told.iter().for_each(|rv| expect_one_of("told", *rv, &LOST[..2]));
        assert!(told.contains(&CKR_DEVICE_REMOVED));
        operator.recover(0);
    }
}

/// C_Finalize and C_Initialize while HSMs fail, with a thread that waits for slot events and one that works.
#[test]
fn the_library_ends_and_starts_while_hsms_fail() {
    let mut drill = Drill::new(2);
    let stop = AtomicBool::new(false);
    let Drill { module, operator } = &mut drill;
    let (module, ended) = (&*module, [CKR_CRYPTOKI_NOT_INITIALIZED, CKR_OK]);
    std::thread::scope(|scope| {
        let until_stopped = |work: &dyn Fn()| {
            while !stop.load(Ordering::Relaxed) {
                work();
            }
        };
        scope.spawn(move || {
            until_stopped(&|| {
                let mut slot = 0;
                let rv = call!(module.api, C_WaitForSlotEvent(0, &mut slot, null_mut()));
                expect_one_of("wait", rv, &ended);
            });
        });
        scope.spawn(move || {
            let expected = [&LOST[..], &[CKR_CRYPTOKI_NOT_INITIALIZED, CKR_OK]].concat();
            until_stopped(&|| {
                let random = module.open(1, READ_WRITE).and_then(|session| {
                    done(session.digest_init(Mechanism::plain(CKM_SHA256)))?;
                    session.digest(b"x").map(drop)
                });
                expect_one_of("work", random.err().unwrap_or(CKR_OK), &expected);
            });
        });
        for round in 0..10 {
            operator.fail(1);
            if round % 2 == 0 {
                expect("finalize", module.finalize(), CKR_OK);
                expect("initialize", module.initialize(), CKR_OK);
            }
            operator.recover(1);
        }
        stop.store(true, Ordering::Relaxed);
        expect("finalize", module.finalize(), CKR_OK);
    });
    expect("initialize", drill.module.initialize(), CKR_OK);
    drill.user(1).aes_key(&[]);
}

/// A child of a process whose HSM is failed sees it failed, and back.
#[test]
fn a_forked_child_sees_what_fails() {
    let mut drill = Drill::new(2);
    let key = drill.user(0).aes_key(&[(CKA_TOKEN, YES)]);
    drill.operator.fail(0);
    let in_parent = drill.user(1);
    let module = &drill.module;
    let (mut seen, mut sees) = std::io::pipe().expect("a pipe");
    // SAFETY: the child only calls the library, and leaves by _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let good = module.initialize() == CKR_OK
            && module.open(0, READ_WRITE).err() == Some(CKR_TOKEN_NOT_PRESENT)
            && module.open(1, READ_WRITE).is_ok_and(|session| {
                session.login(CKU_USER, KMS_PIN) == CKR_OK
                    && session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key) == CKR_OK
            })
            && sees.write_all(b"failed").is_ok()
            && wait_until(|| module.open(0, READ_WRITE).is_ok());
        // SAFETY: as above.
        unsafe { libc::_exit(i32::from(!good)) }
    }
    in_parent.encrypt_init(Mechanism::plain(CKM_AES_ECB), key);
    in_parent.encrypt(&[0; 16]).expect("the parent never notices");
    drop(sees);
    seen.read_exact(&mut [0; 6]).expect("the child sees the failed HSM");
    drill.operator.recover(0);
    let mut status = 0;
    // SAFETY: waits for our own child.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0, "the child found something wrong");
    drill.user(0).aes_key(&[]);
}

fn wait_until(condition: impl Fn() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(60) {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}
