//! `/protected`: who am I, for programs.

use rocket::get;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::AccessToken;
use crate::routes::answer::reply::Reply;

/// Who asks.
#[derive(Serialize, ToSchema)]
pub(crate) struct LoggedIn<'a> {
    logged_in_as: &'a str,
}

/// `GET /protected`: `{"logged_in_as": "testuser"}`, as in flask-jwt-extended's example.
#[must_use]
#[get("/protected")]
pub(crate) fn protected(token: AccessToken<'_>) -> Reply {
    Reply::written(&LoggedIn { logged_in_as: token.subject() })
}
