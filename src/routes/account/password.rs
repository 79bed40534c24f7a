//! `/account/password`: a new password, in exchange for the current one.
//!
//! The hash changes and every other session ends in one transaction.

use rocket::http::Status;
use rocket::{State, get, post};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::{AuthError, CsrfToken, EndReason, FreshToken, Proved, Sessions, What};
use crate::routes::answer::body::{self, Body, Fields};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::rejection::{NotDone, Rejection};
use crate::routes::answer::reply::Reply;
use crate::routes::answer::told::{PasswordChanged, Yes};
use crate::routes::signing::device;
use crate::routes::signing::reauthenticate::PASSWORD_CONFIRMED;
use crate::routes::view::frame::Frame;
use crate::routes::view::paths::{self, saying};
use crate::routes::view::states;
use crate::users::{Accounts, Attempt, Password, Username};

/// The current password and the new one; a form asks for the new one twice.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    current_password: String,
    new_password: String,
    #[serde(skip)]
    new_password_again: Option<String>,
}

#[derive(Debug, Serialize)]
struct PasswordPage<'a> {
    min_length: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

/// `GET /account/password`: the form.
#[get("/account/password?<notice>")]
pub(crate) fn form(
    person: FreshToken<'_>,
    notice: Option<&str>,
    csrf: CsrfToken<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
) -> Reply {
    let min_length = accounts.policy().min_length();
    let notice = notice.filter(|notice| *notice == PASSWORD_CONFIRMED);
    let page = PasswordPage { min_length, notice, error: None, retry_after: None };
    Reply::Page(Status::Ok, frame.person(&person).csrf(csrf.as_str()).render("password.html", page))
}

/// `POST /account/password`, as a form or as JSON `{"current_password", "new_password"}`.
#[post("/account/password", data = "<body>")]
pub(crate) async fn submit(
    person: FreshToken<'_>,
    csrf: CsrfToken<'_>,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
    form: Form,
    body: Body<NewPassword>,
) -> Result<Reply, Refused> {
    let rejection = match change(body.0, &person, &sessions, accounts).await {
        Ok(()) => return Ok(changed(&person, &sessions, form).await),
        Err(not_done) => not_done.rejection()?,
    };
    if let Some(what) = rejection.event() {
        sessions.note(what, Some(person.subject()), Some(person.session_id()));
    }
    let min_length = accounts.policy().min_length();
    Ok(rejection.answer(form, |rejection| {
        let (error, retry_after) = (Some(rejection.key()), rejection.retry_after());
        let page = PasswordPage { min_length, notice: None, error, retry_after };
        frame.person(&person).csrf(csrf.as_str()).render("password.html", page)
    }))
}

/// The page in every state, with `text` wherever a text of somebody else's may stand.
pub(crate) fn samples(text: &str) -> Vec<Value> {
    let page = |notice, error, retry_after| PasswordPage { min_length: 8, notice, error, retry_after };
    states::values(&[
        page(None, None, None),
        page(Some(PASSWORD_CONFIRMED), None, None),
        page(Some(text), None, None),
        page(None, Some("wrong_password"), None),
        page(None, Some("too_short"), None),
        page(None, Some("mismatch"), None),
        page(None, Some("throttled"), Some(600)),
        page(None, Some(text), None),
    ])
}

/// The answer to whoever has a new password.
async fn changed(person: &FreshToken<'_>, sessions: &Sessions<'_>, form: Form) -> Reply {
    sessions.note(What::PasswordChanged, Some(person.subject()), Some(person.session_id()));
    // The password was entered a moment ago, and a copy of this session's tokens should not profit from it.
    if let Err(error) = sessions.reauthenticated(person.session_id(), Proved::Password).await {
        // The new password is committed, and saying anything else would send the person back to the old one.
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "a password was changed, but its session got no new tokens");
    }
    match form {
        Form::Page => Reply::SeeOther(saying(paths::DASHBOARD, "password_changed")),
        Form::Data => Reply::written(&PasswordChanged { password_changed: Yes }),
    }
}

async fn change(
    wanted: NewPassword,
    person: &FreshToken<'_>,
    sessions: &Sessions<'_>,
    accounts: &Accounts,
) -> Result<(), NotDone> {
    let NewPassword { current_password, new_password, new_password_again } = wanted;
    if new_password_again.is_some_and(|again| again != new_password) {
        return Err(Rejection::passwords_differ().into());
    }
    let Ok(name) = person.subject().parse::<Username>() else { return Err(AuthError::UnknownUser.into()) };
    let new = accounts.policy().password(new_password, &name).map_err(Rejection::from)?;
    let Ok(current) = Password::new(current_password) else { return Err(wrong().into()) };
    let device = device::of(sessions, person.subject());
    let attempt = Attempt { address: sessions.address(), device: device.as_deref() };
    let keep = Some(*person.session_id().as_bytes());
    let ended = accounts.change_password(&name, current, new, keep, attempt).await;
    let ended = ended.map_err(|error| Rejection::of_change(error, wrong()))?;
    sessions.note_ended(person.subject(), &ended, EndReason::PasswordChanged);
    Ok(())
}

/// 422 and not 401: the caller is signed in, and a program must not take this for the end of its session.
fn wrong() -> Rejection {
    let message = "The current password is wrong";
    Rejection::new(Status::UnprocessableEntity, "wrong_password", message).noted(What::PasswordChangeRefused)
}

impl body::FromFields for NewPassword {
    fn from_fields(fields: &mut Fields) -> Result<Self, body::Unreadable> {
        Ok(Self {
            current_password: fields.required("current_password")?,
            new_password: fields.required("new_password")?,
            new_password_again: Some(fields.required("new_password_again")?),
        })
    }
}
