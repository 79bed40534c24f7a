//! `/account/factors/passkey`: making a passkey.
//!
//! The script fetches what the browser is asked, and sends what it made as a form; a program does the same in JSON.

use rocket::http::Status;
use rocket::{State, post};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::{FreshToken, Proved, Sessions, What};
use crate::routes::account::factors::{PASSKEY_ADDED, REFUSED, TOO_MANY, added, allowed, show};
use crate::routes::account::subject::unreadable;
use crate::routes::answer::body::{self, Body, Fields};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::rejection::Rejection;
use crate::routes::answer::reply::Reply;
use crate::routes::answer::told::PasskeyAdded;
use crate::routes::signing::passkey::{Credential, asked, bad_passkey, not_offered};
use crate::routes::view::frame::Frame;
use crate::routes::view::paths::{self, saying};
use crate::users::{Accounts, OneTimeCode};

/// What a browser made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPasskey {
    credential: Credential,
    #[serde(default)]
    label: String,
}

/// `POST /account/factors/passkey/options`: what the browser is asked.
#[post("/account/factors/passkey/options")]
pub(crate) async fn options(person: FreshToken<'_>, accounts: &State<Accounts>) -> Result<Reply, Refused> {
    let name = allowed(&person, accounts).await?;
    let options = accounts.passkey_creation(&name).await.map_err(|error| unreadable(&error))?;
    Ok(asked(options, || if accounts.offers_passkeys() { too_many() } else { not_offered() }))
}

/// `POST /account/factors/passkey`, as a form or as JSON `{"credential", "label"?}`.
#[post("/account/factors/passkey", data = "<body>")]
pub(crate) async fn add(
    person: FreshToken<'_>,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
    form: Form,
    body: Body<NewPasskey>,
) -> Result<Reply, Refused> {
    let NewPasskey { credential, label } = body.0;
    let name = allowed(&person, accounts).await?;
    let (id, codes) = match accounts.add_passkey(&name, credential.as_str(), &label).await {
        Ok(made) => made,
        Err(error) => {
            let wrong = unfit().noted(What::SecondFactorFailed);
            let rejection = Rejection::of_change(error, wrong).rejection()?;
            if let Some(what) = rejection.event() {
                sessions.note(what, Some(person.subject()), Some(person.session_id()));
            }
            return Ok(rejection.answer_of(form, || Reply::SeeOther(saying(paths::FACTORS, REFUSED))));
        }
    };
    added(Proved::PasswordAndPasskey, codes.is_some(), &person, &sessions).await;
    Ok(match (codes, form) {
        (Some(codes), Form::Page) => show(&codes, &person, frame, form),
        (None, Form::Page) => Reply::SeeOther(saying(paths::FACTORS, PASSKEY_ADDED)),
        (codes, Form::Data) => {
            let texts = |codes: Vec<OneTimeCode>| codes.iter().map(OneTimeCode::to_text).collect();
            Reply::written(&PasskeyAdded { id: id.to_string(), recovery_codes: codes.map(texts) })
        }
    })
}

/// 422 and not 401: the caller is signed in, and a program must not take this for the end of its session.
fn unfit() -> Rejection {
    let refusal = bad_passkey().into_refusal();
    Rejection::new(Status::UnprocessableEntity, refusal.code, &refusal.message)
}

fn too_many() -> Rejection {
    Rejection::new(Status::Conflict, TOO_MANY, "There is no room for another factor")
}

impl body::FromFields for NewPasskey {
    fn from_fields(fields: &mut Fields) -> Result<Self, body::Unreadable> {
        Ok(Self {
            credential: fields.required("credential")?.into(),
            label: fields.optional("label").unwrap_or_default(),
        })
    }
}
