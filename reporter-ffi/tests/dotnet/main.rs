//! Products in C# that use the library for .NET (`dotnet/`), on Mono and on .NET.
// Not under Wine: products in C#. The runtime for Windows runs there; what these tests do was tried by hand.
#![cfg(target_os = "linux")]

#[path = "../../../reporter-sdk/tests/support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "../support/host.rs"]
mod host;
#[path = "../support/mod.rs"]
mod support;

mod enums;
mod hosted;
mod ledger;
mod product;
mod sdk;
mod windows;
