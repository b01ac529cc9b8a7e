//! Every function with each of its handles wrong: none, gone, another token's, another kind's, none that ever was.

use super::Report;
use super::functions::{Kind, Row, rows};
use super::pointers::goes_on;
use super::world::World;
use cryptoki_sys::*;

pub fn sweep(world: &World, report: &mut Report) {
    for row in rows() {
        if !row.is_there() {
            continue;
        }
        for (index, arg) in row.args.iter().enumerate() {
            match arg.kind {
                Kind::Session => sessions(world, report, row, index),
                Kind::Slot => slots(world, report, row, index),
                Kind::Object(code) => objects(world, report, row, index, code),
                _ => {}
            }
        }
        another_session(world, report, row);
    }
}

/// The operation of the session that was meant goes on.
fn sessions(world: &World, report: &mut Report, row: &'static Row, index: usize) {
    let wrong = [0, world.closed, world.key, world.token.slot + (1 << 40), CK_SESSION_HANDLE::MAX];
    row.prepare(world);
    for handle in wrong {
        let mut words = row.words(world);
        words[index] = handle;
        let rv = row.entry(world).call(&words);
        report.code(|| format!("{} in session {handle:#x}", row.name), rv, CKR_SESSION_HANDLE_INVALID);
    }
    goes_on(world, report, row);
}

fn slots(world: &World, report: &mut Report, row: &'static Row, index: usize) {
    for id in [1 << 40, CK_SLOT_ID::MAX, world.session] {
        if world.token.module.slots(false).contains(&id) {
            continue;
        }
        let mut words = row.words(world);
        words[index] = id;
        let rv = row.entry(world).call(&words);
        report.code(|| format!("{} of slot {id:#x}", row.name), rv, CKR_SLOT_ID_INVALID);
    }
    goes_on(world, report, row);
}

fn objects(world: &World, report: &mut Report, row: &'static Row, index: usize, code: CK_RV) {
    let no_key = if code == CKR_OBJECT_HANDLE_INVALID { None } else { Some(world.data) };
    // To no key at all, 0 is the good handle.
    let none = Some(0).filter(|_| code != CKR_KEY_NOT_NEEDED);
    let wrong =
        [Some(world.destroyed), Some(world.foreign), Some(world.session), Some(CK_OBJECT_HANDLE::MAX)];
    for handle in wrong.into_iter().chain([no_key, none]).flatten() {
        row.prepare(world);
        let mut words = row.words(world);
        words[index] = handle;
        let what = format!("{} with argument {index} the handle {handle:#x}", row.name);
        report.code(|| what.clone(), row.entry(world).call(&words), code);
        row.undo_before(world);
        world.check(report, &what, row.keeps);
    }
}

/// What is begun in one session is not active in another.
fn another_session(world: &World, report: &mut Report, row: &'static Row) {
    if !row.needs_operation() {
        return;
    }
    row.prepare(world);
    let mut words = row.words(world);
    words[0] = world.second;
    let rv = row.entry(world).call(&words);
    report.code(|| format!("{} in another session", row.name), rv, CKR_OPERATION_NOT_INITIALIZED);
    goes_on(world, report, row);
    let rv = row.entry(world).call(&row.words(world));
    report.code(|| format!("{} without an operation", row.name), rv, CKR_OPERATION_NOT_INITIALIZED);
}

#[test]
fn a_wrong_handle_gets_its_code_from_every_function() {
    let world = World::new();
    let mut report = Report::default();
    sweep(&world, &mut report);
    report.finish();
}
