//! What a sign-in form that comes back tells of the browser: its cookie, and who is signed in by now.
//!
//! It opens nothing; it tells the application's sign-in page what to say.

use rocket::Request;

use crate::auth::request::asked::Asked;
use crate::auth::request::location::find;
use crate::auth::request::verdict::{self, RevocationIs, judge};
use crate::auth::wire::cookies::Carried;
use crate::auth::wire::kind::Kind;
use crate::auth::wire::place::{Location, Locations};

/// The cookie of the sign-in form as a request brings it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FormCookie {
    Absent,
    Once,
    /// A neighbour under the same name set another.
    Twice,
}

impl FormCookie {
    pub(crate) fn of(request: &Request<'_>) -> Self {
        let Ok(authority) = verdict::authority(request) else { return Self::Absent };
        match Asked::bare(request).cookie(&authority.jar.wire().pre_session_cookie) {
            Carried::Absent => Self::Absent,
            Carried::Once(_) => Self::Once,
            Carried::Twice => Self::Twice,
        }
    }
}

/// Whether this form, whose proof is old, comes from somebody who is signed in by now. It says nothing about what the
/// person meant, so it opens nothing; it tells where to lead.
pub(crate) async fn is_signed_in_elsewhere(request: &Request<'_>) -> bool {
    let Ok(authority) = verdict::authority(request) else { return false };
    for kind in [Kind::Access, Kind::Refresh] {
        let asked = Asked::bare(request);
        let found = find(&asked, kind, Locations::only(Location::Cookies), authority.jar.wire());
        let Ok(found) = found else { continue };
        if judge(authority, &asked, kind, found, RevocationIs::Asked, |_, _| true).await.is_ok() {
            return true;
        }
    }
    false
}

/// Whether the request brings any cookie, of whomever.
pub(crate) fn has_cookies(request: &Request<'_>) -> bool {
    request.headers().contains("Cookie") || request.cookies().iter().next().is_some()
}
