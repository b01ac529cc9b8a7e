//! What every cipher does with the caller's output buffer, and with data that does not fill a block.
//!
//! Called by: the mechanisms of this folder.

use crate::crypto::block::{BLOCK_BYTES, BlockCipher};
use crate::error::Error;
use zeroize::{Zeroize, Zeroizing};

/// The first `needed` bytes of the output. Errors: `BufferTooSmall`.
pub(super) fn exact(output: &mut [u8], needed: usize) -> Result<&mut [u8], Error> {
    output.get_mut(..needed).ok_or(Error::BufferTooSmall { needed })
}

/// Buffers of more than this are given back when they are emptied.
const KEPT_BYTES: usize = 1 << 16;

/// Data that comes in parts and is held until its end. It may be secret: nothing of it stays in memory that is given
/// back.
#[derive(Default)]
pub(super) struct Held(Zeroizing<Vec<u8>>);

impl Held {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn push(&mut self, input: &[u8]) -> Result<(), Error> {
        let needed = self.0.len().saturating_add(input.len());
        if needed > self.0.capacity() {
            self.grow(needed)?;
        }
        self.0.extend_from_slice(input);
        Ok(())
    }

    /// Moves what is held to a larger place; the old one is wiped.
    fn grow(&mut self, needed: usize) -> Result<(), Error> {
        let no_memory = |_| Error::Internal(format!("no memory for {needed} bytes"));
        let mut larger = Vec::new();
        larger.try_reserve_exact(needed.max(self.0.capacity().saturating_mul(2))).map_err(no_memory)?;
        larger.extend_from_slice(&self.0);
        self.0 = Zeroizing::new(larger);
        Ok(())
    }

    pub(super) fn clear(&mut self) {
        if self.0.capacity() > KEPT_BYTES {
            self.0 = Zeroizing::default();
        }
        self.0.zeroize();
    }
}

/// Cuts data that comes in parts of any length into blocks.
pub(super) struct Blocks {
    /// Keep the last block back even when it is whole: it may turn out to hold the padding.
    keep_last: bool,
    block_bytes: usize,
    held: Zeroizing<[u8; BLOCK_BYTES]>,
    held_bytes: usize,
}

impl Blocks {
    /// For a cipher with blocks of so many bytes, `BLOCK_BYTES` at most.
    pub(super) fn new(block_bytes: usize, keep_last: bool) -> Self {
        Self { keep_last, block_bytes, held: Zeroizing::new([0; BLOCK_BYTES]), held_bytes: 0 }
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
        free - free % self.block_bytes
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
            let (missing, rest) = input.split_at(self.block_bytes - self.held_bytes);
            self.held[self.held_bytes..self.block_bytes].copy_from_slice(missing);
            let (first, others) = output.split_at_mut(self.block_bytes);
            cipher.blocks(&self.held[..self.block_bytes], first)?;
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
