//! Wrapped keys of every kind, spoilt: as they are, and inside what wraps them. What is unwrapped all the same is used.

use super::parameters::Given;
use super::{Choices, blameless};
use crate::support::*;
use crate::sweep::samples::form;
use crate::sweep::stock::{Half, Stock};
use crate::sweep::uses::{Use, uses};
use crate::sweep::world::World;
use cryptoki_sys::*;
use vhsm_pkcs11::mechanism::Mechanism as MechanismRow;
use vhsm_pkcs11::mechanism::table::TABLE;

pub struct Wrapped {
    world: World,
    stock: Stock,
    samples: Vec<WrappedKey>,
    /// PKCS #8 structures, with the type of each.
    inner: Vec<(CK_KEY_TYPE, Vec<u8>)>,
}

struct WrappedKey {
    row: &'static MechanismRow,
    used: &'static Use,
    class: CK_OBJECT_CLASS,
    kind: CK_KEY_TYPE,
    bytes: Vec<u8>,
}

/// The types of private key that are wrapped.
const PAIRS: [CK_KEY_TYPE; 6] = [CKK_RSA, CKK_EC, CKK_EC_EDWARDS, CKK_EC_MONTGOMERY, CKK_ML_DSA, CKK_ML_KEM];
/// Mechanisms that encrypt what they wrap as they encrypt data: by them anything can be wrapped.
const PLAIN: [CK_MECHANISM_TYPE; 2] = [CKM_AES_CBC_PAD, CKM_AES_KEY_WRAP_KWP];

impl Wrapped {
    pub fn new() -> Wrapped {
        let world = World::new();
        let stock = Stock::new(&world);
        let mut wrapped = Wrapped { world, stock, samples: Vec::new(), inner: Vec::new() };
        let kinds: Vec<_> = wrapped.stock.types().collect();
        let wraps = TABLE.iter().flat_map(|row| uses(row).map(move |used| (row, used)));
        for (row, used) in wraps.filter(|(row, used)| used.name == "C_UnwrapKey" && wrapped.world.offers(row))
        {
            for kind in kinds.iter().copied().filter(|kind| PAIRS.contains(kind) || *kind == CKK_AES) {
                let class = if kind == CKK_AES { CKO_SECRET_KEY } else { CKO_PRIVATE_KEY };
                let sample = wrapped.wrap(row, used, kind);
                wrapped.samples.extend(sample.map(|bytes| WrappedKey { row, used, class, kind, bytes }));
            }
        }
        for kind in PAIRS.into_iter().filter(|kind| kinds.contains(kind)) {
            let pkcs8 = wrapped.unwrapped(kind);
            wrapped.inner.push((kind, pkcs8));
        }
        wrapped
    }

    /// A key of the stock, wrapped by the mechanism with its good parameter; `None`: it wraps no such key.
    fn wrap(&self, row: &MechanismRow, used: &Use, kind: CK_KEY_TYPE) -> Option<Vec<u8>> {
        let given = Given::of(form(&self.world, row, used).sample, &[], &mut Choices(&[]));
        let (mut mechanism, target) = (given.mechanism(row.id), self.stock.key(kind, Half::Private));
        let (to, room) = (self.world.memory.out() as *mut CK_BYTE, self.world.memory.room() as *mut CK_ULONG);
        let wrapping = self.stock.key(row.key_types[0], Half::Public);
        let session = self.world.session;
        let rv = call!(self.world.api, C_WrapKey(session, &mut mechanism, wrapping, target, to, room));
        (rv == CKR_OK).then(|| self.world.memory.out_bytes(self.world.memory.length() as usize))
    }

    /// The PKCS #8 structure of a private key of the stock.
    fn unwrapped(&self, kind: CK_KEY_TYPE) -> Vec<u8> {
        let session = self.world.calls();
        let (key, target) = (self.stock.key(CKK_AES, Half::Private), self.stock.key(kind, Half::Private));
        let wrapped = session.wrap(Mechanism::cbc_pad(), key, target).expect("a wrapped key");
        expect("init", session.decrypt_init(Mechanism::cbc_pad(), key), CKR_OK);
        session.decrypt(&wrapped).expect("what was wrapped")
    }

