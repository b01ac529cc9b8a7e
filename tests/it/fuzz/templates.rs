//! Templates of random attributes, with values of their form and of none, for every function that takes one.

use super::{Choices, blameless};
use crate::support::*;
use crate::sweep::stock::{Half, Stock};
use crate::sweep::world::{P256, World};
use cryptoki_sys::*;

pub struct Templates {
    world: World,
    /// Objects that templates are tried on.
    objects: Vec<CK_OBJECT_HANDLE>,
    base: CK_OBJECT_HANDLE,
}

const NUMBERS: [u64; 24] = [
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    10,
    16,
    19,
    21,
    24,
    31,
    32,
    33,
    64,
    65,
    512,
    1024,
    4096,
    4097,
    1 << 32,
    1 << 63,
    u64::MAX,
];
/// All attributes of the specification lie in these ranges.
const RANGES: [(u64, u64); 5] = [(0, 0x22), (0x80, 0x90), (0x100, 0x16c), (0x170, 0x230), (0x500, 0x640)];

impl Templates {
    pub fn new() -> Templates {
        let world = World::new();
        let stock = Stock::new(&world);
        let kinds: Vec<_> = stock.types().collect();
        let halves = [Half::Public, Half::Private];
        let objects = kinds.iter().flat_map(|kind| halves.map(|half| stock.key(*kind, half)));
        let objects = objects.chain([world.data, 0]).collect();
        let base = stock.key(CKK_GENERIC_SECRET, Half::Private);
        Templates { world, objects, base }
    }

    pub fn round(&self, choices: &mut Choices) {
        let session = self.world.calls();
        let (what, base): (_, Vec<(u64, Vec<u8>)>) = self.start(choices);
        let (mut template, mut inner) = (base, Vec::new());
        for _ in 0..choices.below(5) {
            if choices.one_in(6) && !template.is_empty() {
                let at = choices.below(template.len());
                template.remove(at);
            }
            template.push(attribute(choices, &mut inner));
        }
        let pairs: Vec<Pair> = template.iter().map(|(kind, value)| (*kind, value.as_slice())).collect();
        let told = || format!("{what} {pairs:x?}");
        let object = *choices.pick(&self.objects);
        let result = match what {
            "create" => session.create(&pairs),
            "generate" => session.generate(Mechanism::plain(CKM_AES_KEY_GEN), &pairs),
            "pair" => {
                let made = session.generate_pair(Mechanism::plain(CKM_EC_KEY_PAIR_GEN), &pairs, &[]);
                made.map(|(public, private)| {
                    blameless(told, session.destroy(public));
                    private
                })
            }
            "derive" => session.derive(Mechanism::plain(CKM_SHA512_KEY_DERIVATION), self.base, &pairs),
            "unwrap" => {
                let wrapped = self.world.memory.kept("wrapped");
                session.unwrap(Mechanism::plain(CKM_AES_KEY_WRAP), self.world.key, wrapped, &pairs)
            }
            "copy" => session.copy(object, &pairs),
            "set" => match session.copy(object, &[]) {
                Ok(copy) => {
                    blameless(told, session.set(copy, &pairs));
                    Ok(copy)
                }
                Err(rv) => Err(rv),
            },
            _ => session.find(&pairs).map(|found| found.first().map_or(0, |_| 0)),
        };
        match result {
            Ok(object) => self.look_at(object, &told),
            Err(rv) => drop(blameless(told, rv)),
        }
    }

    /// A function, and a template that is good for it.
    fn start(&self, choices: &mut Choices) -> (&'static str, Vec<(u64, Vec<u8>)>) {
        let n = |value: u64| number(value).to_vec();
        let secret = |kind: u64| vec![(CKA_CLASS, n(CKO_SECRET_KEY)), (CKA_KEY_TYPE, n(kind))];
        let mut start = match choices.below(8) {
            0 => ("create", secret(CKK_GENERIC_SECRET)),
            1 => ("create", vec![(CKA_CLASS, n(*choices.pick(&[0, 1, 2, 3, 4, 6, 9])))]),
            2 => ("generate", vec![(CKA_VALUE_LEN, n(32))]),
            3 => ("pair", vec![(CKA_EC_PARAMS, P256.to_vec())]),
            4 => ("derive", secret(*choices.pick(&[CKK_AES, CKK_DES3, CKK_HKDF, CKK_GENERIC_SECRET]))),
            5 => ("unwrap", secret(CKK_AES)),
            6 => (*choices.pick(&["copy", "set"]), Vec::new()),
            _ => ("find", Vec::new()),
        };
        if start.0 == "create" {
            start.1.push((CKA_VALUE, choices.bytes(40)));
        }
        start
    }

    /// What was made tells what it is, and goes.
    fn look_at(&self, object: CK_OBJECT_HANDLE, told: &dyn Fn() -> String) {
        let session = self.world.calls();
        for kind in [CKA_CLASS, CKA_VALUE, CKA_CHECK_VALUE, CKA_PUBLIC_KEY_INFO, CKA_VALUE_LEN, CKA_LABEL] {
            blameless(told, session.get(object, kind).err().unwrap_or(CKR_OK));
        }
        blameless(told, session.destroy(object));
    }
}

/// An attribute; `inner` keeps the templates that are in it.
fn attribute(choices: &mut Choices, inner: &mut Vec<Attributes>) -> (CK_ATTRIBUTE_TYPE, Vec<u8>) {
    let (first, last) = *choices.pick(&RANGES);
    let (mut kind, value) = (first + choices.below((last - first) as usize + 1) as u64, value(choices));
    if choices.one_in(12) {
        kind = *choices.pick(&ARRAYS);
    }
    if !ARRAYS.contains(&kind) {
        return (kind, value);
    }
    // A template in a template, or a length that is no array's: its pointers would lead nowhere.
    if choices.one_in(3) {
        return (kind, vec![0; choices.below(24)]);
    }
    let pairs: Vec<_> = (0..choices.below(4)).map(|_| attribute(choices, inner)).collect();
    let pairs: Vec<Pair> = pairs.iter().map(|(kind, value)| (*kind, value.as_slice())).collect();
    let template = Attributes::new(&pairs);
    let value = as_value(&template);
    inner.push(template);
    (kind, value)
}

/// The attributes that are arrays of attributes.
const ARRAYS: [CK_ATTRIBUTE_TYPE; 5] = [
    CKA_WRAP_TEMPLATE,
    CKA_UNWRAP_TEMPLATE,
    CKA_DERIVE_TEMPLATE,
    CKA_ENCAPSULATE_TEMPLATE,
    CKA_DECAPSULATE_TEMPLATE,
];

fn value(choices: &mut Choices) -> Vec<u8> {
    match choices.below(4) {
        0 => vec![choices.byte() % 3],
        1 => number(*choices.pick(&NUMBERS)).to_vec(),
        2 => choices.bytes(20),
        _ => choices.bytes(70),
    }
}
