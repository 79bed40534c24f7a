//! `/refresh`: the next pair of tokens.

use rocket::http::Status;
use rocket::post;
use serde_json::json;

use crate::auth::{RefreshToken, Sessions, TokenPair};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::reply::Reply;
use crate::routes::view::paths;

/// `POST /refresh`: `{"refresh": true}` and a new pair, or the dashboard for a browser.
/// The pair is in cookies when the token was, and in the body when it came by header.
#[post("/refresh")]
pub(crate) async fn refresh(
    token: RefreshToken<'_>,
    sessions: Sessions<'_>,
    form: Form,
) -> Result<Reply, Refused> {
    let pair = sessions.refresh(&token).await.map_err(Refused)?;
    Ok(match (form, pair) {
        (Form::Page, None) => Reply::SeeOther(paths::DASHBOARD.to_owned()),
        (Form::Data, None) => Reply::Json(Status::Ok, json!({ "refresh": true })),
        // Who sent the token in a header keeps its tokens itself.
        (_, Some(TokenPair { access_token, refresh_token })) => {
            let body =
                json!({ "refresh": true, "access_token": access_token, "refresh_token": refresh_token });
            Reply::Json(Status::Ok, body)
        }
    })
}
