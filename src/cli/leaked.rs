//! `portcullis leaked-passwords …`: the list of passwords that were stolen elsewhere.

use std::path::PathBuf;

use clap::Subcommand;
use portcullis::leaked;

use super::{Problems, say};

/// What to do with the list.
#[derive(Debug, Subcommand)]
pub(crate) enum LeakedCommand {
    /// Make a compact filter of a list of SHA-1 hashes that is sorted by hash, for app.leaked_passwords.
    Build {
        /// The list: a hash in hexadecimal on each line, with a count behind a colon or without.
        list: PathBuf,
        /// The filter; one that is there is replaced once the new one is whole.
        filter: PathBuf,
    },
}

pub(crate) fn run(command: LeakedCommand) -> Result<(), Problems> {
    let LeakedCommand::Build { list, filter } = command;
    let count = leaked::build(&list, &filter).map_err(|problem| vec![problem])?;
    say(format!("Made a filter of {count} passwords."))
}
