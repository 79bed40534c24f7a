//! `/`: nothing to see but the way in.

use rocket::get;

use crate::auth::{AuthError, SignedIn};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::reply::Reply;

/// `GET /`: the dashboard for who is signed in, the sign-in page for everybody else.
///
/// # Errors
/// A store out of reach is not "signed out", and a session that was ended as stolen is told of here, not passed over.
#[get("/")]
pub(crate) fn home(visitor: Result<SignedIn<'_>, AuthError>) -> Result<Reply, Refused> {
    let path = match visitor {
        Ok(_) => "/dashboard",
        Err(error @ (AuthError::Unavailable | AuthError::Reused)) => return Err(Refused(error)),
        Err(_) => "/login",
    };
    Ok(Reply::SeeOther(path.to_owned()))
}
