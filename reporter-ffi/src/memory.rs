//! Memory of the product that is in no report.

use std::ffi::c_void;

use crate::{
    ffi::{Failure, boundary},
    status::reporter_status_t::{self, *},
};

/// Keeps `length` bytes of the product's memory out of all reports from now on: keys, passwords, what the law protects. Whatever is made of the product's
/// memory, a minidump or an image of all of it, has zeros there. Nothing is read here, so the memory need not be readable; length 0 does nothing.
///
/// It holds for errors that happen after the call has returned, until reporter_include_memory(), which is to be called before the memory is given back:
/// else what comes to lie there is excluded as well. Copies elsewhere are not known. A second call for the same address takes the place of the first.
/// Does nothing before reporter_start().
///
/// REPORTER_ERROR_LIMIT beyond 1024 pieces, REPORTER_ERROR_ARGUMENT for a piece that ends behind the last address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_exclude_memory(address: *const c_void, length: usize) -> reporter_status_t {
    boundary(|| {
        if length == 0 {
            return Ok(());
        }
        Ok(reporter_sdk::exclude_memory(not_null(address)?, length)?)
    })
}

/// Ends what reporter_exclude_memory() began for this address. Does nothing for another one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_include_memory(address: *const c_void) -> reporter_status_t {
    boundary(|| Ok(reporter_sdk::include_memory(not_null(address)?)?))
}

fn not_null(address: *const c_void) -> Result<*const u8, Failure> {
    match address.is_null() {
        true => Err(Failure::new(REPORTER_ERROR_NULL, "address is NULL".to_owned())),
        false => Ok(address.cast()),
    }
}
