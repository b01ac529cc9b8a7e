//! The attributes of one object that are kept as bytes, in one buffer.
//!
//! Each is a row number, a length of four bytes and the value; an empty value is not kept. Objects have few
//! of them, so a walk is faster than any map, and most fit into the object itself without an allocation.
//! Never holds CKA_VALUE: that has its own place, which is wiped.

use super::attributes::Id;
use smallvec::SmallVec;

const INLINE_BYTES: usize = 64;
const HEAD_BYTES: usize = 5;

#[derive(Clone, Default)]
pub(super) struct Fields(SmallVec<[u8; INLINE_BYTES]>);

impl Fields {
    /// Adds an attribute that is not there yet. `value` has less than 4 GiB (see `MAX_OBJECT_BYTES`).
    pub(super) fn push(&mut self, id: Id, value: &[u8]) {
        if value.is_empty() {
            return;
        }
        self.0.reserve(HEAD_BYTES + value.len());
        self.0.push(id.index() as u8);
        self.0.extend_from_slice(&(value.len() as u32).to_le_bytes());
        self.0.extend_from_slice(value);
    }

    /// Takes an attribute out, if it is there.
    pub(super) fn remove(&mut self, id: Id) {
        if self.find(id).is_none() {
            return;
        }
        let mut kept = Fields::default();
        for (other, value) in self.iter().filter(|(other, _)| *other != id) {
            kept.push(other, value);
        }
        *self = kept;
    }

    pub(super) fn find(&self, id: Id) -> Option<&[u8]> {
        self.iter().find(|(other, _)| *other == id).map(|(_, value)| value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Id, &[u8])> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let (head, tail) = rest.split_first_chunk::<HEAD_BYTES>()?;
            let length = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
            let (value, next) = tail.split_at_checked(length)?;
            rest = next;
            Some((Id::at(head[0]), value))
        })
    }
}
