//! `/login/enrol`: somebody whose role needs a factor takes the first one into use, in the middle of signing in.
//!
//! What the browser holds from the password opens these addresses and nothing else; when the factor has proved itself, the
//! session begins, and the recovery codes are shown.

use rocket::http::{ContentType, Status};
use rocket::{State, get, post};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::{AuthError, CsrfToken, Proved, Sessions, SignInAttempt, TokenPair, Voucher, What};
use crate::routes::answer::body::{self, Body, Fields};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::rejection::{NotDone, Rejection};
use crate::routes::answer::reply::Reply;
use crate::routes::answer::told::AppSecret;
use crate::routes::signing::begin::{Begun, Delivery, begin, delivery_of};
use crate::routes::signing::device;
use crate::routes::signing::enrolment::{codes_page, drawn, enrol_page};
use crate::routes::signing::factor::{bad_code, expired, methods_of, over, unreadable};
use crate::routes::signing::form_proof::FormProof;
use crate::routes::signing::login::SIGN_IN_EXPIRED;
use crate::routes::signing::passkey::{Credential, asked, bad_passkey};
use crate::routes::view::frame::Frame;
use crate::routes::view::paths::{self, saying};
use crate::routes::view::states;
use crate::users::{
    Accounts, Attempt, Enrolment, FactorId, Lack, OneTimeCode, SecondMethods, SecondStep, SecondStepError,
    UnderWay, Username,
};

/// The first code of an app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnrolledApp {
    id: String,
    code: String,
    #[serde(default)]
    label: String,
    delivery: Option<Delivery>,
}

/// A passkey that was just made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnrolledPasskey {
    credential: Credential,
    #[serde(default)]
    label: String,
    delivery: Option<Delivery>,
}

/// What proves that a factor is there.
#[derive(Clone, Copy)]
enum FirstProof<'a> {
    Code { id: &'a str, code: &'a str },
    Passkey(&'a Credential),
}

#[derive(Debug, Serialize)]
struct FirstFactorPage<'a> {
    /// Whether it may be a passkey.
    passkey: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

/// `GET /login/enrol`: what there is to choose from; without such a sign-in under way, the sign-in page.
#[get("/login/enrol")]
pub(crate) async fn form(
    csrf: CsrfToken<'_>,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
) -> Result<Reply, Refused> {
    let Some(SecondMethods { passkey, .. }) = methods_of(Lack::Enrolment, &sessions, accounts).await? else {
        return Ok(begin_again());
    };
    let page = FirstFactorPage { passkey, error: None, retry_after: None };
    Ok(Reply::Page(Status::Ok, frame.csrf(csrf.as_str()).render("first_factor.html", page)))
}

/// `POST /login/enrol/totp`: draws the secret of an app.
#[post("/login/enrol/totp")]
pub(crate) async fn draw(
    _attempt: SignInAttempt,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    form: Form,
) -> Result<Reply, Refused> {
    let drawn = match name_of(&sessions, accounts).await? {
        Some(name) => accounts.enrol_app(&name).await.map_err(|error| unreadable(&error))?,
        None => None,
    };
    let Some(Enrolment { id, secret, uri }) = drawn else { return Ok(over().answer_of(form, begin_again)) };
    Ok(match form {
        Form::Page => Reply::SeeOther(format!("{}/totp/{id}", paths::ENROL)),
        Form::Data => Reply::written(&AppSecret { id: id.to_string(), secret: secret.to_base32(), uri }),
    })
}

/// `GET /login/enrol/totp/<id>`: its picture, and the form for its first code.
#[get("/login/enrol/totp/<id>")]
pub(crate) async fn enrolment(
    id: &str,
    csrf: CsrfToken<'_>,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
) -> Result<Reply, Refused> {
    Ok(match under_way(id, &sessions, accounts).await? {
        Some(enrolment) => {
            let page = enrol_page(paths::ENROL, &enrolment, &frame.csrf(csrf.as_str()), None, None);
            Reply::Page(Status::Ok, page)
        }
        None => begin_again(),
    })
}

