//! `reporter-handler doctor`: what a product's options hold, on the command line.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use reporter_sdk::handler::doctor;
use reporter_sdk::{Mail, Options, Smtp, Tls};

use super::program::print;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The vendor, as the product's options name it
    #[arg(long, value_name = "NAME")]
    vendor: String,
    /// The product, as its options name it
    #[arg(long, value_name = "NAME")]
    product: String,
    /// The product's version
    #[arg(long, default_value = "0")]
    version: String,
    /// The folder for reports, if the product's options name one
    #[arg(long, value_name = "DIR")]
    spool: Option<PathBuf>,
    /// The mail's sender
    #[arg(long, value_name = "ADDRESS", requires = "to")]
    from: Option<String>,
    /// The mail's recipient; once for each
    #[arg(long, value_name = "ADDRESS", requires = "from")]
    to: Vec<String>,
    /// The mail server
    #[arg(long, value_name = "HOST", requires = "from", conflicts_with = "eml_directory")]
    smtp: Option<String>,
    /// The mail server's port; by default the usual one for --tls
    #[arg(long, requires = "smtp")]
    port: Option<u16>,
    /// How the connection to it is encrypted
    #[arg(long, value_enum, default_value_t = Encryption::Starttls, requires = "smtp")]
    tls: Encryption,
    /// The user name for the mail server
    #[arg(long, value_name = "NAME", requires = "smtp", requires = "password_file")]
    user: Option<String>,
    /// A file whose first line is the password: one on the command line could be read by others
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// Certificates (PEM) of authorities to trust in addition to the system's
    #[arg(long, value_name = "FILE", requires = "smtp")]
    root_certificate: Option<PathBuf>,
    /// How long one conversation with the mail server may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
    /// The folder for mails, of a product that has no mail server
    #[arg(long, value_name = "DIR", requires = "from")]
    eml_directory: Option<PathBuf>,
    /// Send a report of a simulated crash, marked as a test, to the recipients: with this option you consent to that
    #[arg(long)]
    send_test_report: bool,
    /// Leave a check out; once for each
    #[arg(long, value_enum, value_name = "CHECK")]
    skip: Vec<doctor::Skip>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Be the product that is looked at
    #[arg(long, hide = true)]
    as_product: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Encryption {
    /// From the first byte on, usually port 465
    Implicit,
    /// By STARTTLS, usually port 587
    Starttls,
    /// Not at all: a relay on this machine, port 25
    None,
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let (json, send, as_product) = (arguments.json, arguments.send_test_report, arguments.as_product);
    let skip = arguments.skip.clone();
    let options = match options(arguments) {
        Ok(options) => options,
        Err(why) => {
            eprintln!("reporter-handler: {why}");
            return Ok(ExitCode::from(2));
        }
    };
    if as_product {
        doctor::play_product(options, send)?;
        return Ok(ExitCode::SUCCESS);
    }
    let findings = doctor::examine(options, send, &skip);
    print(&if json { findings.to_json() } else { findings.to_text() })?;
    Ok(if findings.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn options(arguments: Arguments) -> Result<Options, String> {
    let mut options = Options::new(arguments.vendor, arguments.product, arguments.version);
    if let Some(spool) = arguments.spool {
        options = options.spool(absolute(&spool)?);
    }
    let Some(from) = arguments.from else { return Ok(options) };
    let mut mail = Mail::new(from, arguments.to);
    if let Some(host) = arguments.smtp {
        let tls = match arguments.tls {
            Encryption::Implicit => Tls::Implicit,
            Encryption::Starttls => Tls::StartTls,
            Encryption::None => Tls::None,
        };
        let mut smtp = Smtp::new(host, tls).timeout(Duration::from_secs(arguments.timeout));
        if let Some(port) = arguments.port {
            smtp = smtp.port(port);
        }
        if let (Some(user), Some(file)) = (arguments.user, arguments.password_file) {
            let password = String::from_utf8(read(&file)?).map_err(|_| format!("{} is not UTF-8", file.display()))?;
            smtp = smtp.credentials(user, password.lines().next().unwrap_or_default());
        }
        if let Some(file) = arguments.root_certificate {
            smtp = smtp.root_certificate(read(&file)?);
        }
        mail = mail.smtp(smtp);
    }
    if let Some(directory) = arguments.eml_directory {
        mail = mail.eml_directory(absolute(&directory)?);
    }
    Ok(options.mail(mail))
}

fn absolute(path: &Path) -> Result<PathBuf, String> {
    std::path::absolute(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}
