//! `/`: nothing to see but the way in.

use rocket::get;

use crate::auth::{AuthError, SignedIn};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::reply::Reply;
use crate::routes::view::paths;

/// `GET /`: the dashboard for who is signed in, the sign-in page for everybody else.
///
/// # Errors
/// A store out of reach is not "signed out", and a session that was ended as stolen is told of here, not passed over.
#[get("/")]
pub(crate) fn home(visitor: Result<SignedIn<'_>, AuthError>) -> Result<Reply, Refused> {
    let path = match visitor {
        Ok(_) => paths::DASHBOARD,
        Err(error @ (AuthError::Unavailable | AuthError::Reused)) => return Err(Refused(error)),
        Err(_) => paths::LOGIN,
    };
    Ok(Reply::SeeOther(path.to_owned()))
}

/// `GET /.well-known/change-password`: where keepers of passwords lead somebody who should choose another
/// (<https://w3c.github.io/webappsec-change-password-url/>).
#[get("/.well-known/change-password")]
pub(crate) fn change_password() -> Reply {
    Reply::SeeOther(paths::PASSWORD.to_owned())
}
