//! `/reauthenticate`: the password again, or a code or passkey of whoever has a factor, before what a stolen session must not do.

use rocket::http::Status;
use rocket::{State, get, post};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::{AuthError, AuthLevel, CsrfToken, Proved, Refusal, Sessions, SignedIn, What};
use crate::routes::answer::body::{self, Body, Fields};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::rejection::{NotDone, Rejection};
use crate::routes::answer::reply::Reply;
use crate::routes::answer::told::{Reauthenticated, Yes};
use crate::routes::signing::begin::FactorMethod;
use crate::routes::signing::device;
use crate::routes::signing::factor;
use crate::routes::signing::passkey::{self, Credential};
use crate::routes::view::frame::Frame;
use crate::routes::view::next::Next;
use crate::routes::view::paths;
use crate::routes::view::states;
use crate::users::{Accounts, Attempt, Password, SecondAnswer, SecondMethods};

/// The password, or for somebody who has a factor a code of it or a passkey; and where the person was.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Again {
    password: Option<String>,
    method: Option<FactorMethod>,
    code: Option<String>,
    credential: Option<Credential>,
    #[serde(skip)]
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct AgainPage<'a> {
    next: &'a str,
    /// Whether a factor is asked for, and not the password.
    by_code: bool,
    /// Whether a passkey may be given for it.
    passkey: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

/// `GET /reauthenticate?next=…`: the form.
#[get("/reauthenticate?<next>")]
pub(crate) async fn form(
    visitor: SignedIn<'_>,
    next: Option<&str>,
    csrf: CsrfToken<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
) -> Result<Reply, Refused> {
    let next = next.and_then(|next| frame.site.next(next));
    let next = next.as_ref().map_or("", Next::as_str);
    let methods = methods(accounts, visitor.subject()).await?;
    let page = AgainPage::asking(methods, next, None);
    let frame = frame.person(&visitor).csrf(csrf.as_str());
    Ok(Reply::Page(Status::Ok, frame.render("reauthenticate.html", page)))
}

/// `POST /reauthenticate/options`: what the browser is asked to show a passkey by.
#[post("/reauthenticate/options")]
pub(crate) async fn options(
    visitor: SignedIn<'_>,
    _csrf: CsrfToken<'_>,
    accounts: &State<Accounts>,
) -> Result<Reply, Refused> {
    let Ok(name) = visitor.subject().parse() else { return Err(Refused(AuthError::UnknownUser)) };
    let options = accounts.own_passkey_request(&name).await.map_err(|error| unreadable(&error))?;
    Ok(passkey::asked(options, no_passkey))
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
    let Body(Again { password, method, code, credential, next }) = body;
    let next = next.as_deref().and_then(|next| frame.site.next(next));
    let device = device::of(&sessions, visitor.subject());
    let attempt = Attempt { address: sessions.address(), device: device.as_deref() };
    let methods = methods(accounts, visitor.subject()).await?;
    let checked = match (methods, password) {
        (Some(_), _) if code.is_some() || credential.is_some() => {
            let answer = factor::answer(method, code.as_deref(), credential.as_ref());
            // What a session of the second level began by stays what it is; only the time is a new one.
            let is_strong = visitor.level() > AuthLevel::One;
            let proved = if is_strong { Proved::Password } else { factor::proved_by(answer) };
            check_code(accounts, visitor.subject(), answer, attempt).await.map(|()| proved)
        }
        // A password alone must not do what takes more than a password.
        (Some(_), _) => return Err(Refused(AuthError::SecondFactorRequired)),
        (None, Some(password)) => {
            check(accounts, visitor.subject(), password, attempt).await.map(|()| Proved::Password)
        }
        (None, None) => Err(wrong_password().into()),
    };
    let rejection = match checked {
        Ok(proved) => {
            sessions.reauthenticated(visitor.session_id(), proved).await.map_err(Refused)?;
            return Ok(match form {
                Form::Page => match next {
                    Some(next) => Reply::Onward(frame.site.way_back(&next, PASSWORD_CONFIRMED)),
                    None => Reply::SeeOther(paths::DASHBOARD.to_owned()),
                },
                Form::Data => Reply::written(&Reauthenticated { fresh: Yes }),
            });
        }
        Err(not_done) => not_done.rejection()?,
    };
    if let Some(what) = rejection.event() {
        sessions.note(what, Some(visitor.subject()), Some(visitor.session_id()));
    }
    Ok(rejection.answer(form, |rejection| {
        let next = next.as_ref().map_or("", Next::as_str);
        let page = AgainPage::asking(methods, next, Some(rejection));
        frame.person(&visitor).csrf(csrf.as_str()).render("reauthenticate.html", page)
    }))
}

