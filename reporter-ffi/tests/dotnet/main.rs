//! Products in C# that use the library for .NET (`dotnet/`): on Linux with Mono and with .NET, on Windows with .NET for Windows.
#![cfg(any(target_os = "linux", windows))]

#[cfg(target_os = "linux")]
#[path = "../../../reporter-sdk/tests/support/end_to_end/mod.rs"]
mod end_to_end;
#[cfg(target_os = "linux")]
#[path = "../support/host.rs"]
mod host;
#[cfg(target_os = "linux")]
#[path = "../support/mod.rs"]
mod support;
#[cfg(target_os = "linux")]
#[path = "../../../reporter-sdk/tests/support/xvfb.rs"]
mod xvfb;

#[cfg(windows)]
mod end_to_end {
    pub(crate) use crate::{installed as product, report};
}
#[cfg(windows)]
#[path = "../support/ended.rs"]
mod host;
#[cfg(windows)]
#[path = "../support/windows_product.rs"]
mod installed;
#[cfg(windows)]
#[path = "../../../reporter-sdk/tests/support/end_to_end/report.rs"]
#[allow(dead_code, reason = "each test program uses its share")]
mod report;

#[cfg_attr(windows, path = "windows_product.rs")]
mod product;

mod hosted;
mod ledger;

// Not on Windows: what is compiled by the test itself, since a program there cannot start a compiler that runs here.
#[cfg(target_os = "linux")]
mod enums;
#[cfg(target_os = "linux")]
mod sdk;
#[cfg(target_os = "linux")]
mod windows;
