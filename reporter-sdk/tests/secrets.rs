//! What no report may hold, whatever the person allows: the environment, the arguments, other files' names, passwords.
// Not on Windows: the person sits at a Unix terminal. Secrets of a product there: windows_products.rs.
#![cfg(target_os = "linux")]

#[path = "support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/roles.rs"]
mod roles;

use std::env;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;

use base64::Engine as _;
use end_to_end::mail_server::MailServer;
use end_to_end::product::{Product, files, notes, say_always};
use end_to_end::report::{Received, contains};
use report_format::schema::v1::{self, SectionKind};
use reporter_sdk::{Dump, ErrorKind, Mail, Options, Policy, Reporter, Smtp, Tls};
use roles::{Place, ROLE};
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

/// Of the secrets that the product has on its stack and its heap.
const SECRET_BYTES: usize = 40;

#[test]
#[ignore = "the product's part of the other tests"]
fn product() {
    let Ok(role) = env::var(ROLE) else { return };
    let carefully = role == "careful";
    let folder = roles::folder();
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    // What goes wrong in many products: a password that is kept, and the environment in the heap, as Python and others have it there.
    let careless = (!carefully).then(|| (read("password"), env::vars().collect::<Vec<_>>()));
    let smtp = Smtp::new("localhost", Tls::StartTls)
        .port(read("port").parse().unwrap())
        .root_certificate(read("ca.pem"))
        .credentials(read("user"), read("password"));
    let options = Options::new("Example Software", "Secrets", "1")
        .handler(folder.join("handler"))
        .spool(folder.join("spool"))
        .mail(Mail::new("errors@product.example", [read("recipient")]).smtp(smtp))
        .kind(ErrorKind::Crash, Policy::Ask, if role == "sanitised" { Dump::Minidump } else { Dump::FullMemory })
        .sanitised_stacks(role == "sanitised");
    let reporter = Reporter::start(options);
    assert!(reporter.is_active(), "{:?}", reporter.soft_errors());
    let heap = fs::read(folder.join("heap")).unwrap();
    let mut stack = [0; SECRET_BYTES];
    File::open(folder.join("stack")).unwrap().read_exact(&mut stack).unwrap();
    if carefully {
        reporter_sdk::exclude_memory(heap.as_ptr(), heap.len()).unwrap();
        reporter_sdk::exclude_memory(stack.as_ptr(), stack.len()).unwrap();
    }
    black_box((&heap, &stack, &careless));
    // SAFETY: none, and that is the point: nothing is mapped there.
    unsafe { std::ptr::without_provenance_mut::<u8>(16).write_volatile(1) };
    black_box((&heap, &stack, &careless));
}

/// What no file of the machine has, and no program: 40 letters.
fn secret() -> String {
    let mut random = [0; SECRET_BYTES];
    File::open("/dev/urandom").unwrap().read_exact(&mut random).unwrap();
    random.iter().map(|byte| char::from(b'a' + byte % 26)).collect()
}

/// A secret as it is, in UTF-16, and in the middle of something that is written in base64, wherever it begins there.
fn encodings(secret: &str) -> Vec<Vec<u8>> {
    let mut all = vec![secret.as_bytes().to_vec(), secret.encode_utf16().flat_map(u16::to_le_bytes).collect()];
    for before in 0..3 {
        let bytes = [&vec![0; before], secret.as_bytes()].concat();
        let encoded = base64::engine::general_purpose::STANDARD.encode(&bytes[..bytes.len() / 3 * 3]);
        // Without the digits that hold bits of what is before it.
        all.push(encoded.as_bytes()[(before * 8).div_ceil(6)..].to_vec());
    }
    all
}

/// A secret, and the parts of a report in which it is.
type Found = (&'static str, Vec<String>);

/// The secrets of a product that crashes, and has its memory sent: with where each is in the report.
fn places_after_a_crash(role: &str) -> (Received, Vec<Found>) {
    let server = MailServer::with(&[("MAIL_SIZE_LIMIT", "200M")]);
    let place = Place::new();
    for name in ["user", "password", "port", "recipient", "ca.pem"] {
        fs::write(place.path(name), server.fact(name)).unwrap();
    }
    let (heap, stack, environment) = (secret(), secret(), secret());
    fs::write(place.path("heap"), &heap).unwrap();
    fs::write(place.path("stack"), &stack).unwrap();
    say_always(&place.path("spool"));
    let mut running = place.start_with(role, |command| {
        command.env("SECRET", &environment);
    });
    let status = running.ends();
    assert_eq!(status.signal(), Some(libc::SIGSEGV), "{status}");
    let received = Received::from_mail(&server.mails(1)[0]);
    received.check_minidump();
    let memory = if role == "sanitised" { Vec::new() } else { received.memory() };
    assert!(role == "sanitised" || memory.len() > 1 << 20 && contains(&memory, b"\x7fELF"));
    let secrets =
        [("password", server.fact("password")), ("heap", heap), ("stack", stack), ("environment", environment)];
    let mut parts = vec![("memory".to_owned(), &memory[..]), ("report".to_owned(), &received.bytes[..])];
    let sections = received.report.sections();
    parts.extend(sections.iter().map(|section| (format!("{:?}", section.kind().unwrap()), &section.bytes[..])));
    let places = |secret: &str| {
        let encodings = encodings(secret);
        let holds = |bytes: &[u8]| encodings.iter().any(|encoding| contains(bytes, encoding));
        parts.iter().filter(|(_, bytes)| holds(bytes)).map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    let found = secrets.iter().map(|(name, secret)| (*name, places(secret))).collect();
    drop(parts);
    (received, found)
}

#[test]
fn what_a_careful_product_keeps_to_itself_is_in_no_byte_of_all_its_memory() {
    for (secret, places) in places_after_a_crash("careful").1 {
        assert_eq!(places, [] as [String; 0], "the secret: {secret}");
    }
}

#[test]
fn what_a_product_does_not_exclude_is_in_its_memory() {
    for (secret, places) in places_after_a_crash("careless").1 {
        assert!(places.contains(&"memory".to_owned()), "the secret: {secret}");
        // Of the stacks, the minidump has a copy of its own.
        assert_eq!(places.contains(&"Minidump".to_owned()), secret == "stack", "the secret: {secret}");
    }
}

#[test]
fn of_a_product_that_chose_sanitised_stacks_no_secret_is_in_the_minidump_and_the_frames_are() {
    let (received, found) = places_after_a_crash("sanitised");
    for (secret, places) in found {
        assert_eq!(places, [] as [String; 0], "the secret: {secret}");
    }
    let diagnostics: v1::Diagnostics = received.message(SectionKind::Diagnostics);
    assert!(diagnostics.sanitised_bytes > 1000, "{diagnostics:?}");
    let thread = received.thread();
    let symbols: Vec<_> = thread.frames.iter().map(|frame| frame.symbol.as_str()).collect();
    assert!(symbols.iter().any(|symbol| symbol.contains("product")) && symbols.len() > 5, "{symbols:?}");
}
