//! `/dashboard`: the protected page; who is signed in, since when and for how long.

use rocket::get;
use rocket::http::Status;
use serde::Serialize;

use crate::auth::{CsrfToken, Sessions, SignedIn};
use crate::routes::errors::Refused;
use crate::routes::page::{Frame, Moment};
use crate::routes::reply::Reply;

/// The page's own context.
#[derive(Debug, Serialize)]
struct Dashboard {
    session: Current,
}

/// The session that is looking.
#[derive(Debug, Serialize)]
struct Current {
    began: Moment,
    password_entered: Moment,
    expires: Moment,
    access_expires: Moment,
}

/// `GET /dashboard`.
#[get("/dashboard")]
pub async fn dashboard(
    visitor: SignedIn<'_>,
    csrf: CsrfToken<'_>,
    sessions: Sessions<'_>,
    frame: Frame<'_>,
) -> Result<Reply, Refused> {
    let found = sessions.find(visitor.session_id()).await.map_err(Refused)?;
    let session = found.ok_or(Refused(crate::auth::AuthError::Revoked))?;
    let own = Dashboard {
        session: Current {
            began: session.created_at.into(),
            password_entered: session.auth_time.into(),
            expires: session.state.deadline().into(),
            access_expires: visitor.expires_at().into(),
        },
    };
    Ok(Reply::Page(Status::Ok, frame.person(&visitor).csrf(csrf.as_str()).render("dashboard.html", own)))
}
