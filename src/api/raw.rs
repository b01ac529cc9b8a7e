//! Pointers of the caller become slices and owned values here and in `params`, nowhere else.

use super::bad;
use crate::error::{Error, ObjectError};
use crate::object::{self, Attribute, Template};
use crate::session::{Outcome, Output};
use cryptoki_sys::*;
use std::cell::RefCell;
use zeroize::Zeroizing;

/// More attributes than any object has: a count beyond it is a mistake, not a template.
const MAX_ATTRIBUTES: usize = 4096;

/// Bytes that the caller lends for the call. Null with length 0 is the empty slice.
///
/// # Safety
/// A pointer that is not null leads to `length` readable bytes that do not change during the call.
pub unsafe fn bytes<'a>(
    pointer: *const CK_BYTE,
    length: CK_ULONG,
    what: &'static str,
) -> Result<&'a [u8], Error> {
    match usize::try_from(length) {
        Ok(0) => Ok(&[]),
        Ok(length) if !pointer.is_null() && length <= isize::MAX as usize => {
            // SAFETY: not null, and so long, by the caller's promise.
            Ok(unsafe { std::slice::from_raw_parts(pointer, length) })
        }
        _ => Err(bad(what)),
    }
}

/// A place for one value of the caller's. Errors: CKR_ARGUMENTS_BAD when null.
///
/// # Safety
/// A pointer that is not null leads to a writable `T` that nobody else uses during the call.
pub unsafe fn place<'a, T>(pointer: *mut T, what: &'static str) -> Result<&'a mut T, Error> {
    // SAFETY: null is checked by as_mut; else the caller's promise.
    unsafe { pointer.as_mut() }.ok_or_else(|| bad(what))
}

/// Where the caller wants a result: null asks for the size.
///
/// # Safety
/// `length`, if not null, is readable and writable; `pointer`, if not null, leads to `*length` writable bytes.
unsafe fn output<'a>(pointer: *mut CK_BYTE, length: *mut CK_ULONG) -> Result<Output<'a>, Error> {
    // SAFETY: the caller's promise.
    let length = *unsafe { place(length, "the length pointer is null") }?;
    if pointer.is_null() {
        return Ok(Output::Query);
    }
    let room = usize::try_from(length).unwrap_or(usize::MAX).min(isize::MAX as usize);
    // SAFETY: not null, and so long, by the caller's promise.
    Ok(Output::Buffer(unsafe { std::slice::from_raw_parts_mut(pointer, room) }))
}

/// A place of the caller's that is written after the call that named it: where the IV goes that the library makes for
/// CKM_AES_GCM in profile `cloudhsm`, once C_Encrypt has encrypted.
pub struct Later {
    pointer: *mut CK_BYTE,
    length: usize,
}

// SAFETY: the caller keeps the place for its operation, whichever of its threads goes on with it.
unsafe impl Send for Later {}

impl Later {
    /// # Safety
    /// A pointer that is not null leads to `length` writable bytes until the operation that names it has ended.
    pub unsafe fn new(pointer: *mut CK_BYTE, length: CK_ULONG) -> Option<Self> {
        let length = usize::try_from(length).ok()?;
        (!pointer.is_null()).then_some(Self { pointer, length })
    }

    /// Writes so many bytes as fit.
    pub fn write(self, bytes: &[u8]) {
        let length = self.length.min(bytes.len());
        // SAFETY: not null, and so long, by the promise that `new` was given.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.pointer, length) };
    }
}

/// Runs a call with an output buffer, and writes back how many bytes it took or would take.
///
/// # Safety
/// As `output`.
pub unsafe fn with_output(
    pointer: *mut CK_BYTE,
    length: *mut CK_ULONG,
    body: impl FnOnce(Result<Output<'_>, Error>) -> Result<Outcome, Error>,
) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    let result = body(unsafe { output(pointer, length) });
    // SAFETY: the caller's promise.
    unsafe { report_length(length, &result) };
    result.map(drop)
}

