//! Whether a refresh token would be accepted now: asked, and nothing changed by asking.
//!
//! A guard reads and never writes, and a token that comes back after it was replaced must end its session all the same,
//! whether or not a handler ever runs. So what the guard saw is noted on the request, and the fairing acts on it when the
//! answer is on its way.
//!
//! A handler that goes on to refresh asks the store again, inside the transaction that rotates: what was read before it
//! may be over by then. The second look costs a read, the transaction a write that waits for the disk.

use rocket::Request;

use crate::auth::request::{caller, verdict};
use crate::auth::sessions::authority::{PATIENCE, end_of};
use crate::auth::sessions::rotation::{Verdict, step};
use crate::auth::tokens::claims::SessionClaims;
use crate::auth::tokens::token::Token;
use crate::auth::wire::error::AuthError;
use crate::auth::wire::invalid::Invalid;
use crate::auth::wire::place::Location;

/// A refresh token whose session lives and which would be accepted now.
pub(in crate::auth) async fn live<'r>(
    request: &Request<'_>,
    token: &'r Token,
) -> Result<SessionClaims<'r>, AuthError> {
    let authority = verdict::authority(request)?;
    let claims = SessionClaims::of(token)?;
    let _ = verdict::patience(request, authority);
    let session = authority.store.find(claims.session_id()).await?.ok_or(AuthError::Revoked)?;
    if session.user != claims.subject() {
        return Err(Invalid::Subject.into());
    }
    let leniency = authority.leniency();
    match step(&session.state, claims.generation(), authority.clock.now(), leniency).1 {
        Verdict::Rotated | Verdict::Replayed => Ok(claims),
        Verdict::AlreadyEnded => Err(end_of(&session)),
        Verdict::Expired => Err(AuthError::Expired),
        Verdict::Reused => {
            note(request, token);
            Err(AuthError::Reused)
        }
        Verdict::NeverIssued => {
            note(request, token);
            Err(Invalid::NeverIssued.into())
        }
    }
}

fn note(request: &Request<'_>, token: &Token) {
    // Several guards of one route have seen the same.
    let _ = verdict::notes(request).came_back.set(token.clone());
}

/// Presents a token that a guard has seen to the store, which decides and ends the session in one transaction.
///
/// # Errors
/// [`AuthError::Unavailable`] when the store could not, so that nobody is told of an end that has not come.
pub(in crate::auth) async fn act_on_seen(request: &Request<'_>, token: &Token) -> Result<(), AuthError> {
    let (authority, claims) = (verdict::authority(request)?, SessionClaims::of(token)?);
    match authority.renew(&claims, caller::address(request), PATIENCE).await {
        Err(AuthError::Unavailable) => Err(AuthError::Unavailable),
        Err(AuthError::Reused) if claims.location() == Location::Cookies => {
            verdict::clear_cookies(request, authority.jar);
            Ok(())
        }
        // The guard has told it, or it was over by then.
        _ => Ok(()),
    }
}
