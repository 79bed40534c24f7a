//! `portcullis key …`: the ring of signing keys, in the key file.
//!
//! Only names, algorithms, states and times are printed; what signs never leaves the file.
//! A server that runs on the same file goes on with its new content within a second, and nobody is signed out:
//! a replaced key verifies what it has signed for as long as that can live.

use clap::Subcommand;
use portcullis::auth::{Algorithm, Clock, KeyFile, ListedKey, OsRandom, SystemClock};
use portcullis::settings;

use super::{Problems, moment, print_table, say};

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key that will sign after the next rotation; the first of a file signs at once.
    ///
    /// Where several servers or other services verify, make it some minutes beforehand, so that all know it in time.
    New {
        /// HS256, HS384, HS512, EdDSA, ES256, ES384, RS256 or PS256; all but the first three are published as JWKS.
        #[arg(long, default_value = "HS256", value_name = "NAME")]
        algorithm: Algorithm,
    },
    /// List the keys.
    List,
    /// Let the next key sign, or a new one of the same algorithm; the replaced one verifies until its last token expired.
    Rotate,
    /// Remove a key at once: what it has signed is refused from now on.
    Retire {
        /// Its id, as `key list` shows it.
        id: String,
    },
}

pub(crate) fn run(command: &KeyCommand) -> Result<(), Problems> {
    work(command)
}

fn work(command: &KeyCommand) -> Result<(), Problems> {
    let settings = settings::load(&settings::figment())?;
    let file = settings.key_file().map_err(one)?;
    match command {
        KeyCommand::New { algorithm } => {
            let key = file.add(*algorithm, &OsRandom).map_err(one)?;
            let what =
                if key.state == "signing" { "signs from now on" } else { "signs after the next rotation" };
            say(format!("Made the {} key {}; it {what}.", key.algorithm.as_str(), key.id))?;
        }
        KeyCommand::List => list(&file)?,
        KeyCommand::Rotate => {
            let now = SystemClock::new().now();
            let overlap = settings.auth.longest_token();
            let is_sudden = !file.list().map_err(one)?.iter().any(|key| key.state == "next");
            let key = file.rotate(now, overlap, &OsRandom).map_err(one)?;
            let until = moment(now + overlap);
            say(format!(
                "The {} key {} signs from now on; the one before verifies until {until}.",
                key.algorithm.as_str(),
                key.id
            ))?;
            if is_sudden && !key.algorithm.is_symmetric() {
                say(
                    "Nobody could learn of this key beforehand: services that cached /.well-known/jwks.json refuse its tokens for up to 5 minutes. Next time, `key new` some minutes earlier.",
                )?;
            }
        }
        KeyCommand::Retire { id } => {
            file.retire(id, &OsRandom).map_err(one)?;
            say(format!("Retired the key {id}; what it has signed is refused."))?;
        }
    }
    Ok(())
}

fn list(file: &KeyFile) -> Result<(), Problems> {
    let rows: Vec<_> = file.list().map_err(one)?.iter().map(row).collect();
    print_table(["ID", "ALGORITHM", "STATE", "UNTIL"], &rows)?;
    Ok(())
}

fn row(key: &ListedKey) -> [String; 4] {
    let until = key.until.map_or_else(|| "-".to_owned(), moment);
    [key.id.clone(), key.algorithm.as_str().to_owned(), key.state.to_owned(), until]
}

fn one(problem: String) -> Problems {
    vec![problem]
}
