//! Gives the program for Windows its manifest: it knows the dots per inch of each display, and wants the controls of today.

use std::env;
use std::error::Error;

use embed_manifest::manifest::DpiAwareness;
use embed_manifest::{embed_manifest, new_manifest};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_CFG_WINDOWS").is_none() {
        return Ok(());
    }
    embed_manifest(new_manifest("Reporter.Dialog").dpi_awareness(DpiAwareness::PerMonitorV2))?;
    // The gallery is to look the same. The crate links the programs alone.
    if env::var("CARGO_CFG_TARGET_ENV")? == "gnu" {
        println!("cargo::rustc-link-arg-examples={}/embed-manifest.o", env::var("OUT_DIR")?);
    }
    Ok(())
}
