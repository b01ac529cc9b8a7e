//! What profile `cloudhsm` asks of objects on top of the specification's rules: its tables applied.
//!
//! In profile `standard` nothing of this runs.

use super::attributes::{Form, find};
use super::{Attribute, Context, Object, Origin, Template, values};
use crate::error::ObjectError;
use crate::profile::{
    Active, CERTIFICATE, CertificateRow, GENERIC_SECRET_BYTES, Given, KeyRules, LABEL_BYTES, Making,
    RSA_BITS, RSA_STEP_BITS, Shown,
};
use cryptoki_sys::*;
use std::borrow::Cow;

/// The profile's rules for one object that is made.
pub(super) enum Overlay {
    Key(KeyRules, Making),
    Certificate,
}

impl Overlay {
    /// `None`: the profile has no rules of its own. Errors: `Inconsistent`, if it has no such objects.
    pub(super) fn of(
        object: &Object,
        origin: Origin,
        context: &Context,
    ) -> Result<Option<Self>, ObjectError> {
        if !context.active.rules.few_attributes {
            return Ok(None);
        }
        let making = match origin {
            Origin::Created => Making::Create,
            Origin::Generated(_) => Making::Generate,
            Origin::Unwrapped => Making::Unwrap,
            Origin::Derived { .. } => Making::Derive,
        };
        let (class, (_, subtype)) = (object.class.class, object.class.subtype);
        if class == CKO_CERTIFICATE && subtype == CKC_X_509 && context.active.settings.certificates {
            return Ok(Some(Overlay::Certificate));
        }
        match KeyRules::of(class, subtype) {
            Some(rules) => Ok(Some(Overlay::Key(rules, making))),
            None => Err(ObjectError::Inconsistent("this profile has no objects of this class or type")),
        }
    }

    /// The flags of an object of the class that no template gave.
    pub(super) fn default_flags(&self, object: &Object) -> u64 {
        let mut flags = object.class.default_flags;
        let mut set = |kind, on: bool| {
            if let Some(Form::Flag(number)) = find(kind).map(|id| id.row().form) {
                flags = flags & !(1 << number) | u64::from(on) << number;
            }
        };
        match self {
            Overlay::Key(rules, making) => rules.defaults(*making).for_each(|(kind, on)| set(kind, on)),
            Overlay::Certificate => CERTIFICATE.iter().for_each(|row| {
                row.default.inspect(|on| set(row.kind, *on));
            }),
        }
        flags & object.class.flags
    }

    /// Whether a template may give the attribute. Errors: `Inconsistent`, `ReadOnly`, `ValueInvalid`.
    pub(super) fn admit(&self, attribute: &Attribute, default_flags: u64) -> Result<(), ObjectError> {
        let (given, max_bytes) = match self {
            Overlay::Key(rules, making) => {
                let most = if attribute.kind == CKA_LABEL { LABEL_BYTES } else { usize::MAX };
                (rules.given(*making, attribute.kind), most)
            }
            Overlay::Certificate => {
                certificate(attribute.kind).map_or((Given::Never, 0), |row| (row.given, row.max_bytes))
            }
        };
        match given {
            Given::May | Given::Must if attribute.value.len() > max_bytes => {
                let reason = "longer than this profile takes";
                Err(ObjectError::ValueInvalid { attribute: attribute.kind, reason })
            }
            Given::May | Given::Must => Ok(()),
            Given::DefaultOnly if is_default(attribute, default_flags) => Ok(()),
            Given::DefaultOnly => Err(ObjectError::Inconsistent("this profile takes the default only")),
            Given::ReadOnly => Err(ObjectError::ReadOnly(attribute.kind)),
            Given::Never => {
                Err(ObjectError::Inconsistent("this profile does not have the attribute for such an object"))
            }
        }
    }

    /// Errors: `Incomplete`; `ValueInvalid` for a size that the profile does not have.
    pub(super) fn check_whole(&self, template: &Template) -> Result<(), ObjectError> {
        let missing = match self {
            Overlay::Key(rules, making) => rules.required(*making).find(|kind| template.get(*kind).is_none()),
            Overlay::Certificate => {
                let mut required = CERTIFICATE.iter().filter(|row| row.given == Given::Must);
                required.find(|row| template.get(row.kind).is_none()).map(|row| row.kind)
            }
        };
        match missing {
            Some(kind) if !matches!(kind, CKA_CLASS | CKA_KEY_TYPE) => Err(ObjectError::Incomplete(kind)),
            _ => check_sizes_asked_for(self, template),
        }
    }

