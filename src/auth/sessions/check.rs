//! May this token still be used?
//!
//! Memory is asked first, and mostly alone: the store only when what this node knows is too old, and the list of siblings
//! only where the settings say so. Whoever cannot be asked in time is no reason to let anybody in.

use std::future::Future;
use std::time::Duration;

use crate::auth::sessions::authority::{Authority, PATIENCE, late};
use crate::auth::sessions::store_error::StoreError;
use crate::auth::sessions::waiting::blocklist::Siblings;
use crate::auth::tokens::token::Token;
use crate::auth::wire::error::AuthError;

impl Authority {
    /// Refuses a token that was revoked, or whose session has ended.
    ///
    /// Asks memory, and the store only when this node's knowledge is older than `max_staleness`.
    pub(crate) async fn check_revocation(&self, token: &Token) -> Result<(), AuthError> {
        // A token without a session can only be revoked by its own id.
        let of_session = token.session.map_or(*token.id.as_bytes(), |session| *session.id.as_bytes());
        let ids = [of_session, *token.id.as_bytes()];
        if self.view.is_revoked(&ids[0], &ids[1], token.issued_at) {
            return Err(AuthError::Revoked);
        }
        let max = self.settings.max_staleness;
        let is_old = max == Duration::ZERO || self.view.age(self.clock.monotonic()) > max;
        let list = self.siblings.as_ref().and_then(Siblings::asked);
        if !is_old && list.is_none() {
            return Ok(());
        }
        // In a box, since the future of every request would have room for it otherwise.
        Box::pin(ask(async {
            if is_old && self.store.is_revoked(ids, token.issued_at).await? {
                return Ok(true);
            }
            match list {
                Some(list) => list.contains(token.id, token.session.map(|session| session.id)).await,
                None => Ok(false),
            }
        }))
        .await
    }
}

/// What others say of a token, all of them in time.
async fn ask(is_revoked: impl Future<Output = Result<bool, StoreError>>) -> Result<(), AuthError> {
    match tokio::time::timeout(PATIENCE, is_revoked).await {
        Ok(Ok(false)) => Ok(()),
        Ok(Ok(true)) => Err(AuthError::Revoked),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(late()),
    }
}
