//! Which keys are meant: `key-reference=0x...`, `attr.NAME=VALUE`, and the page of a long list.

use super::attributes::Attributes;
use super::view;
use crate::cli::key::ListKeysArgs;
use crate::failure::Failure;
use cryptoki_sys::*;
use vhsm_pkcs11::cluster::ObjectId;
use vhsm_pkcs11::session::Session;

/// All of its conditions must hold.
pub struct Filter {
    reference: Option<ObjectId>,
    attributes: Attributes,
    has_attributes: bool,
}

/// Some keys of a list.
pub struct Page {
    pub ids: Vec<ObjectId>,
    pub total: usize,
    pub next: Option<String>,
}

const CLASSES: [CK_OBJECT_CLASS; 3] = [CKO_SECRET_KEY, CKO_PRIVATE_KEY, CKO_PUBLIC_KEY];
/// Handles asked for at once.
const ROOM: usize = 256;

impl Filter {
    pub fn parse(conditions: &[String]) -> Result<Self, Failure> {
        let mut filter = Self { reference: None, attributes: Attributes::default(), has_attributes: false };
        for condition in conditions {
            if let Some(reference) = condition.strip_prefix("key-reference=") {
                filter.reference = Some(parse_reference(reference)?);
            } else if let Some(attribute) = condition.strip_prefix("attr.") {
                filter.attributes.set_all(&[attribute.to_owned()])?;
                filter.has_attributes = true;
            } else {
                return Err(Failure::new(format!(
                    "filter {condition:?}: write key-reference=0x... or attr.NAME=VALUE"
                )));
            }
        }
        Ok(filter)
    }

    /// `None`: it asks for attributes; else the key it names, if it names one.
    pub fn reference_alone(&self) -> Option<Option<ObjectId>> {
        (!self.has_attributes).then_some(self.reference)
    }

    /// All token keys that the session's user sees, by their references.
    pub fn all(&self, session: &Session) -> Result<Vec<ObjectId>, Failure> {
        let mut attributes = self.attributes.clone();
        attributes.set(CKA_TOKEN, [CK_TRUE]);
        session.find_init(&attributes.template())?;
        let mut found = Vec::new();
        loop {
            let mut room = [0; ROOM];
            let told = session.find(&mut room)?;
            found.extend(room[..told].iter().map(|handle| ObjectId(*handle)));
            if told < ROOM {
                break;
            }
        }
        session.find_final()?;
        let mut keys = Vec::new();
        for id in found.into_iter().filter(|id| self.reference.is_none_or(|reference| *id == reference)) {
            if is_key(session, id)? {
                keys.push(id);
            }
        }
        keys.sort_unstable();
        Ok(keys)
    }

    /// The only key that matches.
    pub fn one(&self, session: &Session) -> Result<ObjectId, Failure> {
        match self.all(session)?[..] {
            [id] => Ok(id),
            [] => Err(match self.reference {
                Some(id) if !self.has_attributes => no_key(&view::reference(id)),
                _ => Failure::new("no key matches the filter; `vhsm key list` shows those there are"),
            }),
            ref all => Err(Failure::new(format!(
                "{} keys match the filter: name one by key-reference=0x..., as `vhsm key list` shows it",
                all.len()
            ))),
        }
    }
}

impl Page {
    pub fn of(mut ids: Vec<ObjectId>, arguments: &ListKeysArgs) -> Result<Self, Failure> {
        let total = ids.len();
        if arguments.max_items == 0 {
            return Err(Failure::new("--max-items 0 shows nothing: give at least 1"));
        }
        if let Some(token) = &arguments.starting_token {
            let first = parse_reference(token)?;
            ids.retain(|id| *id >= first);
        }
        let next = ids.get(arguments.max_items).map(|id| view::reference(*id));
        ids.truncate(arguments.max_items);
        Ok(Self { ids, total, next })
    }
}

pub fn no_key(reference: &str) -> Failure {
    Failure::new(format!("there is no key {reference} for this user; `vhsm key list` shows those there are"))
}

fn parse_reference(text: &str) -> Result<ObjectId, Failure> {
    let digits =
        text.strip_prefix("0x").filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    let number = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    let wrong =
        || Failure::new(format!("{text:?} is no key reference: write 0x and up to 16 hexadecimal digits"));
    number.map(ObjectId).ok_or_else(wrong)
}

/// A key that vanished since it was found is none.
fn is_key(session: &Session, id: ObjectId) -> Result<bool, Failure> {
    let Ok(object) = session.view_object(id.0) else { return Ok(false) };
    let class = object.read(CKA_CLASS).map_err(vhsm_pkcs11::error::Error::from)?;
    Ok(CLASSES.iter().any(|known| known.to_ne_bytes() == *class))
}
