//! Every function of a session or a slot whose HSM failed: a session tells it once and is no session from then on, a slot
//! has no token; whatever the call was about to do, and whatever operation was in progress.

use super::Report;
use super::functions::{Kind, Row, all_rows};
use super::world::World;
use crate::support::*;
use cryptoki_sys::*;

/// A call with good arguments, but that its session or slot is the one that is lost.
struct Ready {
    row: &'static Row,
    words: Vec<u64>,
    answers: [CK_RV; 2],
}

/// Makes the calls that come before it, in a session of its own.
fn in_session(world: &mut World, row: &'static Row, place: usize) -> Ready {
    let session = world.token.module.open(world.token.slot, READ_WRITE).expect("a session").handle;
    world.session = session;
    let begins = |name: &&&str| !["C_Login", "C_OpenSession"].contains(*name);
    if row.calls_before().iter().all(|name| begins(&name)) {
        row.prepare(world);
    }
    let mut words = row.words(world);
    words[place] = session;
    Ready { row, words, answers: [CKR_DEVICE_REMOVED, CKR_SESSION_HANDLE_INVALID] }
}

fn of_slot(world: &World, row: &'static Row, place: usize) -> Ready {
    let mut words = row.words(world);
    words[place] = world.token.slot;
    let answer = if row.name == "C_GetSlotInfo" { CKR_OK } else { CKR_TOKEN_NOT_PRESENT };
    Ready { row, words, answers: [answer; 2] }
}

#[test]
fn every_function_tells_that_its_hsm_is_lost() {
    let mut world = World::new();
    let mut operator = Operator::of(world.token.module.home(), LABEL, SO_PIN);
    let mut ready = Vec::new();
    for row in all_rows().filter(|row| row.is_there()) {
        let of_kind = |kind: Kind| row.args.iter().position(|arg| arg.kind == kind);
        match (of_kind(Kind::Session), of_kind(Kind::Slot)) {
            (Some(place), _) => ready.push(in_session(&mut world, row, place)),
            (None, Some(place)) => ready.push(of_slot(&world, row, place)),
            (None, None) => {}
        }
    }
    assert!(ready.len() > 80, "{} functions", ready.len());
    operator.fail(0);
    let mut report = Report::default();
    // Closing all sessions is last: it would end those of the others.
    ready.sort_by_key(|ready| ready.row.name == "C_CloseAllSessions");
    for Ready { row, words, answers } in ready {
        for wanted in answers {
            report.code(|| row.name.to_string(), row.entry(&world).call(&words), wanted);
        }
    }
    report.finish();
    operator.recover(0);
    let session = world.token.user();
    session.aes_key(&[]);
}
