//! PKCS #7 padding (RFC 5652 sec. 6.3), read in constant time.
//!
//! Called by: mechanism. Which byte of a padding is wrong must not show in time: whoever learns it decrypts CBC
//! without the key.

use ctutils::Choice;

/// The bytes to append to data of so many bytes: 1 to `block_bytes`, each with that value.
pub fn pkcs7_fill(data_bytes: usize, block_bytes: u8) -> u8 {
    block_bytes - (data_bytes % usize::from(block_bytes)) as u8
}

/// How many bytes of the last block (at most 255) are data; `None` if its padding is wrong.
pub fn pkcs7_data_bytes(last_block: &[u8]) -> Option<usize> {
    let size = u8::try_from(last_block.len()).ok()?;
    let fill = *last_block.last()?;
    let mut good = Choice::from_u8_nz(fill).and(Choice::from_u8_le(fill, size));
    for (index, byte) in (0..size).zip(last_block) {
        let is_data = Choice::from_u8_lt(fill, size - index);
        good = good.and(is_data.or(Choice::from_u8_eq(*byte, fill)));
    }
    good.to_bool().then(|| usize::from(size - fill))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_padding_of_a_block_is_judged_as_the_definition_says() {
        for fill in 0..=255u8 {
            for wrong in [None, Some(0), Some(8), Some(14)] {
                let mut block = [0xee; 16];
                let start = 16usize.saturating_sub(usize::from(fill));
                block[start..].fill(fill);
                if let Some(at) = wrong {
                    block[at] ^= 0x55;
                }
                block[15] = fill;
                let expected =
                    ((1..=16).contains(&fill) && block[start..].iter().all(|b| *b == fill)).then_some(start);
                assert_eq!(pkcs7_data_bytes(&block), expected, "fill {fill}, wrong {wrong:?}");
            }
        }
    }

    #[test]
    fn filling_gives_whole_blocks() {
        assert_eq!([0, 1, 15, 16, 17].map(|n| pkcs7_fill(n, 16)), [16, 15, 1, 16, 15]);
    }
}
