//! `/account/factors/browsers`: taking back the trust in a browser of one's own.

use rocket::{State, post};

use crate::auth::{AuthError, CsrfToken, Sessions, SignedIn, What};
use crate::routes::account::factors::DISTRUSTED;
use crate::routes::account::subject::unreadable;
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::reply::Reply;
use crate::routes::answer::told::{Removed, Yes};
use crate::routes::view::paths::{self, saying};
use crate::users::Accounts;

/// `POST /account/factors/browsers/<id>/remove`. Whoever only stole a session does nobody harm by it.
#[post("/account/factors/browsers/<id>/remove")]
pub(crate) async fn remove(
    visitor: SignedIn<'_>,
    _csrf: CsrfToken<'_>,
    id: &str,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    form: Form,
) -> Result<Reply, Refused> {
    let Ok(name) = visitor.subject().parse() else { return Err(Refused(AuthError::UnknownUser)) };
    let removed = accounts.distrust_browser(&name, id).await.map_err(|error| unreadable(&error))?;
    if removed {
        sessions.note(What::BrowserDistrusted, Some(visitor.subject()), Some(visitor.session_id()));
    }
    Ok(match (form, removed) {
        (Form::Page, _) => Reply::SeeOther(saying(paths::FACTORS, DISTRUSTED)),
        (Form::Data, true) => Reply::written(&Removed { removed: Yes }),
        (Form::Data, false) => Reply::Missing,
    })
}
