//! `/account/code`: a one-time code and a password of one's own, in exchange for the code.
//!
//! It signs nobody in: the new password is asked for once more, so that its owner knows that it works.

use rocket::http::Status;
use rocket::request::{FromRequest, Outcome};
use rocket::{Request, State, get, post};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::{AuthError, CsrfToken, EndReason, Sessions, SignInAttempt, SignedIn, What};
use crate::routes::answer::body::{self, Body, Fields};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::rejection::{NotDone, Rejection};
use crate::routes::answer::reply::Reply;
use crate::routes::answer::told::{PasswordChosen, Yes};
use crate::routes::signing::form_proof::{FormProof, unproved};
use crate::routes::signing::login::{PASSWORD_CHOSEN, note_failure};
use crate::routes::view::frame::Frame;
use crate::routes::view::paths::{self, saying};
use crate::routes::view::states;
use crate::users::{Accounts, Redeemed};

/// The code and the password that it is exchanged for; a form asks for the password twice.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exchange {
    username: String,
    code: String,
    new_password: String,
    #[serde(skip)]
    new_password_again: Option<String>,
}

#[derive(Debug, Serialize)]
struct ExchangePage<'a> {
    username: &'a str,
    min_length: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

/// What was sent is our own form, with a session's proof or with one from before there was a session; or it is JSON that
/// no other site sent.
#[derive(Debug)]
pub(crate) struct OwnForm(());

/// `GET /account/code`: the form, also for who is signed in: a session may outlive the memory of its password.
#[get("/account/code")]
pub(crate) fn form(
    visitor: Result<SignedIn<'_>, AuthError>,
    csrf: CsrfToken<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
) -> Result<Reply, Refused> {
    let frame = match visitor {
        Ok(visitor) => frame.person(&visitor),
        Err(AuthError::Unavailable) => return Err(Refused(AuthError::Unavailable)),
        Err(_) => frame,
    };
    let min_length = accounts.policy().min_length();
    let page = ExchangePage { username: "", min_length, error: None, retry_after: None };
    Ok(Reply::Page(Status::Ok, frame.csrf(csrf.as_str()).render("code.html", page)))
}

/// `POST /account/code`, as a form or as JSON `{"username", "code", "new_password"}`.
#[post("/account/code", data = "<body>")]
pub(crate) async fn submit(
    sent: Result<OwnForm, AuthError>,
    csrf: FormProof<'_>,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
    form: Form,
    body: Body<Exchange>,
) -> Result<Reply, Refused> {
    let username = body.0.username.clone();
    let not_done = match sent {
        Ok(_) => match exchange(body.0, &sessions, accounts).await {
            Ok(()) => {
                return Ok(match form {
                    Form::Page => Reply::SeeOther(saying(paths::LOGIN, PASSWORD_CHOSEN)),
                    Form::Data => Reply::written(&PasswordChosen { password_chosen: Yes }),
                });
            }
            Err(not_done) => not_done,
        },
        Err(error) => unproved(error),
    };
    let rejection = not_done.rejection()?;
    match rejection.event() {
        Some(What::CodeRefused) => note_failure(What::CodeRefused, &username, &sessions, accounts).await,
        // It is the address that has to wait, whomever it asked for.
        Some(what) => sessions.note(what, None, None),
        None => {}
    }
    Ok(rejection.answer(form, |rejection| {
        let page = ExchangePage {
            username: &username,
            min_length: accounts.policy().min_length(),
            error: Some(rejection.key()),
            retry_after: rejection.retry_after(),
        };
        frame.csrf(csrf.as_str()).render("code.html", page)
    }))
}

/// The page in every state, with `text` wherever a text of somebody else's may stand.
pub(crate) fn samples(text: &str) -> Vec<Value> {
    let page = |username, error, retry_after| ExchangePage { username, min_length: 8, error, retry_after };
    states::values(&[
        page("", None, None),
        page(text, Some(BAD_CODE), None),
        page("", Some(BAD_CODE), None),
        page(text, Some("too_short"), None),
        page(text, Some("mismatch"), None),
        page(text, Some("form_expired"), None),
        page(text, Some("throttled"), Some(600)),
        page(text, Some(text), None),
    ])
}

/// Exchanges the code.
async fn exchange(wanted: Exchange, sessions: &Sessions<'_>, accounts: &Accounts) -> Result<(), NotDone> {
    let Exchange { username, code, new_password, new_password_again } = wanted;
    if new_password_again.is_some_and(|again| again != new_password) {
        return Err(Rejection::passwords_differ().into());
    }
    let redeemed = accounts.redeem(username.trim(), &code, new_password, sessions.address()).await;
    let Redeemed { name, ended } = redeemed.map_err(|error| Rejection::of_change(error, bad_code()))?;
    sessions.note(What::PasswordChosen, Some(name.as_str()), None);
    sessions.note_ended(name.as_str(), &ended, EndReason::PasswordChanged);
    Ok(())
}

/// Wrong, spent, over, or for somebody who is not there: which of them is not told.
fn bad_code() -> Rejection {
    let message = "Bad username or one-time code";
    Rejection::new(Status::Unauthorized, BAD_CODE, message).noted(What::CodeRefused)
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for OwnForm {
    type Error = AuthError;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, AuthError> {
        let is_form = request.content_type().is_some_and(|kind| kind.is_form());
        if is_form && SignedIn::from_request(request).await.is_success() {
            return Outcome::Success(Self(()));
        }
        SignInAttempt::from_request(request).await.map(|_| Self(()))
    }
}

impl body::FromFields for Exchange {
    fn from_fields(fields: &mut Fields) -> Result<Self, body::Unreadable> {
        Ok(Self {
            username: fields.required("username")?,
            code: fields.required("code")?,
            new_password: fields.required("new_password")?,
            new_password_again: Some(fields.required("new_password_again")?),
        })
    }
}

const BAD_CODE: &str = "bad_code";