    pub fn round(&self, choices: &mut Choices) {
        if choices.one_in(2) { self.outer(choices) } else { self.inside(choices) }
    }

    fn outer(&self, choices: &mut Choices) {
        let sample = choices.pick(&self.samples);
        let bytes = choices.spoilt(sample.bytes.clone());
        let given = Given::of(form(&self.world, sample.row, sample.used).sample, &[], &mut Choices(&[]));
        let key = self.stock.key(sample.row.key_types[0], Half::Private);
        self.unwrap(given.mechanism(sample.row.id), key, (sample.class, sample.kind), &bytes, choices);
    }

    /// A spoilt structure, well wrapped.
    fn inside(&self, choices: &mut Choices) {
        let session = self.world.calls();
        let (kind, pkcs8) = choices.pick(&self.inner);
        let pkcs8 = choices.spoilt(pkcs8.clone());
        let by = || match *choices_of(&PLAIN, pkcs8.len()) {
            CKM_AES_CBC_PAD => Mechanism::cbc_pad(),
            id => Mechanism::plain(id),
        };
        let key = self.stock.key(CKK_AES, Half::Private);
        expect("init", session.encrypt_init(by(), key), CKR_OK);
        let Ok(wrapped) = session.encrypt(&pkcs8) else { return };
        let kind = if choices.one_in(12) { *choices.pick(&PAIRS) } else { *kind };
        let mut mechanism = by();
        self.unwrap(mechanism.raw(), key, (CKO_PRIVATE_KEY, kind), &wrapped, choices);
    }

    fn unwrap(
        &self,
        mut mechanism: CK_MECHANISM,
        key: CK_OBJECT_HANDLE,
        (class, kind): (CK_OBJECT_CLASS, CK_KEY_TYPE),
        wrapped: &[u8],
        choices: &mut Choices,
    ) {
        let (class, number_of_kind) = (number(class), number(kind));
        let mut template = Attributes::new(&[
            (CKA_CLASS, &class),
            (CKA_KEY_TYPE, &number_of_kind),
            (CKA_EXTRACTABLE, YES),
            (CKA_SENSITIVE, NO),
        ]);
        let (from, length) = (wrapped.as_ptr().cast_mut(), wrapped.len() as CK_ULONG);
        let (pointer, count, session) = (template.as_mut_ptr(), template.count(), self.world.session);
        let mut made = 0;
        let rv = call!(
            self.world.api,
            C_UnwrapKey(session, &mut mechanism, key, from, length, pointer, count, &mut made)
        );
        let id = mechanism.mechanism;
        if blameless(|| format!("unwrap {id:#x} {kind:#x}"), rv) == CKR_OK {
            self.try_out(made, kind, choices);
            expect("destroy", self.world.calls().destroy(made), CKR_OK);
        }
        let stuck = self.world.active();
        assert!(stuck.is_empty(), "{id:#x}: {stuck:?}");
    }

    /// What was let in works, or says whose fault it is that it does not.
    fn try_out(&self, key: CK_OBJECT_HANDLE, kind: CK_KEY_TYPE, choices: &mut Choices) {
        let session = self.world.calls();
        for part in [CKA_VALUE, CKA_MODULUS, CKA_EC_POINT, CKA_PUBLIC_KEY_INFO, CKA_CHECK_VALUE] {
            blameless(|| format!("get {part:#x}"), session.get(key, part).err().unwrap_or(CKR_OK));
        }
        let signs = match kind {
            CKK_RSA => CKM_SHA256_RSA_PKCS,
            CKK_EC => CKM_ECDSA,
            CKK_EC_EDWARDS => CKM_EDDSA,
            CKK_ML_DSA => CKM_ML_DSA,
            CKK_AES => CKM_AES_CMAC,
            _ => return,
        };
        let what = || format!("sign with {kind:#x}");
        if blameless(what, session.sign_init(Mechanism::plain(signs), key)) == CKR_OK {
            blameless(what, session.sign(&choices.bytes(32)).err().unwrap_or(CKR_OK));
        }
    }
}

/// By the length, so that what is encrypted is decrypted by the same.
fn choices_of(list: &[CK_MECHANISM_TYPE], length: usize) -> &CK_MECHANISM_TYPE {
    &list[length % list.len()]
}
