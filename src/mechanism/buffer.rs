//! What every cipher does with the caller's output buffer, and with data that does not fill a block.
//!
//! Called by: the mechanisms of this folder.

use crate::crypto::block::{BLOCK_BYTES, BlockCipher};
use crate::error::Error;
use zeroize::Zeroizing;

/// The first `needed` bytes of the output. Errors: `BufferTooSmall`.
pub(super) fn exact(output: &mut [u8], needed: usize) -> Result<&mut [u8], Error> {
    output.get_mut(..needed).ok_or(Error::BufferTooSmall { needed })
}

/// Cuts data that comes in parts of any length into blocks.
pub(super) struct Blocks {
    /// Keep the last block back even when it is whole: it may turn out to hold the padding.
    keep_last: bool,
    held: Zeroizing<[u8; BLOCK_BYTES]>,
    held_bytes: usize,
}

impl Blocks {
    pub(super) fn new(keep_last: bool) -> Self {
        Self { keep_last, held: Zeroizing::new([0; BLOCK_BYTES]), held_bytes: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.held_bytes = 0;
    }

    /// The bytes that wait for the rest of their block.
    pub(super) fn held(&self) -> &[u8] {
        &self.held[..self.held_bytes]
    }

    /// Bytes that `update` gives for so much input now.
    pub(super) fn ready_bytes(&self, input_bytes: usize) -> usize {
        let total = self.held_bytes.saturating_add(input_bytes);
        let free = if self.keep_last { total.saturating_sub(1) } else { total };
        free - free % BLOCK_BYTES
    }

    /// Processes all blocks that are ready, and holds the rest.
    pub(super) fn update(
        &mut self,
        cipher: &mut BlockCipher,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, Error> {
        let ready = self.ready_bytes(input.len());
        let mut output = exact(output, ready)?;
        let mut input = input;
        if ready > 0 && self.held_bytes > 0 {
            let (missing, rest) = input.split_at(BLOCK_BYTES - self.held_bytes);
            self.held[self.held_bytes..].copy_from_slice(missing);
            let (first, others) = output.split_at_mut(BLOCK_BYTES);
            cipher.blocks(&*self.held, first)?;
            self.held_bytes = 0;
            (input, output) = (rest, others);
        }
        let (whole, rest) = input.split_at(output.len());
        cipher.blocks(whole, output)?;
        self.held[self.held_bytes..self.held_bytes + rest.len()].copy_from_slice(rest);
        self.held_bytes += rest.len();
        Ok(ready)
    }
}
