//! `portcullis migrate`: the tables of the store brought up to date, or the whole store moved to PostgreSQL.

use portcullis::settings;
use portcullis::store::{self, StoreUrl};

use super::{Problems, problem, say};

pub(crate) async fn run(to: Option<&str>) -> Result<(), Problems> {
    let settings = settings::load(&settings::figment())?;
    let Some(to) = to else {
        let stores = store::open_existing(&settings.store);
        stores.sessions.ready().await.map_err(problem)?;
        stores.sessions.close().await;
        return say("The tables of the store are up to date.");
    };
    let to: StoreUrl = to.parse().map_err(|problem: store::InvalidStoreUrl| {
        vec![problem.to_string().replace("app.store: ", "--to: ")]
    })?;
    let moved = store::move_to(&settings.store, &to).await.map_err(|problem| vec![problem])?;
    for (table, rows) in moved {
        say(format!("{table}: {rows}"))?;
    }
    say("Everything is there. Name the database in app.store, and start.")?;
    if settings.auth.secret_key_file().is_none()
        && let Some(file) = settings.development_key_file().filter(|file| file.exists())
    {
        say(format!("The keys stay in {}: name it in auth.secret_key_file.", file.display()))?;
    }
    Ok(())
}
