//! Files below `/etc/error-reporting` that only root can write.
//!
//! `policy.toml` holds for every product, `<vendor>/<product>.toml` for one:
//!
//! ```toml
//! consent = "ask"                       # or "basic", "safe", "everything", "never"; without it: "ask"
//! never = ["screen", "full_memory"]     # never collected nor sent, whoever wishes it
//! ```

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use report_format::schema::v1::SoftError;
use rustix::fs::{CWD, Mode, OFlags};

use super::{Places, Stated, soft_error};
use crate::text::path_component;

/// Where the files lie.
const DIRECTORY: &str = "/etc/error-reporting";
/// Nothing longer is a policy.
const LONGEST: u64 = 64 << 10;
const ROOT: u32 = 0;

pub(super) fn read(vendor: &str, product: &str, soft_errors: &mut Vec<SoftError>) -> Places {
    read_below(Path::new(DIRECTORY), ROOT, vendor, product, soft_errors)
}

fn read_below(directory: &Path, owner: u32, vendor: &str, product: &str, soft_errors: &mut Vec<SoftError>) -> Places {
    let vendor_directory = directory.join(path_component(vendor));
    let own = vendor_directory.join(format!("{}.toml", path_component(product)));
    Places {
        of_all: read_file(&directory.join("policy.toml"), &[directory], owner, soft_errors),
        of_product: read_file(&own, &[directory, &vendor_directory], owner, soft_errors),
    }
}

fn read_file(path: &Path, directories: &[&Path], owner: u32, soft_errors: &mut Vec<SoftError>) -> Stated {
    let problem = match try_read(path, directories, owner) {
        Ok(file) => return file,
        Err(problem) => problem,
    };
    match problem {
        Problem::Absent => Stated::default(),
        Problem::Untrusted { path } => {
            soft_errors.push(soft_error(format!(
                "{} is not a policy: others than its owner, root, can write it; it was ignored",
                path.display()
            )));
            Stated::default()
        }
        Problem::Unreadable(reason) => {
            soft_errors.push(soft_error(format!(
                "the administrator's policy {} cannot be used: {reason}; nothing is sent until it is mended",
                path.display()
            )));
            Stated::unclear()
        }
    }
}

enum Problem {
    Absent,
    Untrusted { path: PathBuf },
    Unreadable(String),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Problem::Absent,
            _ => Problem::Unreadable(error.to_string()),
        }
    }
}

fn try_read(path: &Path, directories: &[&Path], owner: u32) -> Result<Stated, Problem> {
    // Whoever can write a directory can put another of root's files in the policy's place.
    for directory in directories {
        check_owner(&open(directory, OFlags::DIRECTORY | OFlags::PATH)?, directory, owner)?;
    }
    // NONBLOCK: opening a FIFO that someone put there must not hang.
    let file = open(path, OFlags::RDONLY | OFlags::NONBLOCK)?;
    check_owner(&file, path, owner)?;
    if !file.metadata()?.is_file() {
        return Err(Problem::Untrusted { path: path.into() });
    }
    let mut text = String::new();
    if file.take(LONGEST + 1).read_to_string(&mut text)? as u64 > LONGEST {
        return Err(Problem::Unreadable(format!("it is longer than {LONGEST} bytes")));
    }
    toml::from_str(&text).map_err(|error| Problem::Unreadable(error.to_string().trim_end().replace('\n', " ")))
}

fn open(path: &Path, flags: OFlags) -> Result<File, Problem> {
    match rustix::fs::openat(CWD, path, flags | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty()) {
        Ok(fd) => Ok(File::from(fd)),
        // A symbolic link: a policy is a file.
        Err(rustix::io::Errno::LOOP) => Err(Problem::Untrusted { path: path.into() }),
        Err(error) => Err(io::Error::from(error).into()),
    }
}

