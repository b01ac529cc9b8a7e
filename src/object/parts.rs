//! The secret parts of a private key, in one buffer that is wiped: what stands in the place of CKA_VALUE.
//!
//! Each part is its attribute's type and its length, four bytes each, and its bytes; in ascending order of
//! types, so that every key has one encoding only. Part of the stored format.

use super::Secret;
use cryptoki_sys::CK_ATTRIBUTE_TYPE;
use zeroize::Zeroizing;

const HEAD_BYTES: usize = 8;

/// The parts, in their order; stops where the bytes are none.
pub(super) fn iter(bytes: &[u8]) -> impl Iterator<Item = Part<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (part, next) = take(rest)?;
        rest = next;
        Some(part)
    })
}

pub(super) fn find(bytes: &[u8], kind: CK_ATTRIBUTE_TYPE) -> Option<&[u8]> {
    iter(bytes).find(|(other, _)| *other == kind).map(|(_, value)| value)
}

/// The parts with this one added or put in its place. An empty part is not kept.
pub(super) fn with(parts: Option<&Secret>, kind: CK_ATTRIBUTE_TYPE, value: &[u8]) -> Option<Secret> {
    let old = parts.map_or(&[][..], Secret::expose);
    let others = || iter(old).filter(|(other, _)| *other != kind);
    let new = (!value.is_empty()).then_some((kind, value));
    let bytes = others().chain(new).map(|(_, value)| HEAD_BYTES + value.len()).sum();
    // The exact size at once: a vector that grows would leave parts behind unwiped.
    let mut out = Zeroizing::new(Vec::with_capacity(bytes));
    others().filter(|(other, _)| *other < kind).for_each(|part| put(&mut out, part));
    new.into_iter().for_each(|part| put(&mut out, part));
    others().filter(|(other, _)| *other > kind).for_each(|part| put(&mut out, part));
    (!out.is_empty()).then(|| Secret::new(std::mem::take(&mut *out)))
}

/// Whether the bytes are parts of types that `is_part` knows, in their order, and nothing else.
pub(super) fn are_sound(bytes: &[u8], is_part: impl Fn(CK_ATTRIBUTE_TYPE) -> bool) -> bool {
    let mut seen = 0;
    let mut last = None;
    for (kind, value) in iter(bytes) {
        if value.is_empty() || !is_part(kind) || last.is_some_and(|last| last >= kind) {
            return false;
        }
        last = Some(kind);
        seen += HEAD_BYTES + value.len();
    }
    seen == bytes.len()
}

/// An attribute's type and its bytes.
type Part<'a> = (CK_ATTRIBUTE_TYPE, &'a [u8]);

fn put(out: &mut Vec<u8>, (kind, value): Part<'_>) {
    out.extend_from_slice(&(kind as u32).to_le_bytes());
    out.extend_from_slice(&(value.len() as u32).to_le_bytes());
    out.extend_from_slice(value);
}

fn take(bytes: &[u8]) -> Option<(Part<'_>, &[u8])> {
    let (kind, rest) = bytes.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    Some(((CK_ATTRIBUTE_TYPE::from(u32::from_le_bytes(*kind)), value), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_in_one_order() {
        let one = with(None, 7, b"seven");
        let two = with(one.as_ref(), 3, b"three");
        let other = with(with(None, 3, b"three").as_ref(), 7, b"seven");
        assert_eq!(two.as_ref().unwrap().expose(), other.unwrap().expose());
        let two = two.unwrap();
        assert_eq!(find(two.expose(), 7), Some(&b"seven"[..]));
        assert_eq!(find(two.expose(), 5), None);
        assert!(are_sound(two.expose(), |kind| kind < 8));
        assert!(!are_sound(two.expose(), |kind| kind < 7));
        assert!(!are_sound(&two.expose()[..20], |_| true));
        assert!(!are_sound(&[two.expose(), two.expose()].concat(), |_| true));
        let replaced = with(Some(&two), 7, b"7").unwrap();
        assert_eq!(find(replaced.expose(), 7), Some(&b"7"[..]));
        let emptied = with(Some(&replaced), 7, b"").unwrap();
        assert_eq!(iter(emptied.expose()).count(), 1);
        assert!(with(Some(&emptied), 3, b"").is_none());
    }
}
