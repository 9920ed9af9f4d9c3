//! What the machine's administrator has laid down, in files below `/etc/error-reporting` that only root can write.
//!
//! `policy.toml` holds for every product, `<vendor>/<product>.toml` for one:
//!
//! ```toml
//! consent = "ask"                       # or "basic", "safe", "everything", "never"; without it: "ask"
//! never = ["screen", "full_memory"]     # never collected nor sent, whoever wishes it
//! ```
//!
//! The grades are those of Windows Error Reporting (its policy *Configure Default consent*), whose *parameters only* is our *basic*. Other than there,
//! nobody is asked for the rest where a grade sends a part by itself: it is not even collected.
//!
//! *Never* in either file wins, and both `never` lists hold. Otherwise the product's own file goes before the general one.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use report_format::schema::v1::{Category, SoftError};
use rustix::fs::{CWD, Mode, OFlags};
use serde::Deserialize;

use super::{CategorySet, category_name};
use crate::text::path_component;

/// Where the files lie.
const DIRECTORY: &str = "/etc/error-reporting";
/// Nothing longer is a policy.
const LONGEST: u64 = 64 << 10;
const ROOT: u32 = 0;

/// What the administrator says of sending.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdministratorConsent {
    /// The person decides.
    #[default]
    Ask,
    /// What went wrong and in which product is sent without asking, and nothing else.
    Basic,
    /// With it goes what tells of the machine and names nobody: operating system, programs, services, drivers and devices.
    Safe,
    /// All is sent without asking, but for what only a person can choose: an image of the desktop, full memory, what they type.
    Everything,
    /// Nothing is collected nor sent.
    Never,
}

impl AdministratorConsent {
    /// What may be sent without asking anybody; `None` where somebody is to be asked, or nothing may be sent.
    pub fn unasked(self) -> Option<CategorySet> {
        use Category::{Contact, Devices, FullMemory, InstalledSoftware, Processes, Screen, System};
        match self {
            AdministratorConsent::Ask | AdministratorConsent::Never => None,
            AdministratorConsent::Basic => Some(CategorySet::essential()),
            AdministratorConsent::Safe => Some([System, Processes, InstalledSoftware, Devices].into_iter().collect()),
            AdministratorConsent::Everything => {
                Some([Screen, FullMemory, Contact].into_iter().fold(CategorySet::all(), CategorySet::without))
            }
        }
    }
}

/// The administrator's policy for one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdministratorPolicy {
    /// Which grade.
    pub consent: AdministratorConsent,
    /// Categories that are never collected; essential cannot be among them, say *never* instead.
    pub never: CategorySet,
}

impl Default for AdministratorPolicy {
    fn default() -> Self {
        AdministratorPolicy { consent: AdministratorConsent::Ask, never: CategorySet::essential() }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    consent: Option<AdministratorConsent>,
    #[serde(default)]
    never: Vec<String>,
}

impl AdministratorPolicy {
    /// Reads the machine's policy for a product. It never fails: a file that others than root can write is no policy and is
    /// ignored, a policy that cannot be read or understood means *never*, and either is told as a soft error.
    pub fn read(vendor: &str, product: &str) -> (Self, Vec<SoftError>) {
        Self::read_below(Path::new(DIRECTORY), ROOT, vendor, product)
    }

    fn read_below(directory: &Path, owner: u32, vendor: &str, product: &str) -> (Self, Vec<SoftError>) {
        let mut soft_errors = Vec::new();
        let vendor_directory = directory.join(path_component(vendor));
        let of_all = read_file(&directory.join("policy.toml"), &[directory], owner, &mut soft_errors);
        let own = vendor_directory.join(format!("{}.toml", path_component(product)));
        let of_product = read_file(&own, &[directory, &vendor_directory], owner, &mut soft_errors);

        let consents = [of_product.consent, of_all.consent];
        let consent = if consents.contains(&Some(AdministratorConsent::Never)) {
            AdministratorConsent::Never
        } else {
            consents.into_iter().flatten().next().unwrap_or_default()
        };
        let mut policy = AdministratorPolicy { consent, never: CategorySet::essential() };
        for name in of_all.never.iter().chain(&of_product.never) {
            match CategorySet::EVERY.into_iter().find(|category| category_name(*category) == *name) {
                Some(Category::Essential) | None => {
                    // Someone wanted to keep something in: until it is clear what, nothing goes out.
                    policy.consent = AdministratorConsent::Never;
                    let known: Vec<String> = CategorySet::EVERY.into_iter().skip(1).map(category_name).collect();
                    soft_errors.push(soft_error(format!(
                        "the administrator's policy says never = [{name:?}], which is none of {}; nothing is sent until it is mended",
                        known.join(", ")
                    )));
                }
                Some(category) => policy.never = policy.never.with(category),
            }
        }
        (policy, soft_errors)
    }
}

fn read_file(path: &Path, directories: &[&Path], owner: u32, soft_errors: &mut Vec<SoftError>) -> PolicyFile {
    let problem = match try_read(path, directories, owner) {
        Ok(file) => return file,
        Err(problem) => problem,
    };
    match problem {
        Problem::Absent => PolicyFile::default(),
        Problem::Untrusted { path } => {
            soft_errors.push(soft_error(format!(
                "{} is not a policy: others than its owner, root, can write it; it was ignored",
                path.display()
            )));
            PolicyFile::default()
        }
        Problem::Unreadable(reason) => {
            soft_errors.push(soft_error(format!(
                "the administrator's policy {} cannot be used: {reason}; nothing is sent until it is mended",
                path.display()
            )));
            PolicyFile { consent: Some(AdministratorConsent::Never), never: Vec::new() }
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

fn try_read(path: &Path, directories: &[&Path], owner: u32) -> Result<PolicyFile, Problem> {
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

fn soft_error(message: String) -> SoftError {
    SoftError { subject: "consent.policy".into(), message }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

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
            AdministratorPolicy::read_below(self.0.path(), owner, "Example Software", "Ledger")
        }
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
        let (policy, _) = AdministratorPolicy::read_below(machine.0.path(), somebody_else, "v", "p");
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
        let (policy, _) = AdministratorPolicy::read_below(&inside, owner, "..", "policy");
        assert_eq!(policy, AdministratorPolicy::default());
    }
}
