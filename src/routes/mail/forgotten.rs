//! `/account/forgotten`: a link by which a new password is chosen, to whoever has this name or address.
//!
//! The answer says the same to everybody, and takes as long.

use rocket::http::Status;
use rocket::{State, get, post};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::{AuthError, CsrfToken, Sessions};
use crate::routes::answer::body::{self, Body, Fields};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::reply::Reply;
use crate::routes::mail::{rejected, sent};
use crate::routes::signing::code::OwnForm;
use crate::routes::signing::form_proof::{FormProof, unproved};
use crate::routes::signing::login::RESET_SENT;
use crate::routes::view::frame::Frame;
use crate::routes::view::paths::{self, saying};
use crate::routes::view::states;
use crate::routes::view::words::Words;
use crate::users::Accounts;

/// Whose password was forgotten: a name or an address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Forgotten {
    account: String,
}

#[derive(Debug, Serialize)]
struct ForgottenPage<'a> {
    typed: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

/// `GET /account/forgotten`: the form.
#[get("/account/forgotten")]
pub(crate) fn form(csrf: CsrfToken<'_>, accounts: &State<Accounts>, frame: Frame<'_>) -> Reply {
    if accounts.post_office().is_none() {
        return Reply::Missing;
    }
    let page = ForgottenPage { typed: "", error: None, retry_after: None };
    Reply::Page(Status::Ok, frame.csrf(csrf.as_str()).render("forgotten.html", page))
}

/// `POST /account/forgotten`, as a form or as JSON `{"account"}`.
#[expect(clippy::too_many_arguments, reason = "a handler's signature names everything it touches")]
#[post("/account/forgotten", data = "<body>")]
pub(crate) async fn submit(
    own: Result<OwnForm, AuthError>,
    csrf: FormProof<'_>,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
    words: Words<'_>,
    form: Form,
    body: Body<Forgotten>,
) -> Result<Reply, Refused> {
    if accounts.post_office().is_none() {
        return Ok(Reply::Missing);
    }
    let Body(Forgotten { account }) = body;
    let not_done = match own {
        Ok(_) => match accounts.forgotten(&account, words.language, sessions.address()).await {
            Ok(()) if form == Form::Data => return Ok(sent()),
            Ok(()) => return Ok(Reply::SeeOther(saying(paths::LOGIN, RESET_SENT))),
            Err(error) => rejected(error),
        },
        Err(error) => unproved(error),
    };
    let rejection = not_done.rejection()?;
    if let Some(what) = rejection.event() {
        // It is the address that has to wait, whomever it asked for.
        sessions.note(what, None, None);
    }
    Ok(rejection.answer(form, |rejection| {
        let (error, retry_after) = (Some(rejection.key()), rejection.retry_after());
        let page = ForgottenPage { typed: &account, error, retry_after };
        frame.csrf(csrf.as_str()).render("forgotten.html", page)
    }))
}

/// The page in every state, with `text` wherever a text of somebody else's may stand.
pub(crate) fn samples(text: &str) -> Vec<Value> {
    let page = |typed, error, retry_after| ForgottenPage { typed, error, retry_after };
    states::values(&[
        page("", None, None),
        page(text, Some("throttled"), Some(600)),
        page(text, Some("form_expired"), None),
        page(text, Some("busy"), None),
        page(text, Some(text), None),
    ])
}

impl body::FromFields for Forgotten {
    fn from_fields(fields: &mut Fields) -> Result<Self, body::Unreadable> {
        Ok(Self { account: fields.required("account")? })
    }
}