fn check_owner(file: &File, path: &Path, owner: u32) -> Result<(), Problem> {
    let metadata = file.metadata()?;
    let writable_by_others = metadata.mode() & 0o022 != 0;
    if metadata.uid() == owner && !writable_by_others { Ok(()) } else { Err(Problem::Untrusted { path: path.into() }) }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use report_format::schema::v1::Category;

    use super::super::{AdministratorConsent, AdministratorPolicy};
    use super::*;
    use crate::consent::CategorySet;

    struct Machine(tempfile::TempDir);

    impl Machine {
        fn with(files: &[(&str, &str)]) -> Self {
            let directory = tempfile::tempdir().unwrap();
            set_mode(directory.path(), 0o755);
            for (name, text) in files {
                let path = directory.path().join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                set_mode(path.parent().unwrap(), 0o755);
                fs::write(&path, text).unwrap();
                set_mode(&path, 0o644);
            }
            Machine(directory)
        }

        fn policy(&self) -> (AdministratorPolicy, Vec<SoftError>) {
            let owner = rustix::process::geteuid().as_raw();
            policy_below(self.0.path(), owner, "Example Software", "Ledger")
        }
    }

    fn policy_below(
        directory: &Path,
        owner: u32,
        vendor: &str,
        product: &str,
    ) -> (AdministratorPolicy, Vec<SoftError>) {
        let mut soft_errors = Vec::new();
        let places = read_below(directory, owner, vendor, product, &mut soft_errors);
        (AdministratorPolicy::of(places, &mut soft_errors), soft_errors)
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn no_policy_means_ask() {
        assert_eq!(Machine::with(&[]).policy(), (AdministratorPolicy::default(), Vec::new()));
    }

    #[test]
    fn the_products_file_goes_before_the_general_one_and_both_lists_hold() {
        let machine = Machine::with(&[
            ("policy.toml", "consent = \"everything\"\nnever = [\"screen\"]"),
            ("Example Software/Ledger.toml", "consent = \"ask\"\nnever = [\"full_memory\"]"),
        ]);
        let (policy, soft_errors) = machine.policy();
        assert_eq!(policy.consent, AdministratorConsent::Ask);
        assert_eq!(policy.never, CategorySet::from_iter([Category::Screen, Category::FullMemory]));
        assert_eq!(soft_errors, []);
    }

    #[test]
    fn each_grade_sends_more_than_the_one_before() {
        let grade = |name: &str| {
            let text = format!("consent = \"{name}\"");
            let (policy, soft_errors) = Machine::with(&[("policy.toml", &text)]).policy();
            assert_eq!(soft_errors, []);
            policy.consent
        };
        assert_eq!((grade("ask").unasked(), grade("never").unasked()), (None, None));
        let [basic, safe, everything] = ["basic", "safe", "everything"].map(|name| grade(name).unasked().unwrap());
        assert_eq!(basic, CategorySet::essential());
        assert!(basic.is_subset_of(safe) && safe.is_subset_of(everything) && safe != everything);
        let personal =
            [Category::Actions, Category::Memory, Category::Account, Category::Network, Category::Attachments];
        assert!(personal.into_iter().all(|category| !safe.contains(category) && everything.contains(category)));
        let by_choice = [Category::Screen, Category::FullMemory, Category::Contact];
        assert!(by_choice.into_iter().all(|category| !everything.contains(category)));
    }

    #[test]
    fn never_for_all_products_holds_whatever_the_products_file_says() {
        let machine = Machine::with(&[
            ("policy.toml", "consent = \"never\""),
            ("Example Software/Ledger.toml", "consent = \"everything\""),
        ]);
        assert_eq!(machine.policy().0.consent, AdministratorConsent::Never);
    }

    #[test]
    fn a_file_that_others_can_write_is_ignored_and_named() {
        let machine = Machine::with(&[("policy.toml", "consent = \"everything\"")]);
        set_mode(&machine.0.path().join("policy.toml"), 0o646);
        let (policy, soft_errors) = machine.policy();
        assert_eq!(policy, AdministratorPolicy::default());
        assert!(soft_errors[0].message.contains("policy.toml"), "{soft_errors:?}");
    }

    #[test]
    fn a_file_in_a_directory_that_others_can_write_is_ignored() {
        let machine = Machine::with(&[("Example Software/Ledger.toml", "consent = \"everything\"")]);
        set_mode(&machine.0.path().join("Example Software"), 0o777);
        assert_eq!(machine.policy().0, AdministratorPolicy::default());
    }

    #[test]
    fn a_file_of_another_owner_is_ignored() {
        let machine = Machine::with(&[("policy.toml", "consent = \"everything\"")]);
        let somebody_else = rustix::process::geteuid().as_raw() + 1;
        let (policy, _) = policy_below(machine.0.path(), somebody_else, "v", "p");
        assert_eq!(policy, AdministratorPolicy::default());
    }

    #[test]
    fn a_symbolic_link_is_ignored() {
        let machine = Machine::with(&[("real.toml", "consent = \"everything\"")]);
        std::os::unix::fs::symlink("real.toml", machine.0.path().join("policy.toml")).unwrap();
        let (policy, soft_errors) = machine.policy();
        assert_eq!((policy, soft_errors.len()), (AdministratorPolicy::default(), 1));
    }

    #[test]
    fn a_policy_that_cannot_be_understood_means_never() {
        for text in [
            "consent = \"always\"",
            "consent = ",
            "sonsent = \"ask\"",
            "never = [\"screan\"]",
            "never = [\"essential\"]",
        ] {
            let (policy, soft_errors) = Machine::with(&[("policy.toml", text)]).policy();
            assert_eq!((policy.consent, soft_errors.len()), (AdministratorConsent::Never, 1), "{text}");
        }
    }

    #[test]
    fn names_cannot_lead_out_of_the_directory() {
        let machine = Machine::with(&[("policy.toml", "consent = \"never\"")]);
        let owner = rustix::process::geteuid().as_raw();
        let inside = machine.0.path().join("inside");
        fs::create_dir(&inside).unwrap();
        let (policy, _) = policy_below(&inside, owner, "..", "policy");
        assert_eq!(policy, AdministratorPolicy::default());
    }
}
