//! Who sends: one worker in each node, of which any may send what another one wrote.

use std::sync::Arc;
use std::time::Duration;

use crate::auth::spans::sending;
use crate::auth::{Clock, Random, chain};
use crate::mail::letters::Letters;
use crate::mail::transport::{SendError, Transport};
use crate::users::{AccountStoreError, Letter, PostOffice, QueuedMessage, Setback};

/// Sends what is waiting.
#[derive(Clone)]
pub struct Mailer {
    office: PostOffice,
    letters: Letters,
    transport: Transport,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Mailer {
    /// Sends what this office writes, in these words, by this way.
    #[must_use]
    pub fn new(
        office: PostOffice,
        letters: Letters,
        transport: Transport,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self { office, letters, transport, clock, random }
    }

    /// Sends whatever is written from now on, until it is dropped.
    pub async fn run(self) {
        loop {
            if let Err(error) = self.turn().await {
                tracing::warn!("mail waits: {}", chain(&error));
            }
            tokio::select! {
                () = self.office.posted() => {}
                // Another node wrote something, or what failed is due again.
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Sends what is due, one message after the other; tells how many are on their way now.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store has no answer; what was sent may be sent once more then, under the same
    /// `Message-ID`.
    pub async fn turn(&self) -> Result<u32, AccountStoreError> {
        let (mut sent, mut looked_at) = (0, false);
        loop {
            let now = self.clock.now();
            let Some(queued) = self.office.store().take(now, now + LEASE).await? else { break };
            looked_at = true;
            sent += u32::from(self.send(&queued).await?);
        }
        if looked_at {
            self.office.store().purge_links(self.clock.now()).await?;
        }
        Ok(sent)
    }

    async fn send(&self, queued: &QueuedMessage) -> Result<bool, AccountStoreError> {
        let (store, message) = (self.office.store(), &queued.message);
        let now = self.clock.now();
        let link = match message.link {
            Some(id) => self.office.text_of(id, now).await?,
            None => None,
        };
        // Nobody has use for a message whose link is over, and nobody reads the one that says nothing.
        if message.letter == Letter::Nothing || message.link.is_some() && link.is_none() {
            store.forget_message(message.id).await?;
            return Ok(false);
        }
        let account = message.account.as_ref().map_or("", |name| name.as_str());
        let link = link.as_ref().map(|(text, until)| (text.as_str(), *until));
        let written = self.letters.written(message.letter, &message.language, account, link);
        let sent = match written {
            Ok(written) => sending(self.transport.send(message.id, &message.to, &written, now)).await,
            Err(what) => Err(SendError { what, for_good: false }),
        };
        let Err(SendError { what, for_good }) = sent else {
            store.forget_message(message.id).await?;
            return Ok(true);
        };
        let mut drawn = [0];
        // Without randomness everybody waits for as long as at most.
        let _ = self.random.fill(&mut drawn);
        let age = message.made_at.until(now);
        let until = match Setback::after(queued.attempts, age, for_good, drawn.first().copied().unwrap_or(0))
        {
            Setback::Again(wait) => {
                tracing::warn!(message = %message.id, attempts = queued.attempts, "a message was not sent: {what}");
                Some(now + wait)
            }
            Setback::Dead => {
                tracing::error!(message = %message.id, "a message will not be sent: {what}; see `portcullis mail list`");
                None
            }
        };
        store.put_off(message.id, until, &what).await?;
        Ok(false)
    }
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mailer")
    }
}

/// How often each node looks for what others wrote.
const POLL: Duration = Duration::from_secs(5);
/// For so long a message is one worker's: longer than sending may take.
const LEASE: Duration = Duration::from_secs(60);
