//! What may be said on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use report_format::part::SMALLEST;
use report_format::seal::Date;

use crate::reflect::names::{self, FieldPath};

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
    /// Copy a report without some of what it holds
    #[command(after_help = "\
Examples:
  reportdecode redact crash.report --drop-category screen --output smaller.report
  reportdecode redact crash.report --drop-kind minidump --drop-field contact.email -o smaller.report
  reportdecode redact crash.report --drop-field actions.actions.task.name -o smaller.report

Names are those of the schema, as `reportdecode json` writes them; a wrong one is answered with all that there are. Of kinds and
fields without a name the number will do: 0x8001. All else is copied as it stands, and the new report says what was left out.
Needs no key, but what is sealed is left out by its class as a whole: sealed_triage, sealed_private or sealed_full_memory.")]
    Redact(Redact),
    /// Cut a report into parts that are small enough for a mail
    #[command(after_help = "\
Examples:
  reportdecode split crash.report --size 7M --output parts
  reportdecode join parts/* --output crash.report

The directory is made if it is not there. Parts begin where pieces of the report begin, so that one that gets lost costs only what
is in it. A mail is a third larger than what is attached to it: 7M fit where 10 MB are allowed.")]
    Split(Split),
    /// Put a report together from its parts
    #[command(after_help = "\
Examples:
  reportdecode join parts/* --output crash.report
  reportdecode join part-1-of-3.reportpart part-3-of-3.reportpart -o what-is-there.report

Parts may be given in any order, and more than once. Where some are missing, what there is is written, for `reportdecode recover`.
Exit code 3 if the report is not whole.")]
    Join(Join),
    /// Write the memory of a report as a file that debuggers open
    #[command(after_help = "\
Examples:
  reportdecode export crash.report --core crash.core && gdb ledger crash.core
  reportdecode export crash.report --minidump crash.dmp && lldb -c crash.dmp

The minidump in the report and the image of its memory become one file: a full minidump for WinDbg, LLDB and
minidump-stackwalk, or a core file for gdb (of x86-64 Linux only). The file is for its owner only, and never written over
another. It is as large as the memory, but pages of zeros are holes in it and take no place on the disk (on Windows they do).")]
    Export(Export),
    /// Tell what is in a report of any size, at once, without checking it
    #[command(after_help = "\
Examples:
  reportdecode summary crash.report
  reportdecode summary --json crash.report | jq .memory.covers

Only the beginning and the end of the file are read, and the list of memory regions: `reportdecode verify` reads all of it.")]
    Summary(Summary),
    /// Make a key that opens what is sealed to it
    #[command(after_help = "\
Examples:
  reportdecode keygen --output triage-2026.key --label 'Ledger, triage' --valid-for 400d

Writes a file for its owner only (on Windows: if it is made below your profile folder), that `age -i` takes as well, and prints the public key: the line for the recipients file that
the product ships. Whoever loses the file cannot open what is sealed to it; nobody can help.")]
    Keygen(Keygen),
    /// Encrypt a report's sections to public keys, by class
    #[command(after_help = "\
Examples:
  reportdecode seal crash.report --recipients ledger.recipients --output sealed.report

The recipients file has a line for each key: a class (triage, private or full-memory), a public key, and after a # the last day and
a label, if there are:
  triage age1…  # expires 2027-12-31, support
A class without a key is refused, and so is a key whose last day is over.")]
    Seal(Seal),
    /// Write a report with what the keys open in clear
    #[command(after_help = "\
Examples:
  reportdecode unseal sealed.report --key triage-2026.key --output clear.report

Classes for which there is no key stay sealed. Exit code 3 if something could not be decrypted or was lost.")]
    Unseal(Unseal),
}

#[derive(Debug, Args)]
pub(crate) struct Inputs {
    /// Reports, mails, Maildirs, mboxes, or - for standard input
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) keys: Keys,
}

#[derive(Debug, Args)]
pub(crate) struct Keys {
    /// File with secret keys that open what is sealed; may be given several times
    #[arg(long = "key", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
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
pub(crate) struct Redact {
    /// The report
    #[arg(value_name = "REPORT")]
    pub(crate) input: PathBuf,
    #[command(flatten)]
    pub(crate) what: Dropped,
    /// The report to make; nothing is overwritten
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) colour: Colour,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Dropped {
    /// Leave out the sections of a category, like screen; may be given several times
    #[arg(long = "drop-category", value_name = "CATEGORY", value_parser = names::category)]
    pub(crate) categories: Vec<u16>,
    /// Leave out the sections of a kind, like minidump; may be given several times
    #[arg(long = "drop-kind", value_name = "KIND", value_parser = names::kind)]
    pub(crate) kinds: Vec<u16>,
    /// Leave out a field, like contact.email, wherever it stands; may be given several times
    #[arg(long = "drop-field", value_name = "FIELD", value_parser = names::field)]
    pub(crate) fields: Vec<FieldPath>,
}

#[derive(Debug, Args)]
pub(crate) struct Split {
    /// The report
    #[arg(value_name = "REPORT")]
    pub(crate) input: PathBuf,
    /// Bytes of a part at most, like 7M or 500K
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) size: u64,
    /// Directory to write the parts to; nothing is overwritten
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: PathBuf,
}

/// `500K`, `7M`, `1G`, or a number of bytes.
fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.as_bytes().last() {
        Some(b'K' | b'k') => (&text[..text.len() - 1], 1 << 10),
        Some(b'M' | b'm') => (&text[..text.len() - 1], 1 << 20),
        Some(b'G' | b'g') => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    let size = number.parse().ok().and_then(|number: u64| number.checked_mul(unit));
    size.filter(|&size| size >= SMALLEST)
        .ok_or_else(|| format!("give a size from {SMALLEST} bytes on, like 7M or 500K"))
}

#[derive(Debug, Args)]
pub(crate) struct Join {
    /// The parts, in any order
    #[arg(required = true, value_name = "PART")]
    pub(crate) inputs: Vec<PathBuf>,
    /// The report to make; nothing is overwritten
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) colour: Colour,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// A report in a file
    #[arg(value_name = "REPORT")]
    pub(crate) report: PathBuf,
    #[command(flatten)]
    pub(crate) output: ExportOutput,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ExportOutput {
    /// Write a full minidump, for WinDbg, LLDB and minidump-stackwalk
    #[arg(long, value_name = "OUT.dmp")]
    pub(crate) minidump: Option<PathBuf>,
    /// Write an ELF core file, for gdb
    #[arg(long, value_name = "OUT.core")]
    pub(crate) core: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Summary {
    /// A report in a file
    #[arg(value_name = "REPORT")]
    pub(crate) report: PathBuf,
    /// Write JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) colour: Colour,
}

#[derive(Debug, Args)]
pub(crate) struct Keygen {
    /// The file to make; nothing is overwritten
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// What the key is for, in your words
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) label: String,
    /// The last day on which anything should be sealed to it, like 2027-12-31; it opens for ever
    #[arg(long, value_name = "DATE")]
    pub(crate) expires: Option<Date>,
    /// The same as a number of days from today, like 400d
    #[arg(long, value_name = "DAYS", value_parser = days, conflicts_with = "expires")]
    pub(crate) valid_for: Option<u16>,
}

/// `400d`, or `400`: up to a hundred years.
fn days(text: &str) -> Result<u16, String> {
    let days = text.strip_suffix('d').unwrap_or(text).parse().ok();
    days.filter(|days| (1..=36_500).contains(days)).ok_or_else(|| "give a number of days, like 400d".to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct Seal {
    /// The report
    #[arg(value_name = "REPORT")]
    pub(crate) input: PathBuf,
    /// File with the public keys of each class
    #[arg(long, value_name = "FILE")]
    pub(crate) recipients: PathBuf,
    /// The report to make; nothing is overwritten
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Leave the classes without a key readable for everybody
    #[arg(long)]
    pub(crate) leave_clear: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Unseal {
    /// The sealed report
    #[arg(value_name = "REPORT")]
    pub(crate) input: PathBuf,
    /// File with secret keys; may be given several times
    #[arg(long = "key", value_name = "FILE", required = true)]
    pub(crate) keys: Vec<PathBuf>,
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
