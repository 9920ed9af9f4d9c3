//! `reporter-handler forget`: what an uninstaller calls for each user, or tells them of.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use reporter_sdk::spool::{Removed, Spool};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The vendor, as the product's options name it
    #[arg(long, value_name = "NAME")]
    vendor: String,
    /// The product, as its options name it
    #[arg(long, value_name = "NAME")]
    product: String,
    /// The folder for reports, if the product's options name one
    #[arg(long, value_name = "DIR")]
    spool: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let path = match &arguments.spool {
        Some(path) => std::path::absolute(path).context("--spool")?,
        None => Spool::default_directory(&arguments.vendor, &arguments.product)
            .context("there is no home directory: name the folder by --spool")?,
    };
    let places: Vec<PathBuf> = [Some(path.clone()), Spool::fallback_directory(&path)].into_iter().flatten().collect();
    let places: Vec<PathBuf> = places.into_iter().filter(|place| Spool::lies_at(place)).collect();
    if places.is_empty() {
        println!("nothing of {} waits in {}", arguments.product, path.display());
        return Ok(());
    }
    for place in &places {
        forget(place, arguments)?;
    }
    Ok(())
}

fn forget(place: &Path, arguments: &Arguments) -> anyhow::Result<()> {
    let spool = Spool::open(place).with_context(|| format!("cannot open {}", place.display()))?;
    let census = spool.census()?;
    println!(
        "{}: {} undecided reports, {} to be sent, {} of lost handlers",
        place.display(),
        census.drafts,
        census.outgoing,
        census.lost
    );
    if !arguments.yes && !is_confirmed()? {
        bail!("nothing was destroyed");
    }
    let Removed { files, busy, whole } = spool.remove()?;
    println!("{files} files destroyed");
    if busy > 0 {
        bail!(
            "{busy} files are in use: end the product, and its handlers by `reporter-handler stop`, and call this again"
        );
    }
    if !whole {
        println!("the folder stays: something else lies in it");
    }
    Ok(())
}

fn is_confirmed() -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("nobody can be asked here: say --yes");
    }
    print!("Destroy them? [y/N] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(answer.trim().eq_ignore_ascii_case("y"))
}
