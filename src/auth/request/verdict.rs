//! One verdict per request.
//!
//! Several guards on one route, and the catcher after them, ask the same question; it is answered once and kept in
//! Rocket's request-local cache, failures included.
//!
//! The order of the questions is flask-jwt-extended's: where is the token; is there any CSRF proof; is the token ours;
//! is the proof the right one; has it expired; is it of the right kind; was it revoked.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rocket::Request;

use crate::auth::request::asked::Asked;
use crate::auth::request::caller;
use crate::auth::request::cors::note_values;
use crate::auth::request::csrf::{Proof, Provenance, same};
use crate::auth::request::location::{Found, find};
use crate::auth::sessions::authority::{Authority, PATIENCE, Pair, end_of};
use crate::auth::tokens::claims::{Claims, SessionClaims};
use crate::auth::tokens::csrf_value::access_value;
use crate::auth::tokens::token::Token;
use crate::auth::wire::cookies::{Jar, Outbox, Readable};
use crate::auth::wire::error::AuthError;
use crate::auth::wire::invalid::{Claim, Invalid};
use crate::auth::wire::kind::Kind;
use crate::auth::wire::place::{Location, Locations};

/// The access token that this request carries, judged.
pub(crate) async fn access<'r>(request: &'r Request<'_>) -> Result<&'r Token, AuthError> {
    let kept = &notes(request).access;
    let judged = match kept.get() {
        Some(judged) => judged,
        None => {
            let judged = judge_access(request).await;
            kept.get_or_init(|| judged)
        }
    };
    judged.as_ref().map_err(|error| *error)
}

/// The refresh token that this request carries, judged but not yet presented to the store.
pub(crate) async fn refresh<'r>(request: &'r Request<'_>) -> Result<&'r Token, AuthError> {
    let verdict = request.local_cache_async(async { Refresh(judge_refresh(request).await) }).await;
    verdict.0.as_ref().map_err(|error| *error)
}

/// The access token made for this request out of its refresh token, when its own had expired; renewed at most once.
pub(crate) async fn renewed<'r>(request: &'r Request<'_>) -> Result<&'r Token, AuthError> {
    let verdict = request.local_cache_async(async { Renewed(renew_silently(request).await) }).await;
    verdict.0.as_ref().map_err(|error| *error)
}

#[cfg(feature = "app")]
/// Asks once more whether what this request was let in with still counts: for whoever had to wait in between, as for a
/// body that trickled in. A request that was not let in with an access token has nothing to lose.
pub(crate) async fn still_counts(request: &Request<'_>) -> Result<(), AuthError> {
    let token = match access(request).await {
        Ok(token) => token,
        // Asking for it first would renew.
        Err(_) if notes(request).was_renewed.load(Ordering::Relaxed) => renewed(request).await?,
        Err(_) => return Ok(()),
    };
    authority(request)?.check_revocation(token).await
}

/// What is kept with a request while it is answered; in one place, since each place is an allocation.
#[derive(Default)]
pub(in crate::auth) struct Notes {
    access: OnceLock<Result<Token, AuthError>>,
    pub(in crate::auth) outbox: Outbox,
    /// A refresh token that was replaced long ago, or never issued; seen by a guard, and not yet acted upon.
    pub(in crate::auth) came_back: OnceLock<Token>,
    /// Whether [`renewed`] was asked for and had a token.
    was_renewed: AtomicBool,
    /// Since when this request has asked the store, by the monotonic clock.
    asking_since: OnceLock<Duration>,
}

pub(in crate::auth) fn notes<'r>(request: &'r Request<'_>) -> &'r Notes {
    request.local_cache(Notes::default)
}

/// For how much longer this request may be left waiting for the store, which is asked now if it was not before.
pub(in crate::auth) fn patience(request: &Request<'_>, authority: &Authority) -> Duration {
    let now = authority.clock.monotonic();
    let since = notes(request).asking_since.get_or_init(|| now);
    PATIENCE.saturating_sub(now.saturating_sub(*since))
}

