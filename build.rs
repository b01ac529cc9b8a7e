//! Link arguments of the PKCS#11 library.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Threads of the host that used the library run its thread-exit code (LMDB's reader slots, Rust's thread
    // locals) when they end, which may be after dlclose: the code must still be there.
    println!("cargo::rustc-link-arg-cdylib=-Wl,-z,nodelete");
}
