//! `reportdecode`: shows support what an error report holds.
#![forbid(unsafe_code)]

mod cli;
mod commands;
mod content;
mod document;
mod exit;
mod files;
mod input;
mod keys;
mod mail;
mod minidump;
mod private;
mod reflect;
mod render;
mod sanitize;
mod symbols;
mod wildcards;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::exit::Outcome;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut out = BufWriter::new(io::stdout().lock());
    let done = match &cli.command {
        Command::Show(arguments) => commands::show::run(arguments, &mut out),
        Command::Json(arguments) => commands::json::run(arguments, &mut out),
        Command::Verify(arguments) => commands::verify::run(arguments, &mut out),
        Command::Extract(arguments) => commands::extract::run(arguments, &mut out),
        Command::Recover(arguments) => commands::recover::run(arguments, &mut out),
        Command::Redact(arguments) => commands::redact::run(arguments, &mut out),
        Command::Split(arguments) => commands::split::run(arguments, &mut out),
        Command::Join(arguments) => commands::join::run(arguments, &mut out),
        Command::Export(arguments) => commands::export::run(arguments, &mut out),
        Command::Summary(arguments) => commands::summary::run(arguments, &mut out),
        Command::Keygen(arguments) => commands::keygen::run(arguments, &mut out),
        Command::Seal(arguments) => commands::seal::run(arguments, &mut out),
        Command::Unseal(arguments) => commands::unseal::run(arguments, &mut out),
    };
    let outcome = match done.and_then(|outcome| out.flush().map(|()| outcome)) {
        Ok(outcome) => outcome,
        // `reportdecode show … | head`: the reader has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Outcome::Ok,
        Err(error) => {
            commands::complain("standard output", &error);
            Outcome::Failed
        }
    };
    // What is left in the buffer after an error must not be tried again when it is dropped.
    std::mem::forget(out);
    outcome.into()
}