/// `GET /login/enrol/totp/<id>/picture`: what an app reads with the camera.
#[get("/login/enrol/totp/<id>/picture")]
pub(crate) async fn picture(
    id: &str,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
) -> Result<Option<(ContentType, String)>, Refused> {
    Ok(under_way(id, &sessions, accounts).await?.as_ref().and_then(drawn))
}

/// `POST /login/enrol/totp/confirm`, as a form or as JSON `{"id", "code", "label"?}`.
#[post("/login/enrol/totp/confirm", data = "<body>")]
pub(crate) async fn confirm(
    attempt: Result<SignInAttempt, AuthError>,
    csrf: FormProof<'_>,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
    form: Form,
    body: Body<EnrolledApp>,
) -> Result<Reply, Refused> {
    let Body(EnrolledApp { id, code, label, delivery }) = body;
    let proof = FirstProof::Code { id: &id, code: &code };
    let not_done = match attempt {
        Ok(_) => match take(proof, &label, delivery, form, &sessions, accounts).await {
            Ok(entered) => return Ok(entered.reply(form, &frame)),
            Err(not_done) => not_done,
        },
        Err(error) => csrf.lost(error),
    };
    let rejection = not_done.rejection()?;
    if form == Form::Data {
        return Ok(Reply::Refused(rejection.into_refusal()));
    }
    Ok(match under_way(&id, &sessions, accounts).await? {
        Some(enrolment) if rejection.key() != SIGN_IN_EXPIRED => rejection.answer(form, |rejection| {
            let (key, wait) = (Some(rejection.key()), rejection.retry_after());
            enrol_page(paths::ENROL, &enrolment, &frame.csrf(csrf.as_str()), key, wait)
        }),
        _ => begin_again(),
    })
}

/// `POST /login/enrol/passkey/options`: what the browser is asked.
#[post("/login/enrol/passkey/options")]
pub(crate) async fn options(
    _attempt: SignInAttempt,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
) -> Result<Reply, Refused> {
    let options = match name_of(&sessions, accounts).await? {
        Some(name) => accounts.passkey_creation(&name).await.map_err(|error| unreadable(&error))?,
        None => None,
    };
    Ok(asked(options, over))
}

/// `POST /login/enrol/passkey`, as a form or as JSON `{"credential", "label"?}`.
#[post("/login/enrol/passkey", data = "<body>")]
pub(crate) async fn add(
    attempt: Result<SignInAttempt, AuthError>,
    csrf: FormProof<'_>,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
    form: Form,
    body: Body<EnrolledPasskey>,
) -> Result<Reply, Refused> {
    let Body(EnrolledPasskey { credential, label, delivery }) = body;
    let proof = FirstProof::Passkey(&credential);
    let not_done = match attempt {
        Ok(_) => match take(proof, &label, delivery, form, &sessions, accounts).await {
            Ok(entered) => return Ok(entered.reply(form, &frame)),
            Err(not_done) => not_done,
        },
        Err(error) => csrf.lost(error),
    };
    let rejection = not_done.rejection()?;
    if rejection.key() == SIGN_IN_EXPIRED && form == Form::Page {
        return Ok(begin_again());
    }
    Ok(rejection.answer(form, |rejection| {
        let (error, retry_after) = (Some(rejection.key()), rejection.retry_after());
        let page = FirstFactorPage { passkey: true, error, retry_after };
        frame.csrf(csrf.as_str()).render("first_factor.html", page)
    }))
}

/// The page in every state, with `text` wherever a text of somebody else's may stand.
pub(crate) fn samples(text: &str) -> Vec<Value> {
    let page = |passkey, error, retry_after| FirstFactorPage { passkey, error, retry_after };
    states::values(&[page(true, None, None), page(false, Some(text), Some(30))])
}

/// Somebody who is in, with what they are told this once.
struct Entered {
    tokens: Option<TokenPair>,
    codes: Vec<OneTimeCode>,
}

impl Entered {
    fn reply(self, form: Form, frame: &Frame<'_>) -> Reply {
        if form == Form::Page {
            let texts: Vec<_> = self.codes.iter().map(OneTimeCode::to_text).collect();
            return Reply::Page(Status::Ok, codes_page(&texts, frame));
        }
        Reply::written(&Begun::with(self.tokens).recoverable(&self.codes))
    }
}

