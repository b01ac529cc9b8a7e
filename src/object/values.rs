//! Values of attributes: numbers and dates.

use cryptoki_sys::CK_ULONG;

// Stored numbers are little-endian, and are read as the machine's CK_ULONG where they lie.
const _: () = assert!(cfg!(target_endian = "little") && size_of::<CK_ULONG>() == 8);

/// A CK_ULONG; `None` if it has another size.
pub(super) fn number(value: &[u8]) -> Option<CK_ULONG> {
    Some(CK_ULONG::from_le_bytes(value.try_into().ok()?))
}

/// A CK_DATE (PKCS#11 3.0 sec. 3.2): digits of year, month and day that the calendar has; or empty.
pub(super) fn is_date(value: &[u8]) -> bool {
    if value.is_empty() {
        return true;
    }
    if value.len() != 8 || !value.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let digits = |part: &[u8]| part.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    let (year, month, day) = (digits(&value[..4]), digits(&value[4..6]), digits(&value[6..]));
    (1..=days_of(year, month)).contains(&day)
}

fn days_of(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => 0,
    }
}
