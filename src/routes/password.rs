//! `/account/password`: a new password, in exchange for the current one.
//!
//! The hash changes and every other session ends in one transaction.

use rocket::http::Status;
use rocket::{State, get, post};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::auth::{AuthError, CsrfToken, EndReason, FreshToken, Refusal, Sessions, What};
use crate::routes::body::{self, Body, Fields};
use crate::routes::device;
use crate::routes::errors::Refused;
use crate::routes::negotiate::Form;
use crate::routes::page::Frame;
use crate::routes::reauthenticate::PASSWORD_CONFIRMED;
use crate::routes::reply::Reply;
use crate::routes::states;
use crate::users::{
    Accounts, Attempt, ChangeError, HashError, Password, SignInError, UnfitPassword, Username,
};

/// The current password and the new one; a form asks for the new one twice.
#[derive(Deserialize)]
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

/// Why the password was not changed: the stable word, and the refusal for programs.
pub(crate) struct Failure(pub(crate) &'static str, pub(crate) Refusal);

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
    let Some(Failure(error, refusal)) = change(body.0, &person, &sessions, accounts).await? else {
        sessions.note(What::PasswordChanged, Some(person.subject()), Some(person.session_id()));
        // The password was entered a moment ago, and a copy of this session's tokens should not profit from it.
        if let Err(error) = sessions.reauthenticated(person.session_id()).await {
            // The new password is committed, and saying anything else would send the person back to the old one.
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "a password was changed, but its session got no new tokens");
        }
        return Ok(match form {
            Form::Page => Reply::SeeOther("/dashboard?notice=password_changed".to_owned()),
            Form::Data => Reply::Json(Status::Ok, json!({ "password_changed": true })),
        });
    };
    if let Some(what) = told_of(error) {
        sessions.note(what, Some(person.subject()), Some(person.session_id()));
    }
    if form == Form::Data {
        return Ok(Reply::Refused(refusal));
    }
    let min_length = accounts.policy().min_length();
    let retry_after = refusal.retry_after;
    let page = PasswordPage { min_length, notice: None, error: Some(error), retry_after };
    let page = frame.person(&person).csrf(csrf.as_str()).render("password.html", page);
    Ok(Reply::refused(&refusal, page))
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

/// The event that a refusal is; a new password that is unfit, or a service that is busy, is none.
fn told_of(error: &str) -> Option<What> {
    match error {
        "wrong_password" => Some(What::PasswordChangeRefused),
        "throttled" => Some(What::SignInThrottled),
        _ => None,
    }
}

/// Changes the password; says why not.
async fn change(
    wanted: NewPassword,
    person: &FreshToken<'_>,
    sessions: &Sessions<'_>,
    accounts: &Accounts,
) -> Result<Option<Failure>, Refused> {
    let NewPassword { current_password, new_password, new_password_again } = wanted;
    if new_password_again.is_some_and(|again| again != new_password) {
        return Ok(Some(differ()));
    }
    let Ok(name) = person.subject().parse::<Username>() else { return Err(Refused(AuthError::UnknownUser)) };
    let new = match accounts.policy().password(new_password, &name) {
        Ok(new) => new,
        Err(unfit) => return Ok(Some(unfit.into())),
    };
    let Ok(current) = Password::new(current_password) else { return Ok(Some(Failure::wrong())) };
    let device = device::of(sessions, person.subject());
    let attempt = Attempt { address: sessions.address(), device: device.as_deref() };
    let keep = Some(*person.session_id().as_bytes());
    match accounts.change_password(&name, current, new, keep, attempt).await {
        Ok(ended) => {
            sessions.note_ended(person.subject(), &ended, EndReason::PasswordChanged);
            Ok(None)
        }
        Err(error) => of_change(error, Failure::wrong()).map(Some),
    }
}

/// Why a password was not changed; `wrong` is what a wrong password or code is called here.
///
/// # Errors
/// Refused with 503 when the store or the hasher failed.
pub(crate) fn of_change(error: ChangeError, wrong: Failure) -> Result<Failure, Refused> {
    match error {
        ChangeError::Unfit(unfit) => Ok(unfit.into()),
        ChangeError::SignIn(SignInError::BadCredentials) => Ok(wrong),
        ChangeError::SignIn(SignInError::Throttled { retry_after }) => {
            Ok(Failure("throttled", Refusal::throttled(retry_after)))
        }
        ChangeError::SignIn(SignInError::Busy) | ChangeError::Hash(HashError::Busy) => {
            Ok(Failure("busy", Refusal::unavailable()))
        }
        error => {
            tracing::error!(error = &error as &dyn std::error::Error, "a password cannot be changed");
            Err(Refused(AuthError::Unavailable))
        }
    }
}

/// A form's two new passwords are not the same.
pub(crate) fn differ() -> Failure {
    Failure::new("mismatch", "The two new passwords differ")
}

impl Failure {
    fn new(key: &'static str, message: &str) -> Self {
        Self(key, Refusal::new(Status::UnprocessableEntity, message, key))
    }

    /// 422 and not 401: the caller is signed in, and a program must not take this for the end of its session.
    fn wrong() -> Self {
        Self::new("wrong_password", "The current password is wrong")
    }
}

impl From<UnfitPassword> for Failure {
    fn from(unfit: UnfitPassword) -> Self {
        let key = match unfit {
            UnfitPassword::TooShort { .. } => "too_short",
            UnfitPassword::TooLong => "too_long",
            UnfitPassword::Common => "too_common",
            UnfitPassword::ContainsName => "contains_name",
            UnfitPassword::ContainsService => "contains_service",
        };
        Self::new(key, &unfit.to_string())
    }
}

impl body::Form for NewPassword {
    fn from_fields(fields: &mut Fields) -> Result<Self, body::Refused> {
        Ok(Self {
            current_password: fields.required("current_password")?,
            new_password: fields.required("new_password")?,
            new_password_again: Some(fields.required("new_password_again")?),
        })
    }
}