/// Takes the factor into use and begins the session.
async fn take(
    proof: FirstProof<'_>,
    label: &str,
    delivery: Option<Delivery>,
    form: Form,
    sessions: &Sessions<'_>,
    accounts: &Accounts,
) -> Result<Entered, NotDone> {
    let delivery = delivery_of(delivery, sessions)?;
    let Some(secret) = sessions.pending() else { return Err(expired(sessions)) };
    let name = name_of(sessions, accounts).await?;
    let Some(name) = name else { return Err(expired(sessions)) };
    let device = device::of(sessions, name.as_str());
    let attempt = Attempt { address: sessions.address(), device: device.as_deref() };
    let (taken, proved, wrong) = match proof {
        FirstProof::Passkey(made) => {
            let added = accounts.add_first_passkey(secret, made.as_str(), label).await;
            (added, Proved::PasswordAndPasskey, bad_passkey())
        }
        FirstProof::Code { id, code } => {
            let Ok(id) = id.parse::<FactorId>() else { return Err(bad_code().into()) };
            let confirmed = accounts.confirm_first_app(secret, id, code, label, attempt).await;
            (confirmed, Proved::PasswordAndCode, bad_code())
        }
    };
    let (SecondStep { person, voucher, remember }, codes) = match taken {
        Ok(taken) => taken,
        Err(SecondStepError::Over | SecondStepError::LastWrong) => return Err(expired(sessions)),
        Err(SecondStepError::SignIn(error)) => {
            let not_done = Rejection::of_sign_in(error, wrong.noted(What::SecondFactorFailed));
            if let NotDone::Rejected(rejection) = &not_done
                && let Some(what) = rejection.event()
            {
                sessions.note(what, Some(name.as_str()), None);
            }
            return Err(not_done);
        }
    };
    let voucher = Some(Voucher::from_bytes(voucher));
    let (session, tokens) =
        match begin(&person, voucher, proved, remember, delivery, form, sessions, accounts).await {
            Err(NotDone::Refused(Refused(AuthError::Revoked))) => return Err(expired(sessions)),
            begun => begun?,
        };
    sessions.note(What::FactorAdded, Some(name.as_str()), Some(session));
    if let Err(error) = sessions.end_others(name.as_str(), session).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "sessions that a password alone had begun go on beside a first factor");
    }
    Ok(Entered { tokens, codes })
}

/// Whose sign-in it is that lacks a factor to have.
async fn name_of(sessions: &Sessions<'_>, accounts: &Accounts) -> Result<Option<Username>, Refused> {
    let Some(secret) = sessions.pending() else { return Ok(None) };
    let pending = accounts.pending(secret).await.map_err(|error| unreadable(&error))?;
    Ok(pending.filter(|it| it.lacks == Lack::Enrolment).map(|UnderWay { account, .. }| account))
}

async fn under_way(
    id: &str,
    sessions: &Sessions<'_>,
    accounts: &Accounts,
) -> Result<Option<Enrolment>, Refused> {
    let (Ok(id), Some(name)) = (id.parse(), name_of(sessions, accounts).await?) else { return Ok(None) };
    accounts.enrolment(&name, id).await.map_err(|error| unreadable(&error))
}

fn begin_again() -> Reply {
    Reply::SeeOther(saying(paths::LOGIN, SIGN_IN_EXPIRED))
}

impl body::FromFields for EnrolledApp {
    fn from_fields(fields: &mut Fields) -> Result<Self, body::Unreadable> {
        Ok(Self {
            id: fields.required("id")?,
            code: fields.required("code")?,
            label: fields.optional("label").unwrap_or_default(),
            delivery: None,
        })
    }
}

impl body::FromFields for EnrolledPasskey {
    fn from_fields(fields: &mut Fields) -> Result<Self, body::Unreadable> {
        Ok(Self {
            credential: fields.required("credential")?.into(),
            label: fields.optional("label").unwrap_or_default(),
            delivery: None,
        })
    }
}
