//! The mechanisms of one run: the table's rows as the profile and the settings leave them.
//!
//! Called by: library, whose calls find their mechanism here. A profile's row is a copy of the table's that does only
//! what it may do there, so that dispatch, CKF_ flags and the key sizes told cannot differ.

use super::table::{TABLE, place};
use super::{KeySizes, Mechanism, cloudhsm_derive};
use crate::profile::{Active, MechanismRow, Profile, Settings, Uses, find_mechanism};
use cryptoki_sys::{CK_MECHANISM_TYPE, CKM_ECDH1_DERIVE};
use once_cell::sync::OnceCell;

/// The rows that are offered, at the places of the table's.
pub struct Catalog(Box<[Option<&'static Mechanism>]>);

/// The rows of profile `cloudhsm`, in FIPS mode and not, with ECDH alone and not: made when a run first wants them, for
/// all runs.
static CLOUDHSM: [OnceCell<Box<[Option<Mechanism>]>>; 4] = [const { OnceCell::new() }; 4];

impl Catalog {
    pub fn new(active: &Active) -> Self {
        let rows: Box<[_]> = match active.profile {
            Profile::Standard => {
                let offered = |row: &&Mechanism| !row.cloudhsm && (active.legacy || !row.legacy);
                TABLE.iter().map(|row| Some(row).filter(offered)).collect()
            }
            Profile::CloudHsm => {
                let settings = active.settings;
                let cell =
                    &CLOUDHSM[usize::from(settings.non_fips) | usize::from(settings.ecdh_without_kdf) << 1];
                cell.get_or_init(|| TABLE.iter().map(|row| of_cloudhsm(row, &settings)).collect())
                    .iter()
                    .map(Option::as_ref)
                    .collect()
            }
        };
        Self(rows)
    }

    /// One array access more than the table's `find`.
    #[inline]
    pub fn find(&self, id: CK_MECHANISM_TYPE) -> Option<&'static Mechanism> {
        *self.0.get(place(id)?)?
    }

    /// The mechanisms, in the table's order.
    pub fn rows(&self) -> impl Iterator<Item = &'static Mechanism> {
        self.0.iter().copied().flatten()
    }
}

fn of_cloudhsm(row: &Mechanism, settings: &Settings) -> Option<Mechanism> {
    let rule = find_mechanism(row.id)?;
    let uses = if settings.non_fips { rule.uses | rule.non_fips } else { rule.uses };
    let derive = match row.id {
        CKM_ECDH1_DERIVE => Some(cloudhsm_derive::ecdh(settings.ecdh_without_kdf)),
        _ => row.derive,
    };
    let row = Mechanism {
        key_sizes: key_sizes(row.key_sizes, rule),
        cipher: row.cipher.filter(|_| uses.has(Uses::CIPHER)),
        digest: row.digest.filter(|_| uses.has(Uses::DIGEST)),
        sign: row.sign.filter(|_| uses.has(Uses::SIGN)),
        recover: None,
        message: None,
        wrap: row.wrap.filter(|_| uses.has(Uses::WRAP)),
        kem: None,
        generate: row.generate.filter(|_| uses.has(Uses::GENERATE)),
        generate_pair: row.generate_pair.filter(|_| uses.has(Uses::GENERATE_PAIR)),
        derive: derive.filter(|_| uses.has(Uses::DERIVE)),
        limits: rule.limits,
        ..*row
    };
    (row.flags() != 0).then_some(row)
}

fn key_sizes(sizes: KeySizes, rule: &MechanismRow) -> KeySizes {
    rule.key_sizes.map_or(sizes, |(min, max)| KeySizes { min, max, ..sizes })
}