/// The authority, or the error of a Rocket without the fairing, which the sentinels keep from launching.
pub(crate) fn authority<'r>(request: &'r Request<'_>) -> Result<&'r Arc<Authority>, AuthError> {
    Authority::of(request.rocket()).ok_or(AuthError::NotAttached)
}

/// Queues the cookies of a pair.
pub(crate) fn send_pair(request: &Request<'_>, jar: Jar, pair: &Pair) {
    let (wire, out) = (jar.wire(), &notes(request).outbox);
    let csrf = |name, value, age| {
        if wire.csrf_in_cookies {
            jar.set(out, name, value, Readable::ByScripts, age);
        }
    };
    note_values(request, pair);
    jar.set(out, &wire.access_cookie, &pair.access, Readable::ByServerOnly, pair.access_age);
    csrf(&wire.access_csrf_cookie, &pair.csrf_access, pair.access_age);
    jar.set(out, &wire.refresh_cookie, &pair.refresh, Readable::ByServerOnly, pair.refresh_age);
    csrf(&wire.refresh_csrf_cookie, &pair.csrf_refresh, pair.refresh_age);
}

/// Queues the deletion of all auth cookies, the unreadable ones and the readable ones.
pub(crate) fn clear_cookies(request: &Request<'_>, jar: Jar) {
    let (wire, out) = (jar.wire(), &notes(request).outbox);
    jar.delete(out, &wire.access_cookie, Readable::ByServerOnly);
    jar.delete(out, &wire.access_csrf_cookie, Readable::ByScripts);
    jar.delete(out, &wire.refresh_cookie, Readable::ByServerOnly);
    jar.delete(out, &wire.refresh_csrf_cookie, Readable::ByScripts);
}

/// The judgement itself; everybody but the benchmark asks [`access`], which keeps it.
pub(crate) async fn judge_access(request: &Request<'_>) -> Result<Token, AuthError> {
    let locations = authority(request)?.settings.locations;
    judge_access_in(request, locations, RevocationIs::Asked).await
}

/// Judges an access token that stands in one of these places.
pub(crate) async fn judge_access_in(
    request: &Request<'_>,
    locations: Locations,
    revocation: RevocationIs,
) -> Result<Token, AuthError> {
    let authority = authority(request)?;
    let asked = Asked::of(request, locations);
    let found = find(&asked, Kind::Access, locations, authority.jar.wire())?;
    if locations != authority.settings.locations {
        refuse_second(request, found)?;
    }
    judge(authority, &asked, Kind::Access, found, revocation, |proof, value| proof.is(value)).await
}

/// Refuses an access token of one certain place when the places that all other guards look at hold another one:
/// two guards of a route would speak for two people.
pub(crate) fn refuse_second(request: &Request<'_>, found: Found<'_>) -> Result<(), AuthError> {
    let authority = authority(request)?;
    let locations = authority.settings.locations;
    match find(&Asked::of(request, locations), Kind::Access, locations, authority.jar.wire()) {
        Ok(other) if other.token != found.token => Err(AuthError::Ambiguous),
        Err(AuthError::Ambiguous) => Err(AuthError::Ambiguous),
        _ => Ok(()),
    }
}

