//! `/`: nothing to see but the way in.

use rocket::get;

use crate::auth::{AuthError, SignedIn};
use crate::routes::reply::Reply;

/// `GET /`: the dashboard for who is signed in, the sign-in page for everybody else.
#[must_use]
#[get("/")]
pub fn home(visitor: Result<SignedIn<'_>, AuthError>) -> Reply {
    let path = if visitor.is_ok() { "/dashboard" } else { "/login" };
    Reply::SeeOther(path.to_owned())
}
