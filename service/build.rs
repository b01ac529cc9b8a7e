//! The command's own C_GetFunctionList: the key-store layer finds the PKCS#11 library in this very program.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Nothing here calls it by name: it is kept, and told to dlsym.
    println!("cargo::rustc-link-arg=-Wl,--undefined=C_GetFunctionList");
    println!("cargo::rustc-link-arg=-Wl,--export-dynamic-symbol=C_GetFunctionList");
}