/// Runs a call with input and output buffers, which may be the same memory (PKCS#11 3.0 sec. 5.8.2).
///
/// # Safety
/// As `bytes` and `output`.
pub unsafe fn with_io(
    input: (*const CK_BYTE, CK_ULONG),
    pointer: *mut CK_BYTE,
    length: *mut CK_ULONG,
    body: impl FnOnce(Result<(&[u8], Output<'_>), Error>) -> Result<Outcome, Error>,
) -> Result<(), Error> {
    // SAFETY: the caller's promise; the output slice is made only after an overlapping input was copied.
    let result = unsafe {
        match bytes(input.0, input.1, "the data pointer is null") {
            Err(error) => body(Err(error)),
            Ok(data) if overlaps(data, pointer, length) => {
                let copy = Zeroizing::new(data.to_vec());
                body(output(pointer, length).map(|o| (&copy[..], o)))
            }
            Ok(data) => body(output(pointer, length).map(|o| (data, o))),
        }
    };
    // SAFETY: the caller's promise.
    unsafe { report_length(length, &result) };
    result.map(drop)
}

/// # Safety
/// `length`, if not null, is readable.
unsafe fn overlaps(data: &[u8], pointer: *mut CK_BYTE, length: *mut CK_ULONG) -> bool {
    if pointer.is_null() || length.is_null() || data.is_empty() {
        return false;
    }
    let (input, output) = (data.as_ptr() as usize, pointer as usize);
    // SAFETY: not null; readable by the caller's promise.
    let room = unsafe { *length } as usize;
    input < output.saturating_add(room) && output < input + data.len()
}

/// # Safety
/// `length`, if not null, is writable.
unsafe fn report_length(length: *mut CK_ULONG, result: &Result<Outcome, Error>) {
    let bytes = match result {
        Ok(outcome) => outcome.bytes(),
        Err(Error::BufferTooSmall { needed }) => *needed,
        Err(_) => return,
    };
    if !length.is_null() {
        // SAFETY: not null; writable by the caller's promise.
        unsafe { *length = bytes as CK_ULONG };
    }
}

/// Values that are made of what a template's pointers lead to: they live as long as the call.
#[derive(Default)]
pub struct Arena(RefCell<Vec<Box<[u8]>>>);

impl Arena {
    fn keep(&self, value: Vec<u8>) -> &[u8] {
        let value = value.into_boxed_slice();
        let (pointer, length) = (value.as_ptr(), value.len());
        self.0.borrow_mut().push(value);
        // SAFETY: the box is neither dropped nor written before the arena is, and does not move its bytes.
        unsafe { std::slice::from_raw_parts(pointer, length) }
    }
}

/// A template of the caller's, borrowed for the call; templates in it become values of the arena. Errors:
/// CKR_ARGUMENTS_BAD for a null template with a count, CKR_ATTRIBUTE_VALUE_INVALID for a null value with a length.
///
/// # Safety
/// `pointer`, if not null, leads to `count` attributes whose values are as long as they say; so do templates in it.
pub unsafe fn template<'a>(
    pointer: *const CK_ATTRIBUTE,
    count: CK_ULONG,
    arena: &'a Arena,
) -> Result<Template<'a>, Error> {
    let mut template = Template::default();
    // SAFETY: the caller's promise.
    for attribute in unsafe { attributes(pointer, count) }? {
        // SAFETY: the caller's promise.
        let value = match object::is_template(attribute.type_) {
            true => arena.keep(unsafe { embedded(attribute) }?),
            false => unsafe { value(attribute) }?,
        };
        template.attributes.push(Attribute { kind: attribute.type_, value });
    }
    Ok(template)
}

/// # Safety
/// As `template`.
unsafe fn value<'a>(attribute: &CK_ATTRIBUTE) -> Result<&'a [u8], ObjectError> {
    // SAFETY: the caller's promise.
    unsafe { bytes(attribute.pValue.cast(), attribute.ulValueLen, "") }.map_err(|_| {
        ObjectError::ValueInvalid { attribute: attribute.type_, reason: "null, or longer than memory" }
    })
}

