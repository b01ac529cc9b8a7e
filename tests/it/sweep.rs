//! The sweep of bad input: every function, mechanism and attribute with everything wrong that can be, one thing at a
//! time. Each gets its code; afterwards the session works, no operation is stuck, and nothing was made.
//!
//! The tables follow the library's own: a function, a mechanism, a form of parameter or an attribute that they do not
//! know fails a test. Pointers that lead to nothing are apart: nobody can tell them.

mod again;
mod attribute_table;
mod attributes;
mod data;
pub mod functions;
mod handles;
mod keys;
mod lengths;
mod parameters;
mod pointers;
mod removed;
pub mod samples;
pub mod stock;
pub mod uses;
mod vendor;
mod words;
pub mod world;

use cryptoki_sys::CK_RV;
use functions::{Kind, all_rows};
use vhsm_pkcs11::api::functions as supported;
use world::{World, told};

/// What was not as it should be, all of it.
#[derive(Default)]
pub struct Report {
    faults: Vec<String>,
    checks: usize,
}

impl Report {
    pub fn check(&mut self, is_so: bool, fault: impl FnOnce() -> String) {
        self.checks += 1;
        if !is_so {
            self.faults.push(fault());
        }
    }

    pub fn code(&mut self, what: impl FnOnce() -> String, rv: CK_RV, wanted: CK_RV) {
        self.check(rv == wanted, || format!("{}: {}, not {}", what(), told(rv), told(wanted)));
    }

    #[track_caller]
    pub fn finish(self) {
        assert!(self.checks > 0, "nothing was checked");
        let some: Vec<_> = self.faults.iter().take(200).map(String::as_str).collect();
        assert!(some.is_empty(), "{} of {}:\n{}", self.faults.len(), self.checks, some.join("\n"));
    }
}

#[test]
fn every_function_has_a_row_with_all_its_arguments() {
    let names: Vec<_> = all_rows().map(|row| row.name).collect();
    let functions: Vec<_> = supported().iter().map(|function| function.name).collect();
    assert_eq!(names, functions);
    let world = World::new();
    for row in all_rows() {
        let entry = row.entry(&world);
        assert!(words::is_in_list(world.api, &entry), "{}", row.name);
        let pointers: Vec<_> = row.args.iter().map(|arg| matches!(arg.kind, Kind::Pointer(_))).collect();
        assert_eq!(pointers, entry.pointers, "{}", row.name);
    }
}

/// So that what a sweep changes is what is wrong.
#[test]
fn good_arguments_are_good() {
    let world = World::new();
    let mut report = Report::default();
    for row in functions::rows() {
        row.prepare(&world);
        let rv = row.entry(&world).call(&row.words(&world));
        report.code(|| row.name.to_string(), rv, row.answer());
        if rv == row.answer() {
            row.undo(&world);
        }
        world.cancel();
        world.check_objects(&mut report, row.name);
    }
    report.finish();
}
