//! Connecting that is cut off anywhere: kmsuser's password is never lost, and never locked by wrong tries.

use super::*;
use crate::support::Kind;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use vhsm_keystore::Settings;
use vhsm_store::{Call, Fault, Faulty, Memory};

type Hook = Box<dyn FnOnce() + Send>;

/// What happens to commits from now on; then all pass.
#[derive(Default)]
struct Plan {
    faults: VecDeque<Fault>,
    /// Before the commit of this number from now, counted from 1.
    hook: Option<(usize, Hook)>,
}

struct Cuttable {
    world: World,
    store: Arc<Faulty>,
    plan: Arc<Mutex<Plan>>,
}

impl Cuttable {
    fn new() -> Self {
        let plan: Arc<Mutex<Plan>> = Arc::default();
        let asked = Arc::clone(&plan);
        let faulty = Faulty::new(Arc::new(Memory::new()), move |occasion| {
            if occasion.call != Call::Commit {
                return Fault::Pass;
            }
            let mut plan = asked.lock().unwrap();
            let fault = plan.faults.pop_front().unwrap_or(Fault::Pass);
            let due = plan.hook.as_mut().is_some_and(|(number, _)| {
                *number -= 1;
                *number == 0
            });
            let hook = if due { plan.hook.take() } else { None };
            drop(plan);
            if let Some((_, hook)) = hook {
                hook();
            }
            fault
        });
        let store = Arc::new(faulty);
        let world = World::with(Kind::Vhsm, Settings::default(), store.clone());
        Self { world, store, plan }
    }

    fn plan(&self, faults: impl IntoIterator<Item = Fault>) {
        self.plan.lock().unwrap().faults = faults.into_iter().collect();
    }

    /// Whether all faults have come to pass.
    fn is_over(&self) -> bool {
        self.plan.lock().unwrap().faults.is_empty()
    }

    fn heal(&self) {
        self.plan([]);
        self.store.mend();
    }

    /// Goes on as after kill -9: another process, and the store whole.
    fn begin_again(&mut self) {
        self.world.restart();
        self.heal();
        self.world.kms.resume();
        self.world.kms.run_tasks();
    }

    /// Goes on in the same process.
    fn go_on(&mut self) {
        self.heal();
        self.world.kms.keep_connections();
        self.world.kms.run_tasks();
    }

    /// The key store works, if need be after Disconnect and Connect; and after one more start.
    fn assert_connects(&mut self, id: &str) {
        let kms = self.world.kms.clone();
        if state(&kms, id).starts_with("FAILED") {
            assert_eq!(state(&kms, id), "FAILED INTERNAL_ERROR");
            disconnect(&kms, id).unwrap();
            connect(&kms, id).unwrap();
            kms.run_tasks();
        }
        assert_eq!(state(&kms, id), "CONNECTED");
        random(&kms, id).unwrap();
        drop(kms);
        self.begin_again();
        assert_eq!(state(&self.world.kms, id), "CONNECTED");
        random(&self.world.kms, id).unwrap();
    }
}

/// Ways in which the commit of this number goes wrong.
fn cuts(number: usize) -> Vec<Vec<Fault>> {
    let before = vec![Fault::Pass; number - 1];
    let ends: [&[Fault]; 4] =
        [&[Fault::Fail], &[Fault::LoseAnswer], &[Fault::Cut], &[Fault::LoseAnswer, Fault::Cut]];
    ends.into_iter().map(|end| [&before, end].concat()).collect()
}

fn connecting_is_cut_off_anywhere(go_on: fn(&mut Cuttable)) {
    for number in 1.. {
        let mut reached = false;
        for faults in cuts(number) {
            let mut cut = Cuttable::new();
            let id = store(&cut.world);
            connect(&cut.world.kms, &id).unwrap();
            cut.plan(faults);
            cut.world.kms.run_tasks();
            reached |= cut.is_over();
            go_on(&mut cut);
            cut.assert_connects(&id);
        }
        if !reached {
            // One shows that the store takes writes, one stores the pending password, one ends it.
            assert_eq!(number, 4);
            return;
        }
    }
}

#[test]
fn connecting_is_cut_off_anywhere_and_the_process_goes_on() {
    connecting_is_cut_off_anywhere(Cuttable::go_on);
}

#[test]
fn connecting_is_cut_off_anywhere_and_another_process_goes_on() {
    connecting_is_cut_off_anywhere(Cuttable::begin_again);
}

/// A key store that was cut off after this many commits of connecting.
fn cut_after(commits: usize) -> (Cuttable, String) {
    let cut = Cuttable::new();
    let id = store(&cut.world);
    connect(&cut.world.kms, &id).unwrap();
    cut.plan([vec![Fault::Pass; commits], vec![Fault::Cut]].concat());
    cut.world.kms.run_tasks();
    assert!(cut.is_over());
    (cut, id)
}