/// An array of attributes that is an attribute's value, as objects keep it. What is in it, the object's rules check.
///
/// # Safety
/// As `template`.
unsafe fn embedded(attribute: &CK_ATTRIBUTE) -> Result<Vec<u8>, ObjectError> {
    let none = |reason| ObjectError::ValueInvalid { attribute: attribute.type_, reason };
    let size = size_of::<CK_ATTRIBUTE>() as CK_ULONG;
    if !attribute.ulValueLen.is_multiple_of(size) {
        return Err(none("whole CK_ATTRIBUTE structures are wanted"));
    }
    // SAFETY: the caller's promise.
    let inner = unsafe { attributes(attribute.pValue.cast(), attribute.ulValueLen / size) }
        .map_err(|_| none("null, or longer than any template"))?;
    let mut template = Template::default();
    for attribute in inner {
        // SAFETY: the caller's promise.
        let value = unsafe { value(attribute) }?;
        // What follows copies it, as long as it says it is.
        if value.len() > object::MAX_OBJECT_BYTES {
            return Err(none("a value in it is longer than any object"));
        }
        template.attributes.push(Attribute { kind: attribute.type_, value });
    }
    Ok(object::embed(&template))
}

/// # Safety
/// As `template`.
unsafe fn attributes<'a>(pointer: *const CK_ATTRIBUTE, count: CK_ULONG) -> Result<&'a [CK_ATTRIBUTE], Error> {
    match count as usize {
        0 => Ok(&[]),
        // SAFETY: not null, and so many, by the caller's promise.
        n if !pointer.is_null() && n <= MAX_ATTRIBUTES => {
            Ok(unsafe { std::slice::from_raw_parts(pointer, n) })
        }
        _ => Err(bad("the template is null, or its count is not a count")),
    }
}

/// The template that C_GetAttributeValue fills.
///
/// # Safety
/// As `template`, writable.
pub unsafe fn template_to_fill<'a>(
    pointer: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
) -> Result<&'a mut [CK_ATTRIBUTE], Error> {
    match count as usize {
        _ if pointer.is_null() => Err(bad("the template is null")),
        // Some languages' empty arrays have no address that could be used.
        0 => Ok(&mut []),
        // SAFETY: not null, and so many, by the caller's promise.
        n if n <= MAX_ATTRIBUTES => Ok(unsafe { std::slice::from_raw_parts_mut(pointer, n) }),
        _ => Err(bad("the template's count is not a count")),
    }
}

/// Fills one attribute as PKCS#11 3.0 sec. 5.7.5 says: the length always, the value if there is room.
///
/// # Safety
/// `pValue`, if not null, leads to `ulValueLen` writable bytes.
pub unsafe fn fill_attribute(
    attribute: &mut CK_ATTRIBUTE,
    value: Result<std::borrow::Cow<'_, [u8]>, ObjectError>,
) -> Result<(), Error> {
    let value = match value {
        Ok(value) => value,
        Err(error) => {
            attribute.ulValueLen = CK_UNAVAILABLE_INFORMATION;
            return Err(error.into());
        }
    };
    if object::is_template(attribute.type_)
        && let Some(template) = object::embedded(&value)
    {
        // SAFETY: the caller's promise.
        return unsafe { fill_template(attribute, &template) };
    }
    let needed = value.len();
    if !attribute.pValue.is_null() {
        if attribute.ulValueLen < needed as CK_ULONG {
            attribute.ulValueLen = CK_UNAVAILABLE_INFORMATION;
            return Err(Error::BufferTooSmall { needed });
        }
        // SAFETY: not null, and long enough, by the caller's promise; the object's memory is not the caller's.
        unsafe { std::ptr::copy_nonoverlapping(value.as_ptr(), attribute.pValue.cast(), needed) };
    }
    attribute.ulValueLen = needed as CK_ULONG;
    Ok(())
}