    /// A derived key is made here too.
    pub(super) fn is_local(&self) -> bool {
        matches!(self, Overlay::Key(_, Making::Derive | Making::Generate))
    }
}

impl Object {
    /// As `read`, as far as the profile shows the attribute: what it does not have is `TypeInvalid`.
    pub fn read_under(&self, active: &Active, kind: CK_ATTRIBUTE_TYPE) -> Result<Cow<'_, [u8]>, ObjectError> {
        let rules = match active.rules.few_attributes {
            true => KeyRules::of(self.class.class, self.class.subtype.1),
            false => None,
        };
        match rules.map_or(Shown::Yes, |rules| rules.shown(kind)) {
            Shown::Yes => self.read(kind),
            Shown::Sensitive => Err(ObjectError::Sensitive(kind)),
            Shown::No => Err(ObjectError::TypeInvalid(kind)),
        }
    }

    /// Whether the profile has keys of this size, which only the finished key tells where it was imported or
    /// unwrapped. Errors: `ValueInvalid`.
    pub fn check_size_under(&self, active: &Active) -> Result<(), ObjectError> {
        if !active.rules.few_attributes {
            return Ok(());
        }
        match (self.class.class, self.class.subtype.1) {
            (CKO_SECRET_KEY, CKK_GENERIC_SECRET) => {
                let bytes = self.secret().map_or(0, |secret| secret.expose().len());
                check_generic(CKA_VALUE, bytes)
            }
            (CKO_PUBLIC_KEY | CKO_PRIVATE_KEY, CKK_RSA) => {
                check_rsa(CKA_MODULUS, bits(self.bytes(CKA_MODULUS).unwrap_or_default()))
            }
            _ => Ok(()),
        }
    }
}

fn certificate(kind: CK_ATTRIBUTE_TYPE) -> Option<&'static CertificateRow> {
    CERTIFICATE.iter().find(|row| row.kind == kind)
}

/// The default of a number is 0, as CK_CERTIFICATE_CATEGORY_UNSPECIFIED.
fn is_default(attribute: &Attribute, default_flags: u64) -> bool {
    match find(attribute.kind).map(|id| id.row().form) {
        Some(Form::Flag(number)) => attribute.value == [CK_BBOOL::from(default_flags & 1 << number != 0)],
        _ => values::number(attribute.value) == Some(0),
    }
}

fn check_sizes_asked_for(overlay: &Overlay, template: &Template) -> Result<(), ObjectError> {
    let Overlay::Key(rules, _) = overlay else { return Ok(()) };
    if *rules == KeyRules::GENERIC_SECRET
        && let Some(bytes) = template.number(CKA_VALUE_LEN)?
    {
        check_generic(CKA_VALUE_LEN, usize::try_from(bytes).unwrap_or(usize::MAX))?;
    }
    match template.number(CKA_MODULUS_BITS)? {
        Some(bits) => check_rsa(CKA_MODULUS_BITS, bits),
        None => Ok(()),
    }
}

fn check_generic(attribute: CK_ATTRIBUTE_TYPE, bytes: usize) -> Result<(), ObjectError> {
    match (1..=GENERIC_SECRET_BYTES).contains(&bytes) {
        true => Ok(()),
        false => Err(ObjectError::ValueInvalid {
            attribute,
            reason: "this profile's generic secrets have 1 to 800 bytes",
        }),
    }
}

fn check_rsa(attribute: CK_ATTRIBUTE_TYPE, bits: u64) -> Result<(), ObjectError> {
    match RSA_BITS.contains(&bits) && bits.is_multiple_of(RSA_STEP_BITS) {
        true => Ok(()),
        false => Err(ObjectError::ValueInvalid {
            attribute,
            reason: "this profile's RSA keys have 2048 to 4096 bits, in steps of 256",
        }),
    }
}

/// The length of a big-endian number in bits.
fn bits(number: &[u8]) -> u64 {
    let significant = number.iter().position(|byte| *byte != 0).map_or(&[][..], |at| &number[at..]);
    significant.first().map_or(0, |first| significant.len() as u64 * 8 - u64::from(first.leading_zeros()))
}
