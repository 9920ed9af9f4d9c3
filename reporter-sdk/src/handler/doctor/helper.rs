//! The handler itself, and the library that is to start it.

use std::path::Path;

use super::findings::{Finding, State};
use super::sys;
use crate::ipc::launch;

const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// Where it lies, and whether a product would start it there.
pub(super) fn program() -> Finding {
    let check = "helper";
    let path = match super::this_program() {
        Ok(path) => path,
        Err(error) => {
            let found = format!("the system does not tell which file this program is: {error}");
            return Finding::new(check, State::Failed, found).advice("run it from where it is installed");
        }
    };
    let place = path.display().to_string();
    let finding =
        |state, found: String| Finding::new(check, state, found).fact("path", place.as_str()).fact("release", RELEASE);
    match launch::check(&path) {
        Ok(()) => {
            let found = format!("{place}, release {RELEASE}; nobody with fewer rights can change or replace it");
            finding(State::Ok, found)
        }
        Err(error) => {
            let advice = "products refuse it there, for it is given their memory and the mail server's password: \
                          install it where only administrators, or the product's own user, can write";
            finding(State::Failed, error.to_string()).advice(advice)
        }
    }
}

/// The C library beside it, which .NET products use as well: a product refuses a handler of another release.
pub(super) fn library() -> Finding {
    let check = "library";
    let beside = super::this_program().ok().and_then(|path| Some(path.parent()?.join(sys::LIBRARY)));
    let Some(library) = beside.filter(|path| path.is_file()) else {
        let found =
            format!("no {} beside this program: a Rust product has none, it holds the SDK itself", sys::LIBRARY);
        return Finding::new(check, State::NotApplicable, found);
    };
    let place = library.display().to_string();
    let finding = |state, found| Finding::new(check, state, found).fact("path", place.as_str());
    match release_of(&library) {
        Ok(release) if release == RELEASE => {
            finding(State::Ok, format!("{place}, release {release} as this handler")).fact("release", release)
        }
        Ok(release) => {
            let found = format!(
                "{place} is of release {release}, this handler of release {RELEASE}: the one refuses the other"
            );
            finding(State::Failed, found).advice("install both from one release").fact("release", release)
        }
        Err(why) => finding(State::Failed, format!("{place} cannot be loaded: {why}"))
            .advice("install library and handler from one release, for the same processor"),
    }
}

/// Loads it, as a product does: whoever could put a false one here could give it to every product that has it here.
fn release_of(library: &Path) -> Result<String, String> {
    launch::check(library).map_err(|error| error.to_string())?;
    sys::release_of(library)
}
