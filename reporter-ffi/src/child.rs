//! Options about forked children.

use std::mem::MaybeUninit;

use reporter_sdk::Children;

use crate::{
    ffi::{Choice, meaning},
    options::{edit, reporter_options_t},
    status::reporter_status_t,
};

/// What becomes of a forked child that goes on without exec. One that runs another program has nothing of the reporter, whatever is chosen here.
#[repr(i32)]
#[derive(Clone, Copy, Debug)]
pub enum reporter_children_t {
    /// Its calls do nothing, and its crash runs its course.
    REPORTER_CHILDREN_OFF = 1,
    /// The parent's handler reports its crashes, as long as the parent lives, with what the parent had recorded. Its own calls do nothing.
    REPORTER_CHILDREN_INHERIT = 2,
    /// It starts a reporter of its own at its first call of this library. Its reports lie in the common spool, and the parent's handler sends them.
    REPORTER_CHILDREN_SEPARATE = 3,
}

// SAFETY: it is `repr(i32)`.
unsafe impl Choice for reporter_children_t {
    type Meaning = Children;
    const WHAT: &'static str = "choice for children";
    const MEANINGS: &'static [(Self, Children)] = &[
        (Self::REPORTER_CHILDREN_OFF, Children::Off),
        (Self::REPORTER_CHILDREN_INHERIT, Children::Inherit),
        (Self::REPORTER_CHILDREN_SEPARATE, Children::Separate),
    ];
}

/// What becomes of children that are forked from the product. Default: REPORTER_CHILDREN_OFF.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_children(
    options: *mut reporter_options_t,
    children: MaybeUninit<reporter_children_t>,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointer.
    unsafe {
        edit(options, [], |options, []| {
            let children = meaning(children)?;
            options.change(|sdk| sdk.children(children));
            Ok(())
        })
    }
}