/// The pending password is stored, and the HSMs have not been given it.
fn cut_before_the_hsms() -> (Cuttable, String) {
    let cut = Cuttable::new();
    let id = store(&cut.world);
    connect(&cut.world.kms, &id).unwrap();
    cut.plan([Fault::Pass, Fault::LoseAnswer, Fault::Cut]);
    cut.world.kms.run_tasks();
    assert!(cut.is_over());
    assert!(opens(&cut.world.hsms, PASSWORD));
    (cut, id)
}

#[test]
fn one_who_is_cut_off_again_and_again_does_not_lock_kmsuser() {
    let (mut cut, id) = cut_before_the_hsms();
    for _ in 0..6 {
        cut.world.restart();
        cut.heal();
        // Writable, pending forgotten, the next pending stored; then the end.
        cut.plan([Fault::Pass, Fault::Pass, Fault::LoseAnswer, Fault::Cut]);
        cut.world.kms.resume();
        cut.world.kms.run_tasks();
        assert!(cut.is_over());
    }
    cut.begin_again();
    cut.assert_connects(&id);
}

#[test]
fn where_nothing_can_be_written_no_password_is_tried() {
    let (mut cut, id) = cut_before_the_hsms();
    for _ in 0..6 {
        // Still cut.
        cut.world.restart();
        cut.world.kms.resume();
        cut.world.kms.run_tasks();
        cut.world.kms.keep_connections();
        cut.world.kms.run_tasks();
    }
    cut.begin_again();
    cut.assert_connects(&id);
}

#[test]
fn a_refusal_that_cannot_be_written_down_is_not_tried_again() {
    let mut cut = Cuttable::new();
    let id = store(&cut.world);
    cut.world.hsms.reset_password("otherPassword");
    connect(&cut.world.kms, &id).unwrap();
    cut.plan([vec![Fault::Pass], vec![Fault::Fail; 8]].concat());
    while !cut.is_over() {
        assert_eq!(state(&cut.world.kms, &id), "CONNECTING");
        cut.world.kms.run_tasks();
        cut.world.kms.keep_connections();
    }
    cut.world.kms.run_tasks();
    assert_eq!(state(&cut.world.kms, &id), "FAILED INVALID_CREDENTIALS");
    assert!(opens(&cut.world.hsms, "otherPassword"));
}

#[test]
fn a_pending_password_costs_one_wrong_try() {
    let (mut cut, id) = cut_before_the_hsms();
    cut.world.hsms.reset_password("otherPassword");
    cut.begin_again();
    // The pending one and the one before it: two tries; from now on one each.
    for _ in 0..2 {
        assert_eq!(state(&cut.world.kms, &id), "FAILED INVALID_CREDENTIALS");
        disconnect(&cut.world.kms, &id).unwrap();
        connect(&cut.world.kms, &id).unwrap();
        cut.world.kms.run_tasks();
    }
    assert!(opens(&cut.world.hsms, "otherPassword"));
}

#[test]
fn what_the_owner_tells_after_a_cut_is_what_counts() {
    for cut_off in [|| cut_after(2), cut_before_the_hsms] {
        let (mut cut, id) = cut_off();
        cut.heal();
        cut.world.restart();
        disconnect(&cut.world.kms, &id).unwrap();
        cut.world.kms.run_tasks();
        cut.world.hsms.reset_password("ownersPassword");
        update(&cut.world.kms, &id, "KeyStorePassword", "ownersPassword").unwrap();
        connect(&cut.world.kms, &id).unwrap();
        cut.world.kms.run_tasks();
        cut.assert_connects(&id);
    }
}

#[test]
fn a_new_name_or_cluster_does_not_forget_a_pending_password() {
    let (mut cut, id) = cut_after(2);
    cut.heal();
    cut.world.restart();
    disconnect(&cut.world.kms, &id).unwrap();
    cut.world.kms.run_tasks();
    update(&cut.world.kms, &id, "NewCustomKeyStoreName", "new").unwrap();
    update(&cut.world.kms, &id, "CloudHsmClusterId", CLUSTER).unwrap();
    connect(&cut.world.kms, &id).unwrap();
    cut.world.kms.run_tasks();
    cut.assert_connects(&id);
}

#[test]
fn a_disconnect_wins_whenever_it_comes() {
    for number in 1.. {
        let mut cut = Cuttable::new();
        let id = store(&cut.world);
        connect(&cut.world.kms, &id).unwrap();
        let (kms, store_id) = (cut.world.kms.clone(), id.clone());
        let hook = move || disconnect(&kms, &store_id).unwrap();
        cut.plan.lock().unwrap().hook = Some((number, Box::new(hook)));
        cut.world.kms.run_tasks();
        if cut.plan.lock().unwrap().hook.take().is_some() {
            assert_eq!((number, state(&cut.world.kms, &id).as_str()), (4, "CONNECTED"));
            return;
        }
        assert_eq!(state(&cut.world.kms, &id), "DISCONNECTED");
        assert_exception(random(&cut.world.kms, &id), Exception::CustomKeyStoreInvalidState);
        connect(&cut.world.kms, &id).unwrap();
        cut.world.kms.run_tasks();
        cut.assert_connects(&id);
    }
}
