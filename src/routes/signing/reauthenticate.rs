//! `/reauthenticate`: the password again, before what a stolen session must not do.

use rocket::http::Status;
use rocket::{State, get, post};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::auth::{CsrfToken, Sessions, SignedIn, What};
use crate::routes::answer::body::{self, Body, Fields};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::rejection::{NotDone, Rejection};
use crate::routes::answer::reply::Reply;
use crate::routes::signing::device;
use crate::routes::view::frame::Frame;
use crate::routes::view::next::Next;
use crate::routes::view::paths;
use crate::routes::view::states;
use crate::users::{Accounts, Attempt, Password};

/// The password, and where the person was.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Again {
    password: String,
    #[serde(skip)]
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct AgainPage<'a> {
    next: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

/// `GET /reauthenticate?next=…`: the form.
#[get("/reauthenticate?<next>")]
pub(crate) fn form(
    visitor: SignedIn<'_>,
    next: Option<&str>,
    csrf: CsrfToken<'_>,
    frame: Frame<'_>,
) -> Reply {
    let next = next.and_then(|next| frame.site.next(next));
    let page = AgainPage { next: next.as_ref().map_or("", Next::as_str), error: None, retry_after: None };
    Reply::Page(Status::Ok, frame.person(&visitor).csrf(csrf.as_str()).render("reauthenticate.html", page))
}

/// `POST /reauthenticate`: new tokens that are fresh, and back to where the person was.
#[post("/reauthenticate", data = "<body>")]
pub(crate) async fn submit(
    visitor: SignedIn<'_>,
    csrf: CsrfToken<'_>,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
    form: Form,
    body: Body<Again>,
) -> Result<Reply, Refused> {
    let Body(Again { password, next }) = body;
    let next = next.as_deref().and_then(|next| frame.site.next(next));
    let device = device::of(&sessions, visitor.subject());
    let attempt = Attempt { address: sessions.address(), device: device.as_deref() };
    let rejection = match check(accounts, visitor.subject(), password, attempt).await {
        Ok(()) => {
            sessions.reauthenticated(visitor.session_id()).await.map_err(Refused)?;
            return Ok(match form {
                Form::Page => Reply::SeeOther(next.map_or_else(
                    || paths::DASHBOARD.to_owned(),
                    |next| frame.site.way_back(&next, PASSWORD_CONFIRMED),
                )),
                Form::Data => Reply::Json(Status::Ok, json!({ "fresh": true })),
            });
        }
        Err(not_done) => not_done.rejection()?,
    };
    if let Some(what) = rejection.event() {
        sessions.note(what, Some(visitor.subject()), Some(visitor.session_id()));
    }
    Ok(rejection.answer(form, |rejection| {
        let next = next.as_ref().map_or("", Next::as_str);
        let page = AgainPage { next, error: Some(rejection.key()), retry_after: rejection.retry_after() };
        frame.person(&visitor).csrf(csrf.as_str()).render("reauthenticate.html", page)
    }))
}

/// The page in every state, with `text` wherever a text of somebody else's may stand.
pub(crate) fn samples(text: &str) -> Vec<Value> {
    let page = |next, error, retry_after| AgainPage { next, error, retry_after };
    states::values(&[
        page("", None, None),
        page(text, Some("wrong_password"), None),
        page("", Some("throttled"), Some(600)),
        page("", Some(text), None),
    ])
}

/// Whether this is the person's password.
async fn check(
    accounts: &Accounts,
    name: &str,
    password: String,
    attempt: Attempt<'_>,
) -> Result<(), NotDone> {
    // 422 and not 401: the caller is signed in, and a program must not take this for the end of its session.
    let wrong = || {
        let wrong = Rejection::new(Status::UnprocessableEntity, "wrong_password", "The password is wrong");
        wrong.noted(What::ReauthenticationFailed)
    };
    let Ok(password) = Password::new(password) else { return Err(wrong().into()) };
    let checked = accounts.authenticate(name, password, attempt).await;
    checked.map(drop).map_err(|error| Rejection::of_sign_in(error, wrong()))
}

impl body::FromFields for Again {
    fn from_fields(fields: &mut Fields) -> Result<Self, body::Unreadable> {
        Ok(Self { password: fields.required("password")?, next: fields.optional("next") })
    }
}

/// The notice of the pages that somebody comes back to.
pub(crate) const PASSWORD_CONFIRMED: &str = "password_confirmed";
