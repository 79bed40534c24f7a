//! `/protected`: who am I, for programs.

use rocket::get;
use rocket::http::Status;
use serde_json::json;

use crate::auth::AccessToken;
use crate::routes::answer::reply::Reply;

/// `GET /protected`: `{"logged_in_as": "testuser"}`, as in flask-jwt-extended's example.
#[must_use]
#[get("/protected")]
pub(crate) fn protected(token: AccessToken<'_>) -> Reply {
    Reply::Json(Status::Ok, json!({ "logged_in_as": token.subject() }))
}
