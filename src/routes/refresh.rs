//! `/refresh`: the next pair of tokens.

use rocket::http::Status;
use rocket::post;
use serde_json::json;

use crate::auth::{RefreshToken, Sessions};
use crate::routes::errors::Refused;
use crate::routes::negotiate::Form;
use crate::routes::reply::Reply;

/// `POST /refresh`: `{"refresh": true}` and a new pair, or the dashboard for a browser.
#[post("/refresh")]
pub async fn refresh(token: RefreshToken<'_>, sessions: Sessions<'_>, form: Form) -> Result<Reply, Refused> {
    sessions.refresh(&token).await.map_err(Refused)?;
    Ok(match form {
        Form::Page => Reply::SeeOther("/dashboard".to_owned()),
        Form::Data => Reply::Json(Status::Ok, json!({ "refresh": true })),
    })
}
