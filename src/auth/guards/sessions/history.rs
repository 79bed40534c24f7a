//! Everything that happened to an account, part by part.

use crate::auth::guards::sessions::Sessions;
use crate::auth::sessions::event::{Event, EventSpan};
use crate::auth::wire::error::AuthError;
use crate::ground::clock::UnixTime;

impl Sessions<'_> {
    /// The newest events about a person's account that happened until then, newest first, without the first `skip` of them.
    ///
    /// # Errors
    /// [`AuthError::Unavailable`] when the store is out of reach.
    pub async fn events_until(
        &self,
        user: &str,
        until: UnixTime,
        skip: u32,
        limit: u32,
    ) -> Result<Vec<Event>, AuthError> {
        self.keep_newest_events().await;
        let span = EventSpan { since: self.now() - self.authority.settings.event_ttl, until, skip };
        match &self.authority.events {
            Some(events) => Ok(events.events_of(user, span, limit).await?),
            None => Ok(Vec::new()),
        }
    }
}
