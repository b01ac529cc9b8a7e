//! The parity of DES keys (FIPS 46-3): each byte has an odd number of ones, the lowest bit sees to it.
//!
//! Called by: mechanism, object.

use zeroize::Zeroizing;

/// In a time that depends on the length alone.
pub fn is_odd(key: &[u8]) -> bool {
    key.iter().fold(1, |all, byte| all & byte.count_ones()) == 1
}

/// The key with the lowest bit of each byte as it must be.
pub fn made_odd(key: &[u8]) -> Box<[u8]> {
    let odd = Zeroizing::new(
        key.iter().map(|byte| byte ^ u8::from(byte.count_ones() % 2 == 0)).collect::<Vec<_>>(),
    );
    odd.as_slice().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_gets_an_odd_number_of_ones_and_keeps_its_upper_bits() {
        for byte in 0..=255u8 {
            let made = made_odd(&[byte])[0];
            assert_eq!((made.count_ones() % 2, made & 0xfe), (1, byte & 0xfe));
            assert_eq!(is_odd(&[byte]), byte == made);
            assert_eq!(is_odd(&[1, byte, 0xfe]), byte == made);
        }
    }
}
