//! Every use of every mechanism with changed parameters, right and wrong keys, and some steps of what it began.

use super::parameters::Given;
use super::{Choices, blameless};
use crate::sweep::functions::{Kind, Null, row};
use crate::sweep::samples::form;
use crate::sweep::stock::{Half, Stock};
use crate::sweep::uses::{Call, Use, input, uses};
use crate::sweep::world::World;
use cryptoki_sys::*;
use vhsm_pkcs11::mechanism::Mechanism as MechanismRow;
use vhsm_pkcs11::mechanism::table::TABLE;

pub struct Mechanisms {
    world: World,
    stock: Stock,
    keys: Vec<CK_OBJECT_HANDLE>,
    /// Every use of a mechanism, with what it unwraps or decapsulates.
    uses: Vec<(&'static MechanismRow, &'static Use, Vec<u8>)>,
}

/// What can follow a begin: functions whose first argument is the session.
const STEPS: &[(&str, &[&str])] = &[
    ("C_EncryptInit", &["C_Encrypt", "C_EncryptUpdate", "C_EncryptFinal"]),
    ("C_DecryptInit", &["C_Decrypt", "C_DecryptUpdate", "C_DecryptFinal"]),
    ("C_DigestInit", &["C_Digest", "C_DigestUpdate", "C_DigestFinal", "C_DigestKey"]),
    ("C_SignInit", &["C_Sign", "C_SignUpdate", "C_SignFinal"]),
    ("C_VerifyInit", &["C_Verify", "C_VerifyUpdate", "C_VerifyFinal"]),
    ("C_SignRecoverInit", &["C_SignRecover"]),
    ("C_VerifyRecoverInit", &["C_VerifyRecover"]),
    ("C_VerifySignatureInit", &["C_VerifySignature", "C_VerifySignatureUpdate", "C_VerifySignatureFinal"]),
    ("C_MessageSignInit", &["C_SignMessage", "C_SignMessageBegin", "C_SignMessageNext"]),
    ("C_MessageVerifyInit", &["C_VerifyMessage", "C_VerifyMessageBegin", "C_VerifyMessageNext"]),
];

const LENGTHS: [u64; 14] = [0, 1, 7, 8, 15, 16, 17, 31, 32, 33, 64, 100, 256, 1000];

impl Mechanisms {
    pub fn new() -> Mechanisms {
        let world = World::new();
        let stock = Stock::new(&world);
        let keys =
            stock.types().flat_map(|kind| [Half::Public, Half::Private].map(|half| stock.key(kind, half)));
        let keys = keys.chain([0, 1, world.data, world.foreign, u64::MAX]).collect();
        let offered = TABLE.iter().filter(|row| world.offers(row));
        let all = offered.flat_map(|row| uses(row).map(move |used| (row, used)));
        let uses = all.map(|(row, used)| (row, used, input(&world, row, &stock))).collect();
        Mechanisms { world, stock, keys, uses }
    }

    pub fn round(&self, choices: &mut Choices) {
        let (row, used, sound) = choices.pick(&self.uses);
        if used.name == "C_GenerateKeyPair" && row.name.starts_with("CKM_RSA") && !choices.one_in(64) {
            return;
        }
        let key = match used.key {
            Some((half, _)) if !choices.one_in(8) => {
                let half = if choices.one_in(16) { Half::Public } else { half };
                self.stock.key(*choices.pick(row.key_types), half)
            }
            _ => *choices.pick(&self.keys),
        };
        let given = Given::of(form(&self.world, row, used).sample, &self.keys, choices);
        let input = if choices.one_in(2) { sound.clone() } else { choices.spoilt(sound.clone()) };
        let call = Call { world: &self.world, row, mechanism: given.mechanism(row.id), key, input: &input };
        let what = || format!("{} {}", row.name, used.name);
        if blameless(what, used.run(&call)) == CKR_OK {
            let begun = STEPS.iter().find(|(begin, _)| *begin == used.name);
            begun.into_iter().for_each(|(_, steps)| self.go_on(row, steps, choices));
            used.undo(&call);
        }
        let stuck = self.world.active();
        assert!(stuck.is_empty(), "{}: {stuck:?}", what());
    }

    /// Some steps, until one ends the operation.
    fn go_on(&self, mechanism: &MechanismRow, steps: &[&str], choices: &mut Choices) {
        for _ in 0..choices.below(5) {
            let step = choices.pick::<&str>(steps);
            let row = row(step);
            let mut words = row.words(&self.world);
            for (index, arg) in row.args.iter().enumerate().skip(1) {
                match arg.kind {
                    // There is so much data, and more.
                    Kind::Length if choices.one_in(2) => {
                        words[index - 1] = self.world.memory.data();
                        words[index] = *choices.pick(&LENGTHS);
                    }
                    Kind::Object(_) => words[index] = *choices.pick(&self.keys),
                    Kind::Pointer(Null::Size) if choices.one_in(4) => words[index] = 0,
                    _ => {}
                }
            }
            self.world.memory.told(*choices.pick(&LENGTHS));
            let rv = row.entry(&self.world).call(&words);
            blameless(|| format!("{} {}", mechanism.name, row.name), rv);
            if rv == CKR_OPERATION_NOT_INITIALIZED {
                return;
            }
        }
    }
}
