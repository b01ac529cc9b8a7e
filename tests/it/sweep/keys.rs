//! Every mechanism with every key that it does not take: of another type, of the wrong half, none at all; without the
//! attribute that permits the use, or kept to other mechanisms.

use super::Report;
use super::samples::form;
use super::stock::{Half, Stock, destroy, made};
use super::uses::{Call, Use, input, uses};
use super::world::World;
use crate::support::*;
use cryptoki_sys::*;
use std::collections::BTreeMap;
use vhsm_pkcs11::mechanism::Mechanism as MechanismRow;
use vhsm_pkcs11::mechanism::table::TABLE;

/// A number that no mechanism has.
const NO_MECHANISM: CK_MECHANISM_TYPE = CKM_VENDOR_DEFINED | 0x7fff_fff0;

/// Keys of every type that are kept to a mechanism that there is not.
struct Restricted(BTreeMap<CK_KEY_TYPE, (CK_OBJECT_HANDLE, CK_OBJECT_HANDLE)>);

impl Restricted {
    fn new(world: &World, stock: &Stock) -> Restricted {
        let only = number(NO_MECHANISM);
        let keys = stock.types().map(|kind| (kind, made(world, kind, &[(CKA_ALLOWED_MECHANISMS, &only)])));
        let keys = Restricted(keys.collect());
        world.settle_in();
        keys
    }
}

pub fn sweep(world: &World, report: &mut Report) {
    let stock = Stock::new(world);
    let restricted = Restricted::new(world, &stock);
    for row in TABLE {
        let input = input(world, row, &stock);
        for used in uses(row) {
            let Some((half, usage)) = used.key else { continue };
            let laid = form(row, used).sample.lay();
            let length = laid.length as CK_ULONG;
            let mechanism =
                CK_MECHANISM { mechanism: row.id, pParameter: laid.pointer(), ulParameterLen: length };
            for (what, key, rv) in wrong_keys(world, row, used, &stock) {
                let call = Call { world, row, mechanism, key, input: &input };
                one(report, used, &call, &what, rv);
            }
            for kind in row.key_types {
                let good = stock.key(*kind, half);
                let not_so = world.calls().copy(good, &[(usage, NO)]).expect("a copy");
                let (public, private) = restricted.0[kind];
                let kept = if half == Half::Public { public } else { private };
                for (what, key, rv) in [
                    ("that it is not for", not_so, CKR_KEY_FUNCTION_NOT_PERMITTED),
                    ("for other mechanisms", kept, CKR_MECHANISM_INVALID),
                ] {
                    let call = Call { world, row, mechanism, key, input: &input };
                    let rv = if world.offers(row) { rv } else { CKR_MECHANISM_INVALID };
                    world.settle_in();
                    one(report, used, &call, &format!("a key {what} (type {kind:#x})"), rv);
                }
                expect("destroy", world.calls().destroy(not_so), CKR_OK);
                world.settle_in();
            }
        }
    }
    restricted.0.into_values().for_each(|pair| destroy(world, pair));
    stock.destroy(world);
}

/// Keys of other types, the other half of a pair, and what is no key; with what each gets.
fn wrong_keys(
    world: &World,
    row: &MechanismRow,
    used: &Use,
    stock: &Stock,
) -> Vec<(String, CK_OBJECT_HANDLE, CK_RV)> {
    let mut wrong = Vec::new();
    for kind in stock.types() {
        for half in [Half::Public, Half::Private] {
            let (key, other) = (stock.key(kind, half), stock.key(kind, used.key.expect("it takes a key").0));
            if !row.key_types.contains(&kind) || key != other {
                wrong.push((format!("the {half:?} key of type {kind:#x}"), key, used.wrong_type));
            }
        }
    }
    for (what, handle) in [("no object", 0), ("what is gone", world.destroyed), ("a data object", world.data)]
    {
        wrong.push((what.to_string(), handle, used.wrong_handle));
    }
    if !world.offers(row) {
        wrong.iter_mut().for_each(|(_, _, rv)| *rv = CKR_MECHANISM_INVALID);
    }
    wrong
}

fn one(report: &mut Report, used: &Use, call: &Call, what: &str, wanted: CK_RV) {
    let rv = used.run(call);
    let what = || format!("{} of {} with {what}", used.name, call.row.name);
    report.code(what, rv, wanted);
    if rv == CKR_OK {
        used.undo(call);
    }
    call.world.check(report, &what(), &[]);
}

#[test]
fn every_mechanism_refuses_keys_that_it_does_not_take() {
    let world = World::new();
    let mut report = Report::default();
    sweep(&world, &mut report);
    report.finish();
}
