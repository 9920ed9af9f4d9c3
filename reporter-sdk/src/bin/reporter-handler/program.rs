//! What the handler does on the systems that it serves.

use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand, ValueEnum};
use reporter_sdk::handler::{Connection, Stopped};
use reporter_sdk::statement::Statement;

use super::{doctor, forget};

/// Makes reports of a product's errors, asks whether to send them, and sends them. A product starts it by itself.
#[derive(Debug, Parser)]
#[command(name = "reporter-handler", version, arg_required_else_help = true)]
#[command(subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
struct Arguments {
    /// Serve the product at the other end of the sockets that are standard input (control) and standard output (crash channel)
    #[arg(long, required_unless_present = "what_is_collected")]
    serve: bool,
    /// Print what a report can hold, with purpose and example of each fact, and end: for a vendor's policy page
    #[arg(long, value_name = "FORMAT", num_args = 0..=1, require_equals = true, default_missing_value = "text", exclusive = true)]
    what_is_collected: Option<StatementFormat>,
    /// The handle of the product's process, which this program inherits
    #[cfg(windows)]
    #[arg(long, value_name = "HANDLE", hide = true)]
    product: Option<usize>,
    /// Append what happens to this file (made owner-only)
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum StatementFormat {
    Text,
    Json,
    Markdown,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// End the handlers that run this program, as before an update: yours, or as root those of all users
    ///
    /// They finish the report at hand, and a question that is open is put again later. Their products go on; what fails in them from then on is reported
    /// when they are started again.
    Stop {
        /// How long to wait for their ends
        #[arg(long, value_name = "SECONDS", default_value_t = 30)]
        timeout: u64,
    },
    /// Look whether reports of a product would be made here, and would arrive: for who has just installed it
    ///
    /// Run it as the user who runs the product, with what the product's options say. Nothing is sent, unless a test report is asked for. Exit status: 0 where nothing
    /// has failed, 1 where something has, 2 for options that make no sense.
    Doctor(Box<doctor::Arguments>),
    /// Destroy what waits on this machine for a product that is removed: its reports, decided or not, and what the person has chosen
    ///
    /// Run it as the user who ran the product, once `stop` has ended its handlers. Asks before, where it can.
    Forget(forget::Arguments),
}

pub(super) fn main() -> ExitCode {
    #[cfg(feature = "fail-points")]
    let _points = reporter_sdk::fail_points::read_environment();
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{error:#}");
            eprintln!("reporter-handler: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        Some(Command::Stop { timeout }) => return stop(Duration::from_secs(timeout)).map(|()| ExitCode::SUCCESS),
        Some(Command::Doctor(arguments)) => return doctor::run(*arguments),
        Some(Command::Forget(arguments)) => return forget::run(&arguments).map(|()| ExitCode::SUCCESS),
        None => {}
    }
    if let Some(format) = arguments.what_is_collected {
        return print(&in_format(format)).map(|()| ExitCode::SUCCESS);
    }
    #[cfg(target_os = "linux")]
    let connection = Connection::inherited();
    #[cfg(windows)]
    let connection = Connection::inherited(arguments.product);
    let Arguments { serve: true, log, .. } = arguments else {
        bail!("nothing to do: a product's SDK starts this program with --serve");
    };
    let connection = connection.context(
        "standard input and output must be a product's channels: only a product's SDK can start this program",
    )?;
    let log = log.map(std::path::absolute).transpose().context("--log")?;
    connection.detach().context("cannot become a process of its own")?;
    if let Some(path) = log {
        let file = reporter_sdk::handler::open_log(&path)
            .with_context(|| format!("cannot open the log {}", path.display()))?;
        tracing_subscriber::fmt().with_ansi(false).with_writer(file).init();
    }
    reporter_sdk::handler::serve(connection).context("cannot serve the product")?;
    Ok(ExitCode::SUCCESS)
}

fn in_format(format: StatementFormat) -> String {
    let statement = Statement::of_schema();
    match format {
        StatementFormat::Text => statement.to_text(),
        StatementFormat::Json => statement.to_json(),
        StatementFormat::Markdown => statement.to_markdown(),
    }
}

pub(super) fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        // Whoever reads it has seen enough: `| head`.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

fn stop(timeout: Duration) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("cannot tell which file this program is")?;
    let Stopped { ended, busy } =
        reporter_sdk::handler::stop(&program, timeout).context("cannot look for the handlers that run")?;
    println!("{ended} handlers of {} ended", program.display());
    if busy > 0 {
        bail!("{busy} handlers have not ended in {} s: they do once the report at hand is done", timeout.as_secs());
    }
    Ok(())
}
