//! `/refresh`: the next pair of tokens.

use rocket::http::Status;
use rocket::post;
use serde_json::json;

use crate::auth::{AuthError, RefreshToken, Sessions};
use crate::routes::negotiate::Form;
use crate::routes::reply::{Refusal, Reply};

/// `POST /refresh`: `{"refresh": true}` and a new pair, or the dashboard for a browser.
#[post("/refresh")]
pub async fn refresh(token: RefreshToken<'_>, sessions: Sessions<'_>, form: Form) -> Reply {
    match sessions.refresh(&token).await {
        Ok(()) if form == Form::Page => Reply::SeeOther("/dashboard".to_owned()),
        Ok(()) => Reply::Json(Status::Ok, json!({ "refresh": true })),
        Err(error) => refused(error),
    }
}

fn refused(error: AuthError) -> Reply {
    Reply::Refused(Refusal::from(error))
}
