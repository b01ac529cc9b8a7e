//! Pages of lists: Limit, Marker, NextMarker, Truncated.

use crate::error::{Exception, KmsError};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::ops::ControlFlow;

/// The first byte of a marker.
const VERSION: u8 = 1;
const CHECKSUM_BYTES: usize = 4;

/// A page that is being filled: up to its limit, and no further than to know that something follows.
#[derive(Debug)]
pub(crate) struct Page<T> {
    limit: usize,
    items: Vec<T>,
    /// Where the last item stands.
    last: Vec<u8>,
    is_truncated: bool,
}

impl<T> Page<T> {
    /// `limit`: the request's, which was checked, or its default.
    pub fn new(limit: Option<i64>, default: usize) -> Self {
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(default).max(1);
        Self { limit, items: Vec::new(), last: Vec::new(), is_truncated: false }
    }

    /// Of an operation that puts no more than `most` on a page, whatever the Limit.
    pub fn of_at_most(most: usize, limit: Option<i64>, default: usize) -> Self {
        let page = Self::new(limit, default);
        Self { limit: page.limit.min(most), ..page }
    }

    /// Adds an item that stands at `place`. Breaks where the page was full already.
    pub fn push(&mut self, place: &[u8], item: T) -> ControlFlow<()> {
        if self.items.len() == self.limit {
            self.is_truncated = true;
            return ControlFlow::Break(());
        }
        self.last = place.to_vec();
        self.items.push(item);
        ControlFlow::Continue(())
    }

    /// Items, NextMarker and Truncated. `kind` is that of `start`.
    pub fn finish(self, kind: u8) -> (Vec<T>, Option<String>, bool) {
        let next = self.is_truncated.then(|| marker(kind, &self.last));
        (self.items, next, self.is_truncated)
    }
}

/// NextMarker of a page whose last item stands at `place`. `kind` tells the lists apart.
fn marker(kind: u8, place: &[u8]) -> String {
    let mut bytes = vec![VERSION, kind];
    bytes.extend_from_slice(place);
    bytes.extend(checksum(&bytes));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Against markers that were cut or changed by mistake.
fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    std::array::from_fn(|index| digest[index])
}

/// Where the page after this marker begins: just behind its place; `from` without a marker. Errors: `InvalidMarker`: it is
/// not of this list (`from..to`, of this `kind`).
pub(crate) fn start(kind: u8, marker: Option<&str>, from: &[u8], to: &[u8]) -> Result<Vec<u8>, KmsError> {
    let Some(marker) = marker else { return Ok(from.to_vec()) };
    let bytes = URL_SAFE_NO_PAD.decode(marker).unwrap_or_default();
    let whole = bytes.split_last_chunk().filter(|(said, sum)| checksum(said) == **sum);
    match whole.and_then(|(said, _)| said.strip_prefix(&[VERSION, kind])) {
        Some(place) if from <= place && place < to => Ok([place, &[0]].concat()),
        _ => Err(KmsError::new(Exception::InvalidMarker, "The marker is not one that this list has given.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_goes_on_behind_the_last_item() {
        let mut page = Page::new(Some(2), 100);
        assert!(page.push(b"ka", 1).is_continue());
        assert!(page.push(b"kb", 2).is_continue());
        assert!(page.push(b"kc", 3).is_break());
        let (items, next, is_truncated) = page.finish(7);
        assert_eq!((items, is_truncated), (vec![1, 2], true));
        assert_eq!(start(7, next.as_deref(), b"k", b"l").unwrap(), b"kb\0");
        assert_eq!(start(7, None, b"k", b"l").unwrap(), b"k");
    }

    #[test]
    fn the_last_page_has_no_marker() {
        let mut page = Page::new(None, 2);
        assert!(page.push(b"ka", 1).is_continue());
        assert!(page.push(b"kb", 2).is_continue());
        assert_eq!(page.finish(7), (vec![1, 2], None, false));
    }

    #[test]
    fn markers_of_other_lists_are_refused() {
        let marker = marker(7, b"kb");
        for (kind, text, from, to) in [
            (8, marker.as_str(), b"k", b"l"),
            (7, &marker, b"m", b"n"),
            (7, &marker[..marker.len() - 1], b"k", b"l"),
            (7, "garbage!", b"k", b"l"),
            (7, "", b"k", b"l"),
        ] {
            let error = start(kind, Some(text), from, to).unwrap_err();
            assert_eq!(error.exception, Exception::InvalidMarker, "{text}");
        }
    }
}
