//! What the person decides about a crash of the example product is what happens, to the last byte on the disk.
// Not on Windows: the person sits at a Unix terminal. Standing answers there: windows_products.rs; the question in a console has no test.
#![cfg(target_os = "linux")]

#[path = "support/end_to_end/mod.rs"]
mod end_to_end;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use end_to_end::product::{Product, files, notes};
use end_to_end::report::{Received, contains};
use minidump::MinidumpSystemInfo;
use report_format::schema::v1::{self, Category, SectionKind};

const PROMPTS: &[&str] = &["notes> "];
/// Words of the error itself: they are in every draft and in every report of it.
const MARKER: &str = "the len is 0 but the index is 98";
const CRASH: &[&str] = &["show 99"];

/// The product's files in which the error is told.
fn files_that_tell(product: &Product) -> Vec<PathBuf> {
    let tells = |path: &PathBuf| contains(&fs::read(path).unwrap(), MARKER.as_bytes());
    files(&product.path("")).into_iter().filter(tells).collect()
}

/// Checks that an undecided report is there, for its owner alone, and nothing was sent.
fn assert_is_kept(product: &Product) {
    let [draft] = &product.spooled("new")[..] else { panic!("{:?}", files(&product.spool())) };
    assert_eq!(files_that_tell(product), std::slice::from_ref(draft));
    assert_eq!(product.spooled("out"), [] as [PathBuf; 0]);
    assert_eq!(product.mails(), [] as [PathBuf; 0]);
    for file in files(&product.spool()) {
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o600, "{}", file.display());
    }
    for folder in ["", "new", "out", "bad"] {
        assert_eq!(fs::metadata(product.spool().join(folder)).unwrap().mode() & 0o7777, 0o700, "{folder:?}");
    }
}

#[test]
fn a_declined_report_leaves_nothing_behind() {
    let product = Product::new(notes());
    let mut visit = product.in_terminal(PROMPTS);
    visit.types(CRASH).terminal.sees("Your choice");
    assert_eq!(files_that_tell(&product).len(), 1, "while the person thinks, it is in the spool");
    visit.terminal.types("d\r").sees("destroyed");
    assert_eq!(visit.ends().code(), Some(101));
    assert_eq!(files_that_tell(&product), [] as [PathBuf; 0]);
    // How many reports there were today: numbers, and nothing of the report.
    assert_eq!(files(&product.spool()), [product.spool().join("counts")]);
    assert_eq!(product.mails(), [] as [PathBuf; 0]);
}

#[test]
fn never_leaves_only_the_choice_and_is_not_asked_again() {
    let product = Product::new(notes());
    let mut visit = product.in_terminal(PROMPTS);
    visit.types(CRASH).answers("n");
    visit.ends();
    let left = || {
        let mut left = files(&product.spool());
        left.sort();
        left
    };
    let choice_and_counts = [product.spool().join("choice"), product.spool().join("counts")];
    assert_eq!(left(), choice_and_counts);
    let mut visit = product.in_terminal(PROMPTS);
    visit.types(CRASH);
    assert_eq!(visit.ends().code(), Some(101));
    assert!(!String::from_utf8_lossy(&visit.terminal.screen()).contains("Your choice"));
    assert_eq!(left(), choice_and_counts);
    assert_eq!(product.mails(), [] as [PathBuf; 0]);
}

#[test]
fn a_report_for_later_is_kept_for_its_owner_and_asked_about_at_the_next_end() {
    let product = Product::new(notes());
    let mut visit = product.in_terminal(PROMPTS);
    visit.types(CRASH).answers("l");
    visit.ends();
    assert_is_kept(&product);
    let mut visit = product.in_terminal(PROMPTS);
    visit.types(&["quit"]).answers("s");
    assert_eq!(visit.ends().code(), Some(0));
    assert!(product.only_report().error().chain[0].message.contains(MARKER));
}

#[test]
fn without_a_terminal_a_report_is_kept_and_not_sent() {
    let product = Product::new(notes());
    let output = product.without_terminal(CRASH);
    assert_eq!(output.status.code(), Some(101));
    assert_is_kept(&product);
    // Nor at a later run that has none either.
    assert!(product.without_terminal(&["quit"]).status.success());
    assert_is_kept(&product);
}

#[test]
fn what_the_error_says_is_struck_out_and_in_no_byte_of_the_report() {
    let said = "the len is 1 but the index is 98";
    let mut product = Product::new(notes());
    product.set("log", product.path("log").display());
    let mut visit = product.in_terminal(PROMPTS);
    visit.types(&["new a", "show 99"]);
    for wanted in [said, "notes.count", ATTACHMENT] {
        visit.leaves_out(wanted);
    }
    // Memory, too: the words lie where the program has put them together.
    visit.sends_without(&["Parts of the program's memory"]);
    visit.ends();
    let received = product.only_report();
    let record: v1::ConsentRecord = received.message(SectionKind::Consent);
    assert!(record.left_out.contains(&"error.chain.message".to_owned()), "{record:?}");
    for left_out in ["annotations", "attachment"] {
        assert!(record.left_out.iter().any(|name| name.starts_with(left_out)), "{left_out} is not in {record:?}");
    }
    assert_eq!(received.error().chain[0].message, "");
    assert!(!received.error().title.is_empty(), "all else is there");
    for gone in [said, "notes.count", ATTACHMENT] {
        assert_eq!(received.places_of(gone), [] as [String; 0], "{gone}");
    }
}

