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

/// Keys that are restricted: made when they are wanted, and kept.
#[derive(Default)]
struct Restricted {
    /// By type: kept to a mechanism that there is not.
    for_others: BTreeMap<CK_KEY_TYPE, (CK_OBJECT_HANDLE, CK_OBJECT_HANDLE)>,
    /// By key and attribute: a copy of which the attribute is false.
    copies: BTreeMap<(CK_OBJECT_HANDLE, CK_ATTRIBUTE_TYPE), CK_OBJECT_HANDLE>,
}

impl Restricted {
    fn for_others(&mut self, world: &World, kind: CK_KEY_TYPE, half: Half) -> CK_OBJECT_HANDLE {
        let only = number(NO_MECHANISM);
        let make = || made(world, kind, &[(CKA_ALLOWED_MECHANISMS, &only)]);
        let (public, private) = *self.for_others.entry(kind).or_insert_with(make);
        if half == Half::Public { public } else { private }
    }

    fn without(
        &mut self,
        world: &World,
        key: CK_OBJECT_HANDLE,
        usage: CK_ATTRIBUTE_TYPE,
    ) -> CK_OBJECT_HANDLE {
        let copy = || world.calls().copy(key, &[(usage, NO)]).expect("a copy");
        *self.copies.entry((key, usage)).or_insert_with(copy)
    }

    fn destroy(self, world: &World) {
        self.for_others.into_values().for_each(|pair| destroy(world, pair));
        self.copies.into_values().for_each(|key| destroy(world, (key, key)));
    }
}

pub fn sweep(world: &World, report: &mut Report) {
    let stock = Stock::new(world);
    let mut restricted = Restricted::default();
    for row in TABLE {
        let input = input(world, row, &stock);
        for used in uses(row) {
            let Some((half, usage)) = used.key else { continue };
            let mut wrong = wrong_keys(row, used, &stock, world);
            for kind in row.key_types {
                let not_so = restricted.without(world, stock.key(*kind, half), usage);
                let for_others = restricted.for_others(world, *kind, half);
                wrong.push((format!("a key without {usage:#x}"), not_so, CKR_KEY_FUNCTION_NOT_PERMITTED));
                wrong.push((format!("a key of {kind:#x} for others"), for_others, CKR_MECHANISM_INVALID));
            }
            world.settle_in();
            all(world, report, (row, used), &input, wrong);
        }
    }
    restricted.destroy(world);
    stock.destroy(world);
}

/// A key, and what it gets.
type Wrong = (String, CK_OBJECT_HANDLE, CK_RV);

fn all(
    world: &World,
    report: &mut Report,
    (row, used): (&'static MechanismRow, &'static Use),
    input: &[u8],
    wrong: Vec<Wrong>,
) {
    let laid = form(world, row, used).sample.lay();
    let (pointer, length) = (laid.pointer(), laid.length as CK_ULONG);
    let mechanism = CK_MECHANISM { mechanism: row.id, pParameter: pointer, ulParameterLen: length };
    let offered = world.offers(row);
    for (what, key, wanted) in wrong {
        let call = Call { world, row, mechanism, key, input };
        let rv = used.run(&call);
        let wanted = if offered { wanted } else { CKR_MECHANISM_INVALID };
        report.code(|| format!("{} of {} with {what}", used.name, row.name), rv, wanted);
        if rv == CKR_OK {
            used.undo(&call);
        }
    }
    // Had one of them left an operation, the next one would have been told so.
    world.check(report, &format!("{} of {}", used.name, row.name), &[]);
}

/// Keys of other types, the other half of a pair, and what is no key; with what each gets.
fn wrong_keys(row: &MechanismRow, used: &Use, stock: &Stock, world: &World) -> Vec<Wrong> {
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
    wrong
}

#[test]
fn every_mechanism_refuses_keys_that_it_does_not_take() {
    let world = World::new();
    let mut report = Report::default();
    sweep(&world, &mut report);
    report.finish();
}
