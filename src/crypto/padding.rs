//! PKCS #7 padding (RFC 5652 sec. 6.3) and that of RSAES-PKCS1-v1_5 (RFC 8017 sec. 7.2), read in constant time.
//!
//! Called by: mechanism. Which byte of a padding is wrong must not show in time: whoever learns it decrypts CBC
//! without the key.

use ctutils::{Choice, CtSelect};

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

/// PKCS #1 v1.5 puts at least so many bytes before data that it encrypts: 0, 2, eight that are not 0, and 0.
pub const PKCS1_BYTES: usize = 11;

/// Where in a decrypted block the data begin; `None` if it is not padded for encryption. Takes the same time for
/// every block of a length, up to the answer.
pub fn pkcs1_data_start(block: &[u8]) -> Option<usize> {
    let [first, second, rest @ ..] = block else { return None };
    let mut separator = Choice::FALSE;
    let mut start = 0u32;
    for (index, byte) in (3u32..).zip(rest) {
        let is_first_zero = Choice::from_u8_eq(*byte, 0).and(separator.not());
        start = start.ct_select(&index, is_first_zero);
        separator = separator.or(is_first_zero);
    }
    let head = Choice::from_u8_eq(*first, 0).and(Choice::from_u8_eq(*second, 2));
    let long_enough = Choice::from_u32_le(PKCS1_BYTES as u32, start);
    head.and(separator).and(long_enough).to_bool().then_some(start as usize)
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
    fn a_block_of_pkcs1_is_read_as_rfc_8017_writes_it() {
        for bytes in [0usize, 1, 2, 3, 10, 11, 12, 40] {
            for separator in 0..=bytes {
                for (first, second, second_zero) in
                    [(0, 2, None), (0, 2, Some(3)), (1, 2, None), (0, 1, None)]
                {
                    let mut block = vec![0x55; bytes];
                    block.iter_mut().zip([first, second]).for_each(|(byte, value)| *byte = value);
                    for at in [Some(separator), second_zero.map(|n| separator + n)].into_iter().flatten() {
                        if at >= 2 && at < bytes {
                            block[at] = 0;
                        }
                    }
                    let is_whole = (10..bytes).contains(&separator);
                    let expected = (is_whole && (first, second) == (0, 2)).then_some(separator + 1);
                    let later = second_zero.map(|n| separator + n).filter(|at| (10..bytes).contains(at));
                    let expected = match (separator, later) {
                        // Nothing was written over the head: the second zero is the first.
                        (0 | 1, Some(at)) => Some(at + 1),
                        _ => expected,
                    };
                    assert_eq!(pkcs1_data_start(&block), expected, "{bytes}, {separator}, {second_zero:?}");
                }
            }
        }
    }

    #[test]
    fn filling_gives_whole_blocks() {
        assert_eq!([0, 1, 15, 16, 17].map(|n| pkcs7_fill(n, 16)), [16, 15, 1, 16, 15]);
    }
}
