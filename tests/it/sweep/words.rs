//! Functions as their types show them: how many arguments, and which of them are pointers; called with words.
//!
//! What a sweep must not forget is read off the types of the function list, not off a list of ours.

use crate::support::Api;
use cryptoki_sys::*;

/// An argument's type. Every one of Cryptoki's fits a register.
trait Word {
    const POINTER: bool = false;
}

impl Word for CK_ULONG {}
impl Word for CK_BBOOL {}
impl<T> Word for *mut T {
    const POINTER: bool = true;
}
impl Word for CK_NOTIFY {
    const POINTER: bool = true;
}

/// A function of the list.
#[derive(Clone)]
pub struct Entry {
    address: usize,
    /// For each argument, whether it is a pointer.
    pub pointers: Vec<bool>,
}

/// A member of the function list.
pub trait Member {
    fn entry(self) -> Entry;
}

macro_rules! members {
    ($(($($argument:ident)*))+) => {
        $(
            impl<$($argument: Word),*> Member for Option<unsafe extern "C" fn($($argument),*) -> CK_RV> {
                fn entry(self) -> Entry {
                    let address = self.map_or(0, |function| function as usize);
                    Entry { address, pointers: vec![$($argument::POINTER),*] }
                }
            }
        )+
    };
}

members! {
    (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H)
    (A B C D E F G H I) (A B C D E F G H I J)
}

/// No function has more arguments; those with fewer do not look at the rest, and the caller clears the stack.
pub const MOST: usize = 10;
type WithWords = unsafe extern "C" fn(u64, u64, u64, u64, u64, u64, u64, u64, u64, u64) -> CK_RV;

impl Entry {
    /// Calls the function. The words are arguments that it may be called with.
    pub fn call(&self, words: &[u64]) -> CK_RV {
        assert_eq!(words.len(), self.pointers.len());
        let mut all = [0; MOST];
        all[..words.len()].copy_from_slice(words);
        let [a, b, c, d, e, f, g, h, i, j] = all;
        // SAFETY: a function of the list with as many words as it has arguments, in the C calling convention.
        unsafe {
            let function: WithWords = std::mem::transmute(self.address);
            function(a, b, c, d, e, f, g, h, i, j)
        }
    }
}

/// The addresses of the list's functions that this one is among.
pub fn is_in_list(api: &Api, entry: &Entry) -> bool {
    let count = size_of::<Api>() / size_of::<usize>() - 1;
    // SAFETY: after the version (padded to a pointer) the list is an array of function pointers.
    let addresses = unsafe { std::slice::from_raw_parts((&raw const *api).cast::<usize>().add(1), count) };
    addresses.contains(&entry.address)
}