#[test]
fn what_was_struck_out_and_taken_in_again_is_sent() {
    let product = Product::new(notes());
    let mut visit = product.in_terminal(PROMPTS);
    visit.types(CRASH).leaves_out(MARKER).answers("t");
    visit.terminal.sees("Numbers to leave out or take in").types("1\r").sees("Taken in again");
    visit.terminal.sees("Numbers to leave out or take in").types("\r");
    visit.answers("s").ends();
    let received = product.only_report();
    assert!(received.error().chain[0].message.contains(MARKER));
    assert_eq!(received.message::<v1::ConsentRecord>(SectionKind::Consent).left_out, [""; 0]);
}

/// A folder with another program and with the product under names that only one category tells.
struct Canaries {
    product: Product,
    bystander: Child,
}

const MODULE: &str = "canary-in-a-module-path";
const PROCESS: &str = "canaryprocess";
const LANGUAGE: &str = "xx_CANARY.UTF-8";
const ATTACHMENT: &str = "session log";

impl Canaries {
    fn planted() -> Self {
        let mut product = Product::new(notes());
        let folder = product.path(MODULE);
        fs::create_dir(&folder).unwrap();
        let program = folder.join("notes");
        fs::copy(notes(), &program).unwrap();
        product.set_program(program);
        product.set("log", product.path("log").display());
        let sleep = product.path(PROCESS);
        let real = ["/bin/sleep", "/usr/bin/sleep"].map(Path::new).into_iter().find(|path| path.exists()).unwrap();
        fs::copy(real, &sleep).unwrap();
        fs::set_permissions(&sleep, fs::Permissions::from_mode(0o755)).unwrap();
        let bystander = Command::new(sleep).arg("600").spawn().unwrap();
        Self { product, bystander }
    }

    fn sent_without(&self, switches: &[&str]) -> Received {
        for mail in self.product.mails() {
            fs::remove_file(mail).unwrap();
        }
        // The same panic again and again is more than is reported in a day.
        let _ = fs::remove_file(self.product.spool().join("counts"));
        let mut command = self.product.command();
        command.env("LANG", LANGUAGE).env("LC_ALL", LANGUAGE);
        let mut visit = self.product.in_terminal_as(&mut command, PROMPTS);
        visit.types(&["new a", "show 99"]).sends_without(switches);
        visit.ends();
        self.product.only_report()
    }
}

impl Drop for Canaries {
    fn drop(&mut self) {
        let _ = self.bystander.kill();
        let _ = self.bystander.wait();
    }
}

/// What is switched off, a category of it, its sections, and what would be found of it.
type Row<'r> = (&'r [&'r str], Category, &'r [SectionKind], &'r [&'r str]);

#[test]
fn what_is_switched_off_is_in_no_byte_of_the_report() {
    let canaries = Canaries::planted();
    let everything = canaries.sent_without(&[]);
    // The path of the product's program is told by two categories, so both are switched off with it.
    let rows: &[Row<'_>] = &[
        (&["What you did"], Category::Actions, &[SectionKind::Actions], &[]),
        (
            &["Parts of the program's memory", "Running applications"],
            Category::Memory,
            &[SectionKind::Minidump, SectionKind::Stacks, SectionKind::Modules],
            &[MODULE],
        ),
        (&["Running applications"], Category::Processes, &[SectionKind::Processes], &[PROCESS]),
        (&["Operating system"], Category::System, &[SectionKind::System], &[LANGUAGE, "xx_CANARY", "xx-CANARY"]),
        (&["Your user account"], Category::Account, &[SectionKind::Account], &[]),
        (&["Names of your computer"], Category::Network, &[SectionKind::Network], &[]),
        (&["Facts that the program adds"], Category::Product, &[SectionKind::Annotations], &[]),
        (&["Files that the program attaches"], Category::Attachments, &[SectionKind::Attachment], &[ATTACHMENT]),
    ];
    for (switches, category, kinds, canaries_of_it) in rows {
        let received = canaries.sent_without(switches);
        let record: v1::ConsentRecord = received.message(SectionKind::Consent);
        assert!(record.declined().any(|declined| declined == *category), "{record:?}");
        for kind in *kinds {
            assert!(everything.kinds().contains(kind), "{kind:?} is there unless it is switched off");
            assert!(!received.kinds().contains(kind), "{kind:?} without {switches:?}");
        }
        if let Some(first) = canaries_of_it.first() {
            assert_ne!(everything.places_of(first), [] as [String; 0], "{first} would be there");
        }
        for canary in *canaries_of_it {
            assert_eq!(received.places_of(canary), [] as [String; 0], "{canary} without {switches:?}");
        }
    }
}

#[test]
fn without_the_category_system_a_minidump_tells_nothing_of_the_machine() {
    const CPU_INFO: u32 = 0x4767_0003;
    const OS_RELEASE: u32 = 0x4767_0005;
    let canaries = Canaries::planted();
    let everything = canaries.sent_without(&[]).minidump().0;
    assert!(everything.get_raw_stream(CPU_INFO).is_ok() && everything.get_raw_stream(OS_RELEASE).is_ok());
    let received = canaries.sent_without(&["Operating system"]);
    received.check_minidump();
    let dump = received.minidump().0;
    assert!(dump.get_raw_stream(CPU_INFO).is_err() && dump.get_raw_stream(OS_RELEASE).is_err());
    let info = dump.get_stream::<MinidumpSystemInfo>().unwrap();
    assert_eq!(info.csd_version().as_deref().unwrap_or(""), "", "the kernel's version");
    assert_eq!((info.raw.processor_level, info.raw.processor_revision, info.raw.number_of_processors), (0, 0, 0));
    let release = rustix::system::uname().release().to_str().unwrap().to_owned();
    assert_eq!(received.places_of(&release), [] as [String; 0], "the kernel's version");
}