/// Fills an array of attributes, each as `fill_attribute` does (PKCS#11 3.0 sec. 5.7.5): in the order of its types,
/// where it has those of the template (3.2 sec. 4.7.3), else in the template's.
///
/// # Safety
/// `pValue`, if not null, leads to an array of `ulValueLen` bytes, whose attributes are as `fill_attribute` wants them.
unsafe fn fill_template(attribute: &mut CK_ATTRIBUTE, template: &Template) -> Result<(), Error> {
    let inner = &template.attributes;
    let needed = inner.len() * size_of::<CK_ATTRIBUTE>();
    let room = std::mem::replace(&mut attribute.ulValueLen, needed as CK_ULONG);
    if attribute.pValue.is_null() || inner.is_empty() {
        return Ok(());
    }
    if room < needed as CK_ULONG {
        attribute.ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return Err(Error::BufferTooSmall { needed });
    }
    // SAFETY: not null, with room for so many, by the caller's promise.
    let array =
        unsafe { std::slice::from_raw_parts_mut(attribute.pValue.cast::<CK_ATTRIBUTE>(), inner.len()) };
    let is_named = inner.iter().all(|own| array.iter().any(|place| place.type_ == own.kind));
    let mut worst = Ok(());
    for (at, own) in inner.iter().enumerate() {
        let named = array.iter().position(|place| is_named && place.type_ == own.kind);
        let place = &mut array[named.unwrap_or(at)];
        place.type_ = own.kind;
        // SAFETY: the caller's promise.
        if let Err(error) = unsafe { fill_attribute(place, Ok(own.value.into())) } {
            worst = Err(error);
        }
    }
    worst
}

/// Copies `items` into the caller's array by the convention of PKCS#11 sec. 5.2: null asks for the count.
///
/// # Safety
/// `count`, if not null, is readable and writable; `list`, if not null, has room for `*count` items.
pub unsafe fn write_list<T: Copy>(list: *mut T, count: *mut CK_ULONG, items: &[T]) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    let count = unsafe { place(count, "the count pointer is null") }?;
    let room = std::mem::replace(count, items.len() as CK_ULONG);
    if list.is_null() {
        return Ok(());
    }
    if room < items.len() as CK_ULONG {
        return Err(Error::BufferTooSmall { needed: items.len() });
    }
    // SAFETY: not null, with room for so many, by the caller's promise.
    unsafe { std::ptr::copy_nonoverlapping(items.as_ptr(), list, items.len()) };
    Ok(())
}

/// The CK_ULONG at an address that may be none: for a structure of which two versions have one length. `None`:
/// nothing can be read there.
pub fn probe(address: CK_ULONG) -> Option<CK_ULONG> {
    let mut value: CK_ULONG = 0;
    let bytes = size_of::<CK_ULONG>();
    let local = libc::iovec { iov_base: (&raw mut value).cast(), iov_len: bytes };
    let remote = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: bytes };
    // SAFETY: the kernel reads the address, and answers that there is nothing where there is not.
    let read = unsafe { libc::process_vm_readv(libc::getpid(), &local, 1, &remote, 1, 0) };
    (read == bytes as isize).then_some(value)
}

/// A mechanism as the caller gives it; its parameter is parsed by `params`.
///
/// # Safety
/// `pointer`, if not null, leads to a CK_MECHANISM.
pub unsafe fn mechanism(pointer: *const CK_MECHANISM) -> Result<CK_MECHANISM, Error> {
    // SAFETY: null is checked; else the caller's promise.
    unsafe { pointer.as_ref() }.copied().ok_or_else(|| bad("the mechanism is null"))
}

/// A text padded with blanks to the length of its field (PKCS#11 3.0 sec. 3).
pub fn padded<const N: usize>(text: &str) -> [CK_UTF8CHAR; N] {
    let mut field = [b' '; N];
    let mut end = text.len().min(N);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    field[..end].copy_from_slice(&text.as_bytes()[..end]);
    field
}