/// Judges a token that was found. `is_proof` compares the CSRF proof with the token's own value.
pub(crate) async fn judge(
    authority: &Authority,
    asked: &Asked<'_>,
    kind: Kind,
    found: Found<'_>,
    revocation: RevocationIs,
    is_proof: impl Fn(Proof<'_>, &str) -> bool,
) -> Result<Token, AuthError> {
    let proof = if found.location == Location::Cookies && asked.is_unsafe() {
        Provenance::check(asked, authority)?;
        Some(Proof::required(asked, &authority.jar.wire().csrf_header)?)
    } else {
        None
    };
    let now = authority.clock.now();
    let mut token = authority.codec.read(found.token, now)?;
    token.location = found.location;
    if let Some(proof) = proof {
        let value = token.csrf().ok_or(Invalid::MissingClaim(Claim::Csrf))?;
        if !is_proof(proof, value) {
            return Err(AuthError::CsrfMismatch);
        }
    }
    if authority.codec.is_expired(&token, now) {
        return Err(AuthError::Expired);
    }
    if token.kind != kind {
        return Err(AuthError::WrongType(kind));
    }
    if revocation == RevocationIs::Asked {
        authority.check_revocation(&token).await?;
    }
    if kind == Kind::Refresh {
        return Ok(token);
    }
    if let Some(claims) = Claims(&token).session() {
        // A token with a good signature whose subject is not the session's was not minted by us.
        authority.confirmed.see(&claims).map_err(|_| Invalid::Subject)?;
    }
    if authority.hooks.refuses(&Claims(&token)) {
        return Err(AuthError::ClaimsRefused);
    }
    Ok(token)
}

/// Whether revocation is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RevocationIs {
    Asked,
    NotAsked,
}

async fn judge_refresh(request: &Request<'_>) -> Result<Token, AuthError> {
    let authority = authority(request)?;
    let locations = authority.settings.locations;
    let asked = Asked::of(request, locations);
    let found = find(&asked, Kind::Refresh, locations, authority.jar.wire())?;
    judge(authority, &asked, Kind::Refresh, found, RevocationIs::Asked, |proof, value| proof.is(value)).await
}

/// Renews a page's session by its refresh cookie. CSRF is checked first: a form in an open tab carries the access
/// token's value, which follows from the refresh token's, so the form still counts after the access cookie is gone.
async fn renew_silently(request: &Request<'_>) -> Result<Token, AuthError> {
    let authority = authority(request)?;
    let is_proof = |proof: Proof<'_>, value: &str| proof.is(&access_value(value)) || proof.is(value);
    let asked = Asked::bare(request);
    let found = find(&asked, Kind::Refresh, silent(authority), authority.jar.wire())?;
    let token = match judge(authority, &asked, Kind::Refresh, found, RevocationIs::Asked, is_proof).await {
        Err(AuthError::Revoked) => return Err(reason_for_revocation(request).await),
        other => other?,
    };
    let renewal = authority.renew(&SessionClaims::of(&token)?, caller::address(request), PATIENCE).await;
    if matches!(renewal, Err(AuthError::Reused)) {
        clear_cookies(request, authority.jar);
    }
    let (_, pair) = renewal?;
    send_pair(request, authority.jar, &pair);
    let access = authority.codec.read(&pair.access, authority.clock.now())?;
    // The caller is seen with the new generation only when it comes back with it, so this is not a confirmation.
    debug_assert!(access.csrf().is_some_and(|value| same(value, &pair.csrf_access)));
    if authority.hooks.refuses(&Claims(&access)) {
        return Err(AuthError::ClaimsRefused);
    }
    notes(request).was_renewed.store(true, Ordering::Relaxed);
    Ok(access)
}

/// Tells a page why its session is over; memory only knows that it is.
async fn reason_for_revocation(request: &Request<'_>) -> AuthError {
    let Ok(authority) = authority(request) else { return AuthError::NotAttached };
    let found = find(&Asked::bare(request), Kind::Refresh, silent(authority), authority.jar.wire());
    let token = found.map(|found| authority.codec.read(found.token, authority.clock.now()));
    let Ok(Ok(token)) = token else { return AuthError::Revoked };
    let Some(session) = token.session else { return AuthError::Revoked };
    match authority.store.find(session.id).await {
        Ok(session) => session.as_ref().map_or(AuthError::Revoked, end_of),
        Err(error) => error.into(),
    }
}

/// Only a cookie can be renewed without the caller's help, and only where cookies are looked at.
fn silent(authority: &Authority) -> Locations {
    if authority.settings.locations.contains(Location::Cookies) {
        Locations::only(Location::Cookies)
    } else {
        Locations::NONE
    }
}

struct Refresh(Result<Token, AuthError>);
struct Renewed(Result<Token, AuthError>);
