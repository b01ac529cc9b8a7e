//! Names of mechanisms, for the log.

use cryptoki_sys::CK_MECHANISM_TYPE;
use std::borrow::Cow;

/// The name in the mechanism table, else the number.
pub fn mechanism_name(id: CK_MECHANISM_TYPE) -> Cow<'static, str> {
    match crate::mechanism::table::find(id) {
        Some(row) => Cow::Borrowed(row.name),
        None => Cow::Owned(format!("{id:#x}")),
    }
}
