//! The handler: started by a product's SDK, never by a person.

use std::fs::OpenOptions;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use clap::Parser;

/// Makes reports of a product's errors, asks whether to send them, and sends them. A product starts it by itself; there is
/// nothing to do with it by hand.
#[derive(Debug, Parser)]
#[command(name = "reporter-handler", version, arg_required_else_help = true)]
struct Arguments {
    /// Serve the product at the other end of the two sockets
    #[arg(long, required = true, requires_all = ["control_fd", "crash_fd"])]
    serve: bool,
    /// Descriptor of the control socket
    #[arg(long, value_name = "FD")]
    control_fd: Option<RawFd>,
    /// Descriptor of the crash channel
    #[arg(long, value_name = "FD")]
    crash_fd: Option<RawFd>,
    /// Append what happens to this file (made owner-only)
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            eprintln!("reporter-handler: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { serve: true, control_fd: Some(control), crash_fd: Some(crash), log } = arguments else {
        bail!("nothing to do: a product's SDK starts this program with --serve, --control-fd and --crash-fd");
    };
    // Descriptors by number: checked to be two different ones that are open, before they are taken.
    ensure!(
        control > 2 && crash > 2 && control != crash,
        "--control-fd {control} and --crash-fd {crash} must differ and be above 2"
    );
    for descriptor in [control, crash] {
        // SAFETY: asks about a number; changes nothing.
        let flags = unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) };
        ensure!(flags == 0, "descriptor {descriptor} is not open: only a product's SDK can start this program");
    }
    let log = log.map(std::path::absolute).transpose().context("--log")?;
    reporter_sdk::handler::detach(&[control, crash]).context("cannot become a process of its own")?;
    if let Some(path) = log {
        let open = OpenOptions::new().create(true).append(true).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(&path);
        let file = open.with_context(|| format!("cannot open the log {}", path.display()))?;
        tracing_subscriber::fmt().with_ansi(false).with_writer(file).init();
    }
    // SAFETY: open (checked above, and kept by `detach`), and nothing else in this process has taken them.
    let control = unsafe { OwnedFd::from_raw_fd(control) };
    // SAFETY: as above; it is another number.
    let crash = unsafe { OwnedFd::from_raw_fd(crash) };
    reporter_sdk::handler::serve(control, crash).context("cannot serve the product")
}
