//! What no report may hold, whatever the person allows: the environment, the arguments, other files' names, passwords.

#[path = "support/end_to_end/mod.rs"]
mod end_to_end;

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;

use base64::Engine as _;
use end_to_end::mail_server::MailServer;
use end_to_end::product::{Product, files, notes};
use end_to_end::report::{Received, contains};
use rustix::io::FdFlags;

const PROMPTS: &[&str] = &["notes> ", "[y/N] "];
/// All kinds of errors that bring a minidump.
const ERRORS: &[&[&str]] =
    &[&["new a", "pin", "delete", "y", "pinned"], &["new a", "save /no/such/folder/notes"], &["new a", "show 99"]];

#[test]
fn environment_arguments_and_open_files_are_in_no_byte_of_a_report() {
    const NAME: &str = "CANARY_VARIABLE";
    const VALUE: &str = "canary-in-the-environment";
    const PROGRAM: &str = "canary-in-the-first-argument";
    const FOLDER: &str = "canary-in-the-last-argument";
    const OPEN: &str = "canary-in-an-open-file";
    let product = Product::new(notes());
    let configuration = product.path(FOLDER).join("notes.conf");
    drop(product.command());
    fs::create_dir(product.path(FOLDER)).unwrap();
    fs::rename(product.path("product.conf"), &configuration).unwrap();
    let open = File::create(product.path(OPEN)).unwrap();
    for lines in ERRORS {
        for mail in product.mails() {
            fs::remove_file(mail).unwrap();
        }
        let mut command = std::process::Command::new(notes());
        command.arg0(PROGRAM).arg("--config").arg(&configuration).env(NAME, VALUE).env("TERM", "dumb");
        let inherited = open.try_clone().unwrap();
        let inherit = move || rustix::io::fcntl_setfd(&inherited, FdFlags::empty()).map_err(Into::into);
        // SAFETY: between fork and exec the closure makes one system call.
        unsafe { command.pre_exec(inherit) };
        let mut visit = product.in_terminal_as(&mut command, PROMPTS);
        visit.types(&lines[..1]).terminal.sees("notes> ");
        let arguments = fs::read(format!("/proc/{}/cmdline", visit.terminal.pid())).unwrap();
        assert!(contains(&arguments, PROGRAM.as_bytes()) && contains(&arguments, FOLDER.as_bytes()));
        let descriptors = fs::read_dir(format!("/proc/{}/fd", visit.terminal.pid())).unwrap();
        let targets: Vec<_> = descriptors.map(|entry| fs::read_link(entry.unwrap().path()).unwrap()).collect();
        assert!(targets.iter().any(|target| target.ends_with(OPEN)), "{targets:?}");
        visit.terminal.types(&format!("{}\r", lines[1]));
        visit.types(&lines[2..]).answers("s");
        visit.ends();
        let received = product.only_report();
        received.check_minidump();
        for canary in [NAME, VALUE, PROGRAM, FOLDER, OPEN] {
            assert_eq!(received.places_of(canary), [] as [String; 0], "{canary} after {lines:?}");
        }
    }
}

/// The forms in which a user name and a password go to a mail server.
fn forms(user: &str, password: &str) -> Vec<String> {
    let encoded = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let plain = format!("\0{user}\0{password}");
    vec![password.to_owned(), encoded(password), encoded(&plain)]
}

/// Checks that the product's files, but those that a person made, have none of these texts.
fn assert_in_no_file(product: &Product, texts: &[String]) {
    let ours = |path: &PathBuf| *path != product.path("password") && *path != product.path("product.conf");
    for path in files(&product.path("")).into_iter().filter(ours) {
        let bytes = fs::read(&path).unwrap();
        for text in texts {
            assert!(!contains(&bytes, text.as_bytes()), "{text} is in {}", path.display());
        }
    }
}

#[test]
fn the_password_of_the_mail_server_is_in_no_report_and_in_no_file() {
    let server = MailServer::start();
    let secrets = forms(&server.fact("user"), &server.fact("password"));
    for lines in ERRORS {
        let product = Product::sending_to(&server, notes());
        let mut visit = product.in_terminal(PROMPTS);
        visit.types(lines).terminal.sees("Your choice");
        assert_eq!(product.spooled("new").len(), 1);
        assert_in_no_file(&product, &secrets);
        visit.terminal.types("s\r");
        visit.ends();
        assert_in_no_file(&product, &secrets);
    }
    for mail in server.mails(ERRORS.len()) {
        let received = Received::from_mail(&mail);
        for secret in &secrets {
            assert_eq!(received.places_of(secret), [] as [String; 0], "in the report of {}", received.error().title);
        }
    }
}

#[test]
fn credentials_that_were_refused_are_in_no_report_and_in_no_file() {
    const USER: &str = "canary-of-a-user-name";
    const PASSWORD: &str = "canary-of-a-password";
    let server = MailServer::start();
    let mut product = Product::sending_to(&server, notes());
    fs::write(product.path("password"), PASSWORD).unwrap();
    product.set("user", USER);
    let mut visit = product.in_terminal(PROMPTS);
    visit.types(&["new a", "show 99"]).answers("s");
    visit.ends();
    assert!(server.log().contains(USER), "they were used: {}", server.log());
    assert_eq!(server.mails_now(), [] as [PathBuf; 0]);
    let mut secrets = forms(USER, PASSWORD);
    secrets.push(USER.to_owned());
    assert_in_no_file(&product, &secrets);
    let kept = files(&product.spool()).into_iter().find(|path| path.extension().is_some_and(|e| e == "report"));
    let received = Received::from_bytes(fs::read(kept.expect("no report is lost")).unwrap());
    received.check_minidump();
    for secret in &secrets {
        assert_eq!(received.places_of(secret), [] as [String; 0]);
    }
}
