//! Every function with each of its pointers null (PKCS#11 3.0 sec. 5.1.6, 5.2).

use super::Report;
use super::functions::{Kind, Null, Row, row, rows};
use super::world::{World, told};
use cryptoki_sys::*;

pub fn sweep(world: &World, report: &mut Report) {
    for row in rows() {
        for (index, arg) in row.args.iter().enumerate() {
            match arg.kind {
                Kind::Pointer(_) if !row.is_supported() => unsupported(world, report, row, index),
                Kind::Pointer(null) if row.is_there() => one(world, report, row, index, null),
                _ => {}
            }
        }
    }
}

fn unsupported(world: &World, report: &mut Report, row: &Row, index: usize) {
    let mut words = row.words(world);
    words[index] = 0;
    let rv = row.entry(world).call(&words);
    report.code(|| format!("{} with argument {index} null", row.name), rv, CKR_FUNCTION_NOT_SUPPORTED);
}

fn one(world: &World, report: &mut Report, row: &'static Row, index: usize, null: Null) {
    let what = format!("{} with argument {index} null", row.name);
    row.prepare(world);
    let mut words = row.words(world);
    let good = words[index];
    words[index] = 0;
    let entry = row.entry(world);
    let mut active = row.keeps.to_vec();
    match null {
        Null::Bad => report.code(|| what.clone(), entry.call(&words), CKR_ARGUMENTS_BAD),
        Null::Parameter => report.code(|| what.clone(), entry.call(&words), CKR_MECHANISM_PARAM_INVALID),
        Null::Size => {
            let before = world.active();
            report.code(|| what.clone(), entry.call(&words), CKR_OK);
            let needed = world.memory.length();
            report.check(needed <= super::world::ROOM as u64, || format!("{what}: {needed} bytes needed"));
            report.check(world.active() == before, || format!("{what}: the operation does not go on"));
            goes_on(world, report, row);
            return;
        }
        Null::Cancels => {
            report.code(|| format!("{what}, without an operation"), entry.call(&words), CKR_OK);
            let begun = entry.call(&row.words(world));
            report.code(|| format!("{} after that", row.name), begun, row.answer());
            report.code(|| what.clone(), entry.call(&words), CKR_OK);
            active = Vec::new();
        }
        Null::Fine => {
            report.code(|| what.clone(), entry.call(&words), row.answer());
            row.undo(world);
        }
        Null::Only => {
            words[index] = if good == 0 { world.memory.info() } else { 0 };
            let what = format!("{} with argument {index} not null", row.name);
            report.code(|| what, entry.call(&words), CKR_ARGUMENTS_BAD);
        }
    }
    if matches!(null, Null::Bad | Null::Parameter) {
        row.undo_before(world);
    }
    world.check(report, &what, &active);
}

/// The same call, now with good arguments.
pub fn goes_on(world: &World, report: &mut Report, row: &'static Row) {
    let rv = row.entry(world).call(&row.words(world));
    report.code(|| format!("{} after it failed or told a size", row.name), rv, row.answer());
    if rv == CKR_OK {
        row.undo(world);
    }
    world.cancel();
    world.check_objects(report, row.name);
}

#[test]
fn a_null_pointer_gets_its_code_from_every_function() {
    let world = World::new();
    let mut report = Report::default();
    sweep(&world, &mut report);
    report.finish();
}

/// C_Initialize and C_Finalize, which end what the others need.
#[test]
fn null_is_what_finalize_wants_and_initialize_takes() {
    let world = World::new();
    let (initialize, finalize) = (row("C_Initialize"), row("C_Finalize"));
    let call = |row: &Row, word: u64| told(row.entry(&world).call(&[word]));
    assert_eq!(call(finalize, world.memory.info()), "CKR_ARGUMENTS_BAD");
    assert_eq!(call(initialize, 0), "CKR_CRYPTOKI_ALREADY_INITIALIZED");
    world.check_objects(&mut Report::default(), "they changed nothing");
    assert_eq!(call(finalize, 0), "CKR_OK");
    assert_eq!(call(initialize, 0), "CKR_OK");
}
