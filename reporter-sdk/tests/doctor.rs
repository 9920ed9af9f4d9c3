//! `reporter-handler doctor`, run as an integrator runs it: a set-up that is in order, and each thing that can be wrong for a real reason.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A product's folder, with the handler as it is installed.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::Builder::new().prefix("doctor").tempdir().unwrap());
        fs::create_dir(place.path("bin")).unwrap();
        install(&place.handler());
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn handler(&self) -> PathBuf {
        self.path("bin").join(format!("reporter-handler{}", std::env::consts::EXE_SUFFIX))
    }

    /// As it is called for this product.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.handler());
        command.args(["doctor", "--vendor", "Example Software", "--product", "Ledger", "--version", "3.1.4"]);
        command.arg("--spool").arg(self.path("spool")).args(arguments);
        // No display, and no terminal.
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").stdin(Stdio::null());
        command
    }

    fn runs(&self, arguments: &[&str]) -> Looked {
        let mut all = vec!["--json"];
        all.extend(arguments);
        Looked::of(&output(&mut self.command(&all)))
    }
}

/// A copy would be a debug build's hundreds of megabytes for each test; a hard link is the same file in another place.
fn install(place: &Path) {
    let built = Path::new(env!("CARGO_BIN_EXE_reporter-handler"));
    if fs::hard_link(built, place).is_err() {
        fs::copy(built, place).unwrap();
    }
}

