//! `portcullis completion SHELL` and `portcullis manual FOLDER`: what shells and `man` know of the commands, made of the
//! commands themselves.

use std::path::Path;

use clap::Command;
use clap_complete::Shell;

use super::{Problems, say};

pub(crate) fn completion(mut command: Command, shell: Shell) -> Result<(), Problems> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "portcullis", &mut script);
    say(String::from_utf8_lossy(&script).trim_end())
}

pub(crate) fn pages(command: Command, folder: &Path) -> Result<(), Problems> {
    let failed = |error: std::io::Error| vec![format!("{}: {error}", folder.display())];
    clap_mangen::generate_to(command, folder).map_err(failed)?;
    say(format!("Wrote the manual pages into {}.", folder.display()))
}
