//! `portcullis backup FILE`: a copy of the store, beside a server that goes on.

use std::path::Path;

use portcullis::settings;
use portcullis::store;

use super::{Problems, say};

pub(crate) async fn run(file: &Path) -> Result<(), Problems> {
    let settings = settings::load(&settings::figment())?;
    store::backup(&settings.store, file).await.map_err(|problem| vec![problem])?;
    say(format!("Copied the store to {}.", file.display()))
}
