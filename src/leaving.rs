//! Deletes the accounts of people who have left, once their time has come.

use std::sync::Arc;
use std::time::Duration;

use rocket::fairing::{Fairing, Info, Kind};
use rocket::{Orbit, Rocket};

use crate::auth::{Clock, Event, EventStore, JournalEntry, Random, What, chain};
use crate::users::Accounts;

/// Who deletes: one worker in each node, of which any may come first.
#[derive(Clone)]
pub(crate) struct Leaving {
    accounts: Accounts,
    events: Arc<dyn EventStore>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Leaving {
    /// Deletes of these accounts, and tells these events of it.
    #[must_use]
    pub(crate) fn new(
        accounts: Accounts,
        events: Arc<dyn EventStore>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self { accounts, events, clock, random }
    }

    /// Deletes whatever may be deleted by now; tells how many accounts that were.
    ///
    /// # Errors
    /// One line when the store or the source of randomness has no answer; what is left is deleted in another turn.
    pub(crate) async fn turn(&self) -> Result<u32, String> {
        let mut gone = 0;
        while let Some(pseudonym) =
            self.accounts.delete_one(&*self.random).await.map_err(|error| chain(&error))?
        {
            gone += 1;
            let (at, what) = (self.clock.now(), What::AccountDeleted);
            let event = Event {
                at,
                what,
                user: Some(pseudonym),
                session: None,
                address: None,
                by: None,
                roles: None,
            };
            event.log();
            let entry = JournalEntry::draw(event, &*self.random).map_err(|error| chain(&error))?;
            self.events.record(&[entry]).await.map_err(|error| chain(&error))?;
        }
        Ok(gone)
    }

    /// Looks once a minute for as long as the application serves.
    #[must_use]
    pub(crate) fn fairing(self) -> impl Fairing {
        Worker(self)
    }

    async fn run(self) {
        loop {
            if let Err(problem) = self.turn().await {
                tracing::warn!("accounts that are to be deleted wait: {problem}");
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}

impl std::fmt::Debug for Leaving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Leaving")
    }
}

struct Worker(Leaving);

#[rocket::async_trait]
impl Fairing for Worker {
    fn info(&self) -> Info {
        Info { name: "Leaving", kind: Kind::Liftoff }
    }

    async fn on_liftoff(&self, rocket: &Rocket<Orbit>) {
        let (leaving, shutdown) = (self.0.clone(), rocket.shutdown());
        rocket::tokio::spawn(async move {
            rocket::tokio::select! {
                () = leaving.run() => {}
                () = shutdown => {}
            }
        });
    }
}

const EVERY: Duration = Duration::from_secs(60);
