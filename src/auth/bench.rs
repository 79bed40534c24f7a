//! The benchmark's way in: the judgement behind the guards, without the cache that answers a request's second question.
//!
//! It is not part of the library's interface and gives nothing away: it says only yes or no, and it can only revoke.

use rocket::{Request, Rocket};

use crate::auth::request::verdict;
use crate::auth::sessions::authority::Authority;
use crate::auth::sessions::record::Revocation;

/// Judges the request's access token from its cookie to the verdict, CSRF and revocation included; not cached.
pub async fn judge(request: &Request<'_>) -> bool {
    verdict::judge_access(request).await.is_ok()
}

/// Puts revoked ids into this node's view; returns how many it then holds.
pub fn revoke<P: rocket::Phase>(rocket: &Rocket<P>, ids: impl Iterator<Item = [u8; 16]>) -> usize {
    let Some(authority) = Authority::of(rocket) else { return 0 };
    let until = authority.clock.now() + authority.settings.access_ttl;
    ids.for_each(|id| authority.view.insert(Revocation { id, until }));
    authority.view.len()
}

/// Forgets which tokens were found good, as after a start.
pub fn forget<P: rocket::Phase>(rocket: &Rocket<P>) {
    if let Some(authority) = Authority::of(rocket) {
        authority.codec.ring().known().forget();
    }
}
