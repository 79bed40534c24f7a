//! `/register`: an account for somebody whom nobody has invited.
//!
//! There is none before they have followed the link that is sent to their address. The answer says the same, and takes as
//! long, whether or not somebody has the name or the address already.

use rocket::http::Status;
use rocket::{State, get, post};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::{AuthError, CsrfToken, Sessions};
use crate::routes::answer::body::{self, Body, Fields};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::rejection::{NotDone, Rejection};
use crate::routes::answer::reply::Reply;
use crate::routes::mail::{rejected, sent};
use crate::routes::signing::code::OwnForm;
use crate::routes::signing::form_proof::{FormProof, unproved};
use crate::routes::signing::login::LINK_SENT;
use crate::routes::view::frame::Frame;
use crate::routes::view::paths::{self, saying};
use crate::routes::view::states;
use crate::routes::view::words::Words;
use crate::users::Accounts;

/// Who wants an account. A form asks for the password twice.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registering {
    username: String,
    email: String,
    password: String,
    #[serde(skip)]
    password_again: Option<String>,
}

#[derive(Debug, Serialize)]
struct RegisterPage<'a> {
    username: &'a str,
    email: &'a str,
    min_length: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

/// `GET /register`: the form.
#[get("/register")]
pub(crate) fn form(csrf: CsrfToken<'_>, accounts: &State<Accounts>, frame: Frame<'_>) -> Reply {
    if !accounts.offers_registration() {
        return Reply::Missing;
    }
    let page = RegisterPage { error: None, ..RegisterPage::empty(accounts) };
    Reply::Page(Status::Ok, frame.csrf(csrf.as_str()).render("register.html", page))
}

/// `POST /register`, as a form or as JSON `{"username", "email", "password"}`.
#[expect(clippy::too_many_arguments, reason = "a handler's signature names everything it touches")]
#[post("/register", data = "<body>")]
pub(crate) async fn submit(
    own: Result<OwnForm, AuthError>,
    csrf: FormProof<'_>,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
    words: Words<'_>,
    form: Form,
    body: Body<Registering>,
) -> Result<Reply, Refused> {
    if !accounts.offers_registration() {
        return Ok(Reply::Missing);
    }
    let (username, email) = (body.0.username.clone(), body.0.email.clone());
    let not_done = match own {
        Ok(_) => match register(body.0, words.language, &sessions, accounts).await {
            Ok(()) if form == Form::Data => return Ok(sent()),
            Ok(()) => return Ok(Reply::SeeOther(saying(paths::LOGIN, LINK_SENT))),
            Err(not_done) => not_done,
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
        let (username, email) = (kept(&username, 64), kept(&email, 254));
        let page = RegisterPage { username, email, error, retry_after, ..RegisterPage::empty(accounts) };
        frame.csrf(csrf.as_str()).render("register.html", page)
    }))
}

/// The page in every state, with `text` wherever a text of somebody else's may stand.
pub(crate) fn samples(text: &str) -> Vec<Value> {
    let page =
        |error, retry_after| RegisterPage { username: text, email: text, min_length: 8, error, retry_after };
    states::values(&[
        RegisterPage { username: "", email: "", ..page(None, None) },
        page(Some("bad_username"), None),
        page(Some("bad_address"), None),
        page(Some("too_short"), None),
        page(Some("mismatch"), None),
        page(Some("throttled"), Some(600)),
        page(Some("form_expired"), None),
        page(Some(text), None),
    ])
}

impl RegisterPage<'_> {
    fn empty(accounts: &Accounts) -> Self {
        let min_length = accounts.policy().min_length();
        Self { username: "", email: "", min_length, error: None, retry_after: None }
    }
}

async fn register(
    wanted: Registering,
    language: &str,
    sessions: &Sessions<'_>,
    accounts: &Accounts,
) -> Result<(), NotDone> {
    let Registering { username, email, password, password_again } = wanted;
    if password_again.is_some_and(|again| again != password) {
        return Err(Rejection::passwords_differ().into());
    }
    let asked = accounts.register(&username, &email, password, language, sessions.address()).await;
    asked.map_err(rejected)
}

/// What was typed, unless it is so long that it is not worth showing again.
fn kept(typed: &str, longest: usize) -> &str {
    if typed.len() <= longest { typed } else { "" }
}

impl body::FromFields for Registering {
    fn from_fields(fields: &mut Fields) -> Result<Self, body::Unreadable> {
        Ok(Self {
            username: fields.required("username")?,
            email: fields.required("email")?,
            password: fields.required("new_password")?,
            password_again: Some(fields.required("new_password_again")?),
        })
    }
}