/// The page in every state, with `text` wherever a text of somebody else's may stand.
pub(crate) fn samples(text: &str) -> Vec<Value> {
    let page = |next, by_code, error, retry_after| {
        let passkey = false;
        AgainPage { next, by_code, passkey, error, retry_after }
    };
    states::values(&[
        AgainPage { passkey: true, ..page("", true, None, None) },
        page("", false, None, None),
        page("", true, None, None),
        page(text, false, Some("wrong_password"), None),
        page(text, true, Some(factor::BAD_CODE), None),
        page("", false, Some("throttled"), Some(600)),
        page("", true, Some(text), None),
    ])
}

impl<'a> AgainPage<'a> {
    fn asking(methods: Option<SecondMethods>, next: &'a str, rejection: Option<&'a Rejection>) -> Self {
        Self {
            next,
            by_code: methods.is_some(),
            passkey: methods.is_some_and(|methods| methods.passkey),
            error: rejection.map(Rejection::key),
            retry_after: rejection.and_then(Rejection::retry_after),
        }
    }
}

/// What of this person's is asked for; `None` for whoever has no factor.
async fn methods(accounts: &Accounts, name: &str) -> Result<Option<SecondMethods>, Refused> {
    let Ok(name) = name.parse() else { return Ok(None) };
    accounts.methods(&name).await.map_err(|error| unreadable(&error))
}

fn unreadable(error: &(dyn std::error::Error + 'static)) -> Refused {
    tracing::error!(error, "factors cannot be read");
    Refused(AuthError::Unavailable)
}

fn no_passkey() -> Rejection {
    Rejection::new(Status::Conflict, "no_passkey", "There is no passkey to show")
}

/// Whether this is the person's password.
async fn check(
    accounts: &Accounts,
    name: &str,
    password: String,
    attempt: Attempt<'_>,
) -> Result<(), NotDone> {
    let Ok(password) = Password::new(password) else { return Err(wrong_password().into()) };
    let checked = accounts.authenticate(name, password, attempt).await;
    checked.map(drop).map_err(|error| Rejection::of_sign_in(error, wrong_password()))
}

/// Whether this is a code or a passkey of the person's.
async fn check_code(
    accounts: &Accounts,
    name: &str,
    answer: SecondAnswer<'_>,
    attempt: Attempt<'_>,
) -> Result<(), NotDone> {
    let Ok(name) = name.parse() else { return Err(Refused(AuthError::UnknownUser).into()) };
    let checked = accounts.step_up(&name, answer, attempt).await;
    let wrong = if matches!(answer, SecondAnswer::Passkey(_)) { wrong_passkey() } else { wrong_code() };
    checked.map_err(|error| Rejection::of_sign_in(error, wrong))
}

/// 422 and not 401: the caller is signed in, and a program must not take this for the end of its session.
fn wrong_password() -> Rejection {
    let wrong = Rejection::new(Status::UnprocessableEntity, "wrong_password", "The password is wrong");
    wrong.noted(What::ReauthenticationFailed)
}

/// The same for a code.
fn wrong_code() -> Rejection {
    let refusal = Refusal::new(Status::UnprocessableEntity, "Wrong or spent code", "bad_code");
    Rejection::told(factor::BAD_CODE, refusal).noted(What::ReauthenticationFailed)
}

/// The same for a passkey.
fn wrong_passkey() -> Rejection {
    let refused = Rejection::new(Status::UnprocessableEntity, "bad_passkey", "The passkey was refused");
    refused.noted(What::ReauthenticationFailed)
}

impl body::FromFields for Again {
    fn from_fields(fields: &mut Fields) -> Result<Self, body::Unreadable> {
        let (password, code) = (fields.optional("password"), fields.optional("code"));
        let credential = fields.optional("credential").map(Credential::from);
        if password.is_none() && code.is_none() && credential.is_none() {
            return Err(body::Unreadable::Unfitting);
        }
        Ok(Self { password, method: None, code, credential, next: fields.optional("next") })
    }
}

/// The notice of the pages that somebody comes back to.
pub(crate) const PASSWORD_CONFIRMED: &str = "password_confirmed";
