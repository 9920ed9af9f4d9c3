//! How libreporter is linked.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        // The number changes with the ABI; the loader then refuses a library that the product was not made for.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libreporter.so.0");
        // A host that unloads a plug-in with dlclose() would leave signal handlers behind that point at unmapped code.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
