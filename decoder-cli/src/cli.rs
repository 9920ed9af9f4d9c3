//! What may be said on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

const INPUTS: &str = "\
Inputs, told apart by what they hold and not by their names:
  a report            crash.report
  a mail              message.eml, with the report attached
  a Maildir or mbox   every mail in it that holds a report
  -                   any of these but a Maildir, from standard input

Exit codes:
  0  every report is complete
  1  something could not be read or written
  2  wrong usage
  3  decoded with loss: a report is partial or corrupt, and what is left was shown";

/// Shows what an error report holds.
///
/// Everything in a report is treated as hostile: characters that would act on a terminal are shown as \u{1b}.
#[derive(Debug, Parser)]
#[command(name = "reportdecode", version, after_help = INPUTS, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show reports as text for people
    #[command(after_help = "\
Examples:
  reportdecode show crash.report
  reportdecode show --all message.eml | less -R
  reportdecode show ~/Maildir")]
    Show(Show),
    /// Write reports as JSON, for programs
    #[command(after_help = "\
Examples:
  reportdecode json crash.report | jq .error.title
  reportdecode json --lines ~/Maildir | jq -r '[.report_id, .product.version] | @tsv'

One report gives an object, several give an array. Every field may be absent. Addresses are \"0x…\" strings, times are
RFC 3339, field names are those of the schema; `schema_version` tells the shape. Bytes of attachments, images and dumps
are not written, only their size and SHA-256: `reportdecode extract` has the bytes.")]
    Json(Json),
    /// Say whether reports are complete, and what is missing
    #[command(after_help = "\
Examples:
  reportdecode verify crash.report && echo whole
  reportdecode verify ~/Maildir")]
    Verify(Verify),
    /// Write a report's parts to files
    #[command(after_help = "\
Examples:
  reportdecode extract crash.report --output crash
  reportdecode extract message.eml --output crash && reportdecode verify crash/report.report
  minidump-stackwalk crash/minidump.dmp

The directory is made if it is not there, for its owner only. Files that exist are never overwritten, and no name comes
from the report: attachments are attachment-001.bin and so on; report.json tells what they were called. Of a mail, the
report itself becomes report.report, byte for byte as it was attached.")]
    Extract(Extract),
    /// Save what is whole of a damaged report
    #[command(after_help = "\
Examples:
  reportdecode recover cut.report --output saved.report
  reportdecode extract message.eml --output crash && reportdecode recover crash/report.report -o saved.report

What is whole is copied as it stands, also what this version does not know, and the new report says what it lacks. Needs no
key. Exit code 0 if nothing was lost, 3 if something was.")]
    Recover(Recover),
}

#[derive(Debug, Args)]
pub(crate) struct Inputs {
    /// Reports, mails, Maildirs, mboxes, or - for standard input
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    #[command(flatten)]
    pub(crate) inputs: Inputs,
    /// Show everything: all threads, modules, processes, drivers, programs
    #[arg(long)]
    pub(crate) all: bool,
    /// Show the frames of every thread
    #[arg(long)]
    pub(crate) all_threads: bool,
    #[command(flatten)]
    pub(crate) colour: Colour,
}

#[derive(Debug, Args)]
pub(crate) struct Json {
    #[command(flatten)]
    pub(crate) inputs: Inputs,
    /// One report a line, without an array around them
    #[arg(long)]
    pub(crate) lines: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) inputs: Inputs,
    #[command(flatten)]
    pub(crate) colour: Colour,
}

#[derive(Debug, Args)]
pub(crate) struct Extract {
    #[command(flatten)]
    pub(crate) inputs: Inputs,
    /// Directory to write to; several reports get a folder each in it
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Recover {
    /// The damaged report
    #[arg(value_name = "REPORT")]
    pub(crate) input: PathBuf,
    /// The report to make; nothing is overwritten
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) colour: Colour,
}

#[derive(Debug, Args)]
pub(crate) struct Colour {
    /// When to use colours; NO_COLOR turns `auto` off
    #[arg(long = "color", value_name = "WHEN", default_value = "auto")]
    pub(crate) when: When,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal
    Auto,
    Always,
    Never,
}
