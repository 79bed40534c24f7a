//! `/logout`: the end of the session, here and on every node.

use rocket::http::Header;
use rocket::{Responder, post};

use crate::auth::{SameOrigin, Sessions};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::reply::Reply;
use crate::routes::answer::told::{CookiesCleared, SignedOut, Yes};
use crate::routes::view::paths::{self, saying};

/// An answer after which the browser keeps nothing of ours but what we set.
#[derive(Responder)]
pub(crate) struct Cleared {
    reply: Reply,
    clear: Header<'static>,
}

/// `POST /logout`: ends the session of every token that came along, expired ones too, and clears the cookies.
/// It asks for no CSRF token, because signing out must work when nothing else does; a request from another site is refused.
#[post("/logout")]
pub(crate) async fn logout(
    _ours: SameOrigin,
    sessions: Sessions<'_>,
    form: Form,
) -> Result<Cleared, Refused> {
    sessions.sign_out().await.map_err(Refused)?;
    let reply = match form {
        Form::Page => Reply::SeeOther(saying(paths::LOGIN, "signed_out")),
        Form::Data => Reply::written(&SignedOut { logout: Yes }),
    };
    // Not "cookies": that would also clear those of sibling sites under the same domain.
    Ok(Cleared { reply, clear: Header::new("Clear-Site-Data", "\"cache\", \"storage\"") })
}

/// `POST /cookies/clear`: signing out, after which the browser keeps no cookie of this host, whoever set it.
/// Somebody who cannot sign in because of a neighbour's cookie asks for it; it is offered nowhere else.
#[post("/cookies/clear")]
pub(crate) async fn clear_cookies(
    _ours: SameOrigin,
    sessions: Sessions<'_>,
    form: Form,
) -> Result<Cleared, Refused> {
    sessions.sign_out().await.map_err(Refused)?;
    let reply = match form {
        Form::Page => Reply::SeeOther(paths::LOGIN.to_owned()),
        Form::Data => Reply::written(&CookiesCleared { cleared: Yes }),
    };
    Ok(Cleared { reply, clear: Header::new("Clear-Site-Data", "\"cookies\"") })
}