/// Into files: what Wine starts holds a pipe open for longer.
fn output(command: &mut Command) -> Output {
    let (said, complained) = (tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
    command.stdout(said.reopen().unwrap()).stderr(complained.reopen().unwrap());
    let status = command.status().unwrap();
    Output { status, stdout: fs::read(said.path()).unwrap(), stderr: fs::read(complained.path()).unwrap() }
}

struct Looked {
    code: i32,
    json: Value,
    text: String,
}

impl Looked {
    fn of(output: &Output) -> Self {
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        let json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{complaint}"));
        let looked = Self { code: output.status.code().unwrap(), json, text };
        let failed = looked.checks().any(|check| check["state"] == "failed");
        assert_eq!((looked.code, looked.json["ok"].as_bool().unwrap()), (failed.into(), !failed), "{}", looked.text);
        looked
    }

    fn checks(&self) -> impl Iterator<Item = &Value> {
        self.json["checks"].as_array().unwrap().iter()
    }

    fn check(&self, name: &str) -> &Value {
        self.checks().find(|check| check["check"] == name).unwrap_or_else(|| panic!("no {name} in {}", self.text))
    }

    /// The check has this state and these words, and where it is no good it says what to do.
    fn is(&self, name: &str, state: &str, words: &str) -> &Value {
        let check = self.check(name);
        assert_eq!(check["state"], state, "{}", self.text);
        assert!(check["found"].as_str().unwrap().contains(words), "no {words:?} in {check:#}");
        if ["failed", "warning"].contains(&state) {
            assert!(!check["advice"].as_str().unwrap().is_empty(), "{check:#}");
        }
        check
    }
}

/// Names of fields and facts, without what is this machine's.
#[cfg(target_os = "linux")]
fn form(looked: &Looked) -> Vec<String> {
    let facts = |check: &Value| {
        let mut names: Vec<_> = check["facts"].as_object().unwrap().keys().cloned().collect();
        names.sort();
        names.join(" ")
    };
    looked.checks().map(|check| format!("{}: {}", check["check"].as_str().unwrap(), facts(check))).collect()
}

// Not under Wine: the simulated crash. Wine's library that writes dumps reads the unwinding tables of the whole program, entry by entry, which takes minutes for the
// handler's debug build. What it is like for a small product: windows_products.rs.
#[cfg(windows)]
#[test]
fn all_but_a_crash_is_looked_at_on_windows() {
    let place = Place::new();
    let mails = place.path("mails");
    let looked = place.runs(&[
        "--skip",
        "capture",
        "--skip",
        "screen",
        "--from",
        "errors@ledger.example",
        "--to",
        "support@ledger.example",
        "--eml-directory",
        mails.to_str().unwrap(),
    ]);
    looked.is("helper", "ok", "nobody with fewer rights");
    looked.is("spool", "ok", "made just now");
    looked.is("policy", "ok", r"HKLM\Software\Policies\Error Reporting");
    looked.is("server", "ok", "a file was written and removed");
    looked.is("capture", "not_applicable", "left out");
    looked.is("screen", "not_applicable", "left out");
    looked.is("other_handlers", "ok", "no reporter_wer.dll beside this program");
    assert!(looked.check("spool")["facts"]["free_bytes"].as_u64().unwrap() > 0);
    fs::write(place.path("bin").join("reporter.dll"), "no library").unwrap();
    let looked = place.runs(&["--skip", "capture", "--skip", "screen", "--send-test-report"]);
    looked.is("library", "failed", "reporter.dll cannot be loaded");
    looked.is("test_report", "failed", "no report was made");
}

#[cfg(target_os = "linux")]
#[test]
fn a_product_that_writes_mails_into_a_folder_is_looked_at_and_its_test_report_is_there() {
    let place = Place::new();
    let mails = place.path("mails");
    let way = ["--from", "errors@ledger.example", "--to", "support@ledger.example", "--eml-directory"];
    let way: Vec<&str> = way.into_iter().chain([mails.to_str().unwrap()]).collect();
    let looked = place.runs(&way);
    looked.is("helper", "ok", "nobody with fewer rights");
    looked.is("spool", "ok", "made just now");
    looked.is("server", "ok", "a file was written and removed");
    looked.is("library", "not_applicable", "");
    let captured = looked.check("capture");
    assert_ne!(captured["state"], "failed", "{captured:#}");
    assert!(captured["facts"]["frames"].as_u64().unwrap() > 0, "{captured:#}");
    assert_eq!(fs::read_dir(&mails).unwrap().count(), 0, "nothing is sent unless it is asked for");

    let looked = place.runs(&[&way[..], &["--send-test-report"]].concat());
    let sent = looked.is("test_report", "ok", "support sees it as a test report");
    let mail = mails.join(format!("{}.eml", sent["facts"]["report_id"].as_str().unwrap()));
    let mail = fs::read_to_string(mail).unwrap();
    assert!(mail.contains("\r\nSubject: Test report "), "{mail}");
    for left in ["new", "out"] {
        assert_eq!(fs::read_dir(place.path("spool").join(left)).unwrap().count(), 0, "{left}");
    }
}

#[test]
fn options_that_make_no_sense_are_told_apart_from_a_set_up_that_does_not_work() {
    let place = Place::new();
    for wrong in [
        &["--from", "errors@ledger.example"][..],
        &["--smtp", "mail.ledger.example"],
        &["--from", "a@b.example", "--to", "c@d.example", "--smtp", "h", "--password-file", "p"],
        &["--from", "a@b.example", "--to", "c@d.example", "--smtp", "h", "--root-certificate", "/nowhere/ca.pem"],
    ] {
        let output = output(&mut place.command(wrong));
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{wrong:?}");
    }
}

/// What other programs read stays: a name that goes, or that means something else, is a new `schema_version`.
#[cfg(target_os = "linux")]
#[test]
fn the_names_for_programs_are_these() {
    let place = Place::new();
    let looked = place.runs(&["--from", "a@b.example", "--to", "c@d.example", "--smtp", "localhost", "--port", "1"]);
    assert_eq!(looked.json["schema_version"], 1);
    let mut top: Vec<_> = looked.json.as_object().unwrap().keys().cloned().collect();
    top.sort();
    assert_eq!(top, ["checks", "ok", "product", "release", "schema_version"]);
    assert_eq!(
        form(&looked),
        [
            "helper: path release",
            "library: ",
            "policy: administrator never person place",
            "spool: drafts free_bytes given_up lost outgoing path set_aside",
            "capture: dump_bytes dump_milliseconds frames threads troubles",
            "screen: ",
            "question: session terminal window",
            "keys: ",
            "server: host",
            "clock: ",
            "other_handlers: others",
        ]
    );
    looked.is("server", "failed", "cannot connect to localhost port 1");
}

#[test]
fn a_spool_that_is_a_file_is_no_spool() {
    let place = Place::new();
    fs::write(place.path("spool"), "").unwrap();
    let looked = place.runs(&["--skip", "capture", "--send-test-report"]);
    looked.is("spool", "failed", "spool");
    looked.is("test_report", "failed", "there is no spool");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::process::CommandExt;

    use mail_parser::MessageParser;
    use report_format::schema::v1::{self, Category, ConsentSource, ErrorKind, SectionKind};
    use report_format::{Limits, Report, Status};
    use reporter_sdk::consent::{CategorySet, Draft, Remember, Remembered};
    use reporter_sdk::spool::Spool;

    use super::support::{MailServer, attachment};
    use super::*;

    /// As the product's options would name the server.
    fn to(server: &MailServer, place: &Place, changes: &[(&str, &str)]) -> Vec<String> {
        fs::write(place.path("password"), server.fact("password") + "\nmore").unwrap();
        let known = [
            ("--from", "errors@ledger.example".to_owned()),
            ("--to", server.fact("recipient")),
            ("--smtp", "localhost".into()),
            ("--port", server.fact("port")),
            ("--user", server.fact("user")),
            ("--password-file", place.path("password").display().to_string()),
            ("--root-certificate", server.directory().join("ca.pem").display().to_string()),
        ];
        let changed = |name: &str| changes.iter().find(|(changed, _)| *changed == name);
        let kept = known.into_iter().filter(|(name, _)| changed(name).is_none_or(|(_, value)| !value.is_empty()));
        kept.flat_map(|(name, value)| [name.into(), changed(name).map_or(value, |(_, value)| (*value).into())])
            .collect()
    }

    fn looks(place: &Place, arguments: &[String]) -> Looked {
        place.runs(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn a_test_report_arrives_at_a_real_mail_server_and_says_what_it_is() {
        let (server, place) = (MailServer::start(), Place::new());
        // What waits there for the person stays theirs.
        let waiting =
            Draft::new(report_format::ReportId([7; 16]), v1::Product::default(), [1; 16], ErrorKind::Crash, 1);
        Spool::open(&place.path("spool")).unwrap().put_draft(&waiting).unwrap();
        let mut arguments = to(&server, &place, &[]);
        let looked = looks(&place, &arguments);
        assert_eq!(looked.code, 0, "{}", looked.text);
        let found = looked.is("server", "ok", "the certificate is trusted; user name and password taken");
        assert!(found["found"].as_str().unwrap().contains("1 of 1 recipients"), "{found:#}");
        assert!(server.mails_now().is_empty() && !server.log().contains("<="), "{}", server.log());

        arguments.push("--send-test-report".into());
        let looked = looks(&place, &arguments);
        assert_eq!(looked.code, 0, "{}", looked.text);
        assert!(!looked.text.contains(&server.fact("password")), "{}", looked.text);
        let facts = &looked.is("test_report", "ok", "OK id=")["facts"];
        let mail = fs::read(&server.mails(1)[0]).unwrap();
        let parsed = MessageParser::default().parse(&mail).unwrap();
        assert_eq!(parsed.message_id(), facts["message_id"].as_str());
        let subject = parsed.subject().unwrap();
        assert!(subject.starts_with("Test report ") && subject.ends_with("for Ledger 3.1.4"), "{subject}");
        assert!(parsed.body_text(0).unwrap().contains("This is a test report: nothing went wrong."));
        let bytes = attachment(&mail);
        assert_eq!(Some(bytes.len() as u64), facts["bytes"].as_u64());

        let report = Report::read(&bytes[..], &Limits::default()).unwrap();
        assert_eq!(report.status(), Status::Complete);
        assert_eq!(report.id().unwrap().to_string(), facts["report_id"].as_str().unwrap());
        assert_eq!(report.summary().unwrap().kind(), ErrorKind::Simulated);
        let consent: v1::ConsentRecord = report.message(SectionKind::Consent).unwrap().unwrap();
        assert_eq!(consent.source(), ConsentSource::Person);
        assert!(consent.stated_purpose.contains("doctor --send-test-report"), "{consent:?}");
        assert_eq!(consent.recipient, server.fact("recipient"));
        for off in [Category::Screen, Category::FullMemory, Category::Contact] {
            assert!(!consent.granted.contains(&off.into()), "{consent:?}");
        }
        let stacks: v1::Stacks = report.message(SectionKind::Stacks).unwrap().unwrap();
        assert!(stacks.threads[0].frames.iter().any(|frame| frame.symbol.contains("simulate_crash")), "{stacks:?}");

        let spool = Spool::open(&place.path("spool")).unwrap();
        assert_eq!(spool.drafts().unwrap(), [waiting.id]);
        assert_eq!(spool.outgoing().unwrap(), []);
    }

    #[test]
    fn what_is_wrong_with_the_server_or_its_settings_is_named() {
        let (server, place) = (MailServer::start(), Place::new());
        fs::write(place.path("wrong"), "not-the-password\n").unwrap();
        let wrong = place.path("wrong").display().to_string();
        for (changes, words) in [
            (&[("--password-file", wrong.as_str())][..], "refused the user name or password"),
            (&[("--root-certificate", "")], "no secure connection to localhost"),
            (&[("--smtp", "127.0.0.1")], "no secure connection to 127.0.0.1"),
            (&[("--smtp", "mail.ledger.invalid")], "mail.ledger.invalid"),
            (&[("--port", "1")], "cannot connect to localhost port 1"),
            (&[("--to", "nobody@ledger.example")], "nobody@ledger.example"),
            (&[("--from", "no address")], "is no mail address"),
        ] {
            let mut arguments = to(&server, &place, changes);
            arguments.extend(["--timeout".into(), "10".into()]);
            let looked = looks(&place, &arguments);
            looked.is("server", "failed", words);
            assert!(!looked.text.contains("not-the-password"), "{}", looked.text);
        }
        assert!(!server.log().contains("<="), "{}", server.log());
        // Half of the recipients is better than none, and worse than all.
        let mut arguments = to(&server, &place, &[]);
        arguments.extend(["--to".into(), "nobody@ledger.example".into()]);
        looks(&place, &arguments).is("server", "warning", "1 of 2 recipients");
    }

    #[test]
    fn a_test_report_that_no_server_takes_is_destroyed() {
        let (server, place) = (MailServer::start(), Place::new());
        let mut arguments = to(&server, &place, &[("--to", "nobody@ledger.example")]);
        arguments.push("--send-test-report".into());
        let looked = looks(&place, &arguments);
        looked.is("test_report", "failed", "nobody@ledger.example");
        let spool = Spool::open(&place.path("spool")).unwrap();
        assert_eq!((spool.drafts().unwrap(), spool.outgoing().unwrap()), (vec![], vec![]));
        assert!(server.mails_now().is_empty());
    }

    #[test]
    fn a_handler_that_others_can_replace_is_refused_as_products_refuse_it() {
        let place = Place::new();
        fs::set_permissions(place.path("bin"), fs::Permissions::from_mode(0o777)).unwrap();
        let looked = place.runs(&[]);
        looked.is("helper", "failed", "bin can be written by others");
        looked.is("capture", "failed", "bin can be written by others");
    }

    #[test]
    fn a_spool_that_others_can_write_or_that_leads_elsewhere_is_refused() {
        let place = Place::new();
        fs::create_dir(place.path("spool")).unwrap();
        fs::set_permissions(place.path("spool"), fs::Permissions::from_mode(0o777)).unwrap();
        place.runs(&[]).is("spool", "failed", "others can write it");
        fs::remove_dir(place.path("spool")).unwrap();
        fs::create_dir(place.path("elsewhere")).unwrap();
        symlink(place.path("elsewhere"), place.path("spool")).unwrap();
        place.runs(&[]).is("spool", "failed", "symbolic link");
    }

    #[test]
    fn a_file_system_that_takes_nothing_is_found() {
        let place = Place::new();
        let spool = place.path("spool");
        Spool::open(&spool).unwrap();
        let mut inside = Command::new("unshare");
        if !rustix::process::geteuid().is_root() {
            inside.arg("--map-root-user");
        }
        inside.args(["--mount", "sh", "-c"]);
        inside.arg(format!("mount --bind {0} {0} && mount -o remount,bind,ro {0} && exec \"$@\"", spool.display()));
        let doctor = place.command(&["--json"]);
        inside.arg("sh").arg(doctor.get_program()).args(doctor.get_args());
        let output = output(&mut inside);
        if output.stdout.is_empty() {
            eprintln!("SKIPPED: mounts are refused here: {}", String::from_utf8_lossy(&output.stderr));
            return;
        }
        Looked::of(&output).is("spool", "failed", "Read-only file system");
    }

    #[test]
    fn what_the_person_has_said_for_good_is_told_and_holds_for_a_test_report() {
        let (server, place) = (MailServer::start(), Place::new());
        let spool = Spool::open(&place.path("spool")).unwrap();
        let choice = |remember| Remembered {
            remember,
            product_version: "3.1.4".into(),
            categories: CategorySet::all(),
            time: 1,
        };
        let mut arguments = to(&server, &place, &[]);
        arguments.push("--send-test-report".into());
        spool.remember(&choice(Remember::Never)).unwrap();
        let looked = looks(&place, &arguments);
        looked.is("policy", "warning", "the person has chosen never");
        looked.is("capture", "not_applicable", "a policy forbids it");
        looked.is("test_report", "failed", "no report was made");
        assert!(server.mails_now().is_empty());
        spool.remember(&choice(Remember::Always)).unwrap();
        let looked = looks(&place, &arguments);
        looked.is("policy", "ok", "the person has chosen always");
        looked.is("test_report", "ok", "OK id=");
        let report =
            Report::read(&attachment(&fs::read(&server.mails(1)[0]).unwrap())[..], &Limits::default()).unwrap();
        let consent: v1::ConsentRecord = report.message(SectionKind::Consent).unwrap().unwrap();
        assert_eq!(consent.source(), ConsentSource::Remembered);
        assert!(consent.stated_purpose.contains("doctor --send-test-report"), "{consent:?}");
    }

    #[test]
    fn without_a_display_or_a_terminal_it_is_said_that_nobody_can_be_asked() {
        let place = Place::new();
        let mut command = Command::new("setsid");
        let doctor = place.command(&["--json"]);
        command.arg("--wait").arg(doctor.get_program()).args(doctor.get_args());
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").stdin(Stdio::null());
        let looked = Looked::of(&output(&mut command));
        looked.is("question", "warning", "no display");
        looked.is("screen", "not_applicable", "no display");
    }

    /// Has the kernel refuse these system calls to the process from here on, and to what it starts.
    fn refuse(calls: [libc::c_long; 2]) -> std::io::Result<()> {
        let op = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
        let equals = |call: libc::c_long, jt| op(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, jt, 0, call as u32);
        let mut filter = [
            op(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
            equals(calls[0], 2),
            equals(calls[1], 1),
            op(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
            op(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
        ];
        let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
        // SAFETY: only concerns this process.
        let no_more_rights = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
        // SAFETY: only concerns this process; the program lives until the call returns, and the kernel checks it.
        let refused = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
        if no_more_rights == 0 && refused == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
    }

    #[test]
    fn a_sandbox_that_forbids_reading_other_processes_is_found_by_trying() {
        let place = Place::new();
        let mut command = place.command(&["--json"]);
        // SAFETY: between fork and exec the closure makes two system calls.
        unsafe { command.pre_exec(|| refuse([libc::SYS_ptrace, libc::SYS_process_vm_readv])) };
        let looked = Looked::of(&output(&mut command));
        let check = looked.is("capture", "warning", "with a seccomp filter");
        assert!(check["advice"].as_str().unwrap().contains("allow ptrace"), "{check:#}");
        assert!(check["facts"]["frames"].as_u64().unwrap() > 0, "the product tells its own stack: {check:#}");
    }

    #[test]
    fn a_person_reads_a_line_for_each_check() {
        let place = Place::new();
        let output = output(&mut place.command(&[]));
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert!(text.starts_with("reporter-handler ") && text.contains("Ledger 3.1.4 of Example Software"), "{text}");
        for check in ["helper", "spool", "capture", "question", "server"] {
            assert!(text.lines().any(|line| line.split_whitespace().any(|word| word == check)), "{check}: {text}");
        }
        assert!(text.ends_with("warnings\n") && text.contains("11 looked at: 0 failed"), "{text}");
    }
}
