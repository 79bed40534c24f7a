//! `/account/factors/totp`: taking an authenticator app into use, by a picture or its key, and one code as proof.

use rocket::http::{ContentType, Status};
use rocket::{State, get, post};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::{CsrfToken, FreshToken, Proved, Sessions, What};
use crate::routes::account::factors::{ADDED, ENROLMENT_OVER, TOO_MANY, added, allowed, show};
use crate::routes::account::subject::{own_name, unreadable};
use crate::routes::answer::body::{self, Body, Fields};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::rejection::Rejection;
use crate::routes::answer::reply::Reply;
use crate::routes::answer::told::{AppConfirmed, AppSecret, CodeConfirmed, RecoveryCodes, Yes};
use crate::routes::signing::device;
use crate::routes::signing::enrolment::{drawn, enrol_page};
use crate::routes::signing::factor::bad_code;
use crate::routes::view::frame::Frame;
use crate::routes::view::paths::{self, saying};
use crate::users::{Accounts, Attempt, Enrolment, FactorId, OneTimeCode};

/// The proof that an app has the secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FirstCode {
    id: String,
    code: String,
    #[serde(default)]
    label: String,
}

/// `POST /account/factors/totp`: draws the secret of an app.
#[post("/account/factors/totp")]
pub(crate) async fn enrol(
    person: FreshToken<'_>,
    accounts: &State<Accounts>,
    form: Form,
) -> Result<Reply, Refused> {
    let name = allowed(&person, accounts).await?;
    if !accounts.offers_second_factor() {
        return Ok(Rejection::new(
            Status::Conflict,
            "factors_not_offered",
            "The operator has set no app.factor_key",
        )
        .answer_of(form, || Reply::SeeOther(paths::FACTORS.to_owned())));
    }
    let enrolment = accounts.enrol_app(&name).await.map_err(|error| unreadable(&error))?;
    let Some(Enrolment { id, secret, uri }) = enrolment else {
        return Ok(Rejection::new(Status::Conflict, "too_many_factors", "There is no room for another app")
            .answer_of(form, || Reply::SeeOther(saying(paths::FACTORS, TOO_MANY))));
    };
    Ok(match form {
        Form::Page => Reply::SeeOther(format!("{}/totp/{id}", paths::FACTORS)),
        Form::Data => Reply::written(&AppSecret { id: id.to_string(), secret: secret.to_base32(), uri }),
    })
}

/// `GET /account/factors/totp/<id>`: its picture, and the form for its first code.
#[get("/account/factors/totp/<id>")]
pub(crate) async fn enrolment(
    person: FreshToken<'_>,
    id: &str,
    csrf: CsrfToken<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
) -> Result<Reply, Refused> {
    match under_way(&person, id, accounts).await? {
        Some(enrolment) => {
            let page = enrol_page(
                paths::FACTORS,
                &enrolment,
                &frame.person(&person).csrf(csrf.as_str()),
                None,
                None,
            );
            Ok(Reply::Page(Status::Ok, page))
        }
        None => Ok(Reply::SeeOther(saying(paths::FACTORS, ENROLMENT_OVER))),
    }
}

/// `GET /account/factors/totp/<id>/picture`: what an app reads with the camera.
#[get("/account/factors/totp/<id>/picture")]
pub(crate) async fn picture(
    person: FreshToken<'_>,
    id: &str,
    accounts: &State<Accounts>,
) -> Result<Option<(ContentType, String)>, Refused> {
    Ok(under_way(&person, id, accounts).await?.as_ref().and_then(drawn))
}

/// `POST /account/factors/totp/confirm`, as a form or as JSON `{"id", "code", "label"?}`.
#[post("/account/factors/totp/confirm", data = "<body>")]
pub(crate) async fn confirm(
    person: FreshToken<'_>,
    csrf: CsrfToken<'_>,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
    form: Form,
    body: Body<FirstCode>,
) -> Result<Reply, Refused> {
    let FirstCode { id, code, label } = body.0;
    let name = own_name(person.subject())?;
    let not_done = match id.parse::<FactorId>() {
        Ok(id) => {
            let device = device::of(&sessions, person.subject());
            let attempt = Attempt { address: sessions.address(), device: device.as_deref() };
            match accounts.confirm_app(&name, id, &code, &label, attempt).await {
                Ok(codes) => return Ok(confirmed(codes, &person, &sessions, frame, form).await),
                Err(error) => Rejection::of_change(error, bad_code().noted(What::SecondFactorFailed)),
            }
        }
        Err(_) => bad_code().into(),
    };
    let rejection = not_done.rejection()?;
    if let Some(what) = rejection.event() {
        sessions.note(what, Some(person.subject()), Some(person.session_id()));
    }
    if form == Form::Data {
        return Ok(Reply::Refused(rejection.into_refusal()));
    }
    Ok(match under_way(&person, &id, accounts).await? {
        Some(enrolment) => {
            let frame = frame.person(&person).csrf(csrf.as_str());
            let page = enrol_page(
                paths::FACTORS,
                &enrolment,
                &frame,
                Some(rejection.key()),
                rejection.retry_after(),
            );
            rejection.answer(form, |_| page)
        }
        None => Reply::SeeOther(saying(paths::FACTORS, ENROLMENT_OVER)),
    })
}

/// The answer to whoever has taken an app into use.
async fn confirmed(
    codes: Option<Vec<OneTimeCode>>,
    person: &FreshToken<'_>,
    sessions: &Sessions<'_>,
    frame: Frame<'_>,
    form: Form,
) -> Reply {
    added(Proved::PasswordAndCode, codes.is_some(), person, sessions).await;
    match (codes, form) {
        (Some(codes), Form::Page) => show(&codes, person, frame, form),
        (Some(codes), Form::Data) => {
            let recovery_codes = codes.iter().map(OneTimeCode::to_text).collect();
            Reply::written(&AppConfirmed::First(RecoveryCodes { recovery_codes }))
        }
        (None, Form::Page) => Reply::SeeOther(saying(paths::FACTORS, ADDED)),
        (None, Form::Data) => Reply::written(&AppConfirmed::Another(CodeConfirmed { confirmed: Yes })),
    }
}

async fn under_way(
    person: &FreshToken<'_>,
    id: &str,
    accounts: &Accounts,
) -> Result<Option<Enrolment>, Refused> {
    let Ok(id) = id.parse() else { return Ok(None) };
    let name = own_name(person.subject())?;
    accounts.enrolment(&name, id).await.map_err(|error| unreadable(&error))
}

impl body::FromFields for FirstCode {
    fn from_fields(fields: &mut Fields) -> Result<Self, body::Unreadable> {
        Ok(Self {
            id: fields.required("id")?,
            code: fields.required("code")?,
            label: fields.optional("label").unwrap_or_default(),
        })
    }
}
