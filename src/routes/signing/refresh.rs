//! `/refresh`: the next pair of tokens.

use rocket::post;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::{RefreshToken, Sessions, TokenPair};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::reply::Reply;
use crate::routes::answer::told::Yes;
use crate::routes::view::paths;

/// The next pair of tokens, in cookies, or here where the token came by header.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewTokens {
    refresh: Yes,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    access_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refresh_token: Option<String>,
}

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
        (Form::Data, None) => {
            Reply::written(&NewTokens { refresh: Yes, access_token: None, refresh_token: None })
        }
        // Who sent the token in a header keeps its tokens itself.
        (_, Some(TokenPair { access_token, refresh_token })) => {
            let (access_token, refresh_token) = (Some(access_token), Some(refresh_token));
            Reply::written(&NewTokens { refresh: Yes, access_token, refresh_token })
        }
    })
}
