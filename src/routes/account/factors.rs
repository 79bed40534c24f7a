//! `/account/factors`: what somebody has besides a password, and making and taking away of it; passkeys are made in
//! [`passkeys`](super::passkeys).
//!
//! Whoever only stole a session adds no app of their own and takes none away: everything that changes something asks for
//! what the person has, entered a moment ago. With the first factor every other session of the person ends: a password alone
//! had begun it.

use qrcode::QrCode;
use qrcode::render::svg;
use rocket::http::{ContentType, Status};
use rocket::{State, get, post};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::auth::{AuthError, AuthLevel, CsrfToken, FreshToken, Proved, Sessions, SignedIn, What};
use crate::routes::answer::body::{self, Body, Fields};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::rejection::Rejection;
use crate::routes::answer::reply::Reply;
use crate::routes::signing::device;
use crate::routes::signing::factor::bad_code;
use crate::routes::signing::reauthenticate::PASSWORD_CONFIRMED;
use crate::routes::view::frame::{Frame, Moment};
use crate::routes::view::paths::{self, saying};
use crate::routes::view::states;
use crate::users::{Accounts, Attempt, Enrolment, Factor, FactorId, FactorKind, OneTimeCode, Username};

/// A factor as its owner sees it.
#[derive(Debug, Serialize)]
struct ShownFactor<'a> {
    id: String,
    kind: &'static str,
    label: &'a str,
    made: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used: Option<Moment>,
}

#[derive(Debug, Serialize)]
struct SecurityPage<'a> {
    /// Whether an app can be added here.
    offered: bool,
    /// Whether a passkey can.
    passkeys: bool,
    /// What keepers of this person's passkeys are told, as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<String>,
    factors: Vec<ShownFactor<'a>>,
    recovery_left: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct EnrolPage<'a> {
    id: &'a str,
    /// The secret in groups of four.
    secret: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

#[derive(Debug, Serialize)]
struct CodesPage<'a> {
    codes: Vec<&'a str>,
}

/// The proof that an app has the secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FirstCode {
    id: String,
    code: String,
    #[serde(default)]
    label: String,
}

/// `GET /account/factors`: the list.
#[get("/account/factors?<notice>")]
pub(crate) async fn list(
    visitor: SignedIn<'_>,
    notice: Option<&str>,
    csrf: CsrfToken<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
    form: Form,
) -> Result<Reply, Refused> {
    let (factors, left) = match own_name(visitor.subject()) {
        Ok(name) => accounts.factors(&name).await.map_err(|error| unreadable(&error))?,
        // A person of another directory has none here.
        Err(_) => (Vec::new(), 0),
    };
    if form == Form::Data {
        let factors: Vec<_> = factors.iter().map(told).collect();
        let body = json!({ "factors": factors, "recovery_codes_left": left });
        return Ok(Reply::Json(Status::Ok, body));
    }
    let notice = notice.filter(|notice| NOTICES.contains(notice));
    let has_passkey = factors.iter().any(|factor| factor.kind == FactorKind::Passkey);
    let accepted = match own_name(visitor.subject()) {
        Ok(name) if has_passkey => {
            accounts.accepted_passkeys(&name).await.map_err(|error| unreadable(&error))?
        }
        _ => None,
    };
    let page = SecurityPage {
        offered: accounts.offers_second_factor(),
        passkeys: accounts.offers_passkeys(),
        accepted: accepted.map(|accepted| accepted.to_string()),
        factors: factors.iter().map(shown).collect(),
        recovery_left: left,
        notice,
    };
    Ok(Reply::Page(Status::Ok, frame.person(&visitor).csrf(csrf.as_str()).render("security.html", page)))
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
        Form::Data => {
            let body = json!({ "id": id.to_string(), "secret": secret.to_base32(), "uri": uri });
            Reply::Json(Status::Ok, body)
        }
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
            let page = enrol_page(&enrolment, &frame.person(&person).csrf(csrf.as_str()), None, None);
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
    let Some(enrolment) = under_way(&person, id, accounts).await? else { return Ok(None) };
    let drawn = QrCode::new(enrolment.uri.as_bytes())
        .map(|code| code.render::<svg::Color<'_>>().min_dimensions(240, 240).quiet_zone(true).build());
    // A name for which no picture has room is typed with the key.
    Ok(drawn.ok().map(|drawn| (ContentType::SVG, drawn)))
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
            let page = enrol_page(&enrolment, &frame, Some(rejection.key()), rejection.retry_after());
            rejection.answer(form, |_| page)
        }
        None => Reply::SeeOther(saying(paths::FACTORS, ENROLMENT_OVER)),
    })
}

/// `POST /account/factors/recovery`: new recovery codes in place of all.
#[post("/account/factors/recovery")]
pub(crate) async fn recovery(
    person: FreshToken<'_>,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
    form: Form,
) -> Result<Reply, Refused> {
    let name = allowed(&person, accounts).await?;
    let codes = accounts.new_recovery_codes(&name).await.map_err(|error| unreadable(&error))?;
    let Some(codes) = codes else {
        return Ok(Rejection::new(Status::Conflict, "no_factor", "There is no factor to recover")
            .answer_of(form, || Reply::SeeOther(paths::FACTORS.to_owned())));
    };
    sessions.note(What::RecoveryCodesMade, Some(person.subject()), Some(person.session_id()));
    Ok(show(&codes, &person, frame, form))
}

/// `POST /account/factors/<id>/remove`.
#[post("/account/factors/<id>/remove")]
pub(crate) async fn remove(
    person: FreshToken<'_>,
    id: &str,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    form: Form,
) -> Result<Reply, Refused> {
    let name = allowed(&person, accounts).await?;
    let removed = match id.parse() {
        Ok(id) => accounts.remove_factor(&name, id).await.map_err(|error| unreadable(&error))?,
        Err(_) => false,
    };
    if removed {
        sessions.note(What::FactorRemoved, Some(person.subject()), Some(person.session_id()));
    }
    Ok(match (form, removed) {
        (Form::Page, _) => Reply::SeeOther(saying(paths::FACTORS, if removed { REMOVED } else { GONE })),
        (Form::Data, true) => Reply::Json(Status::Ok, json!({ "removed": true })),
        (Form::Data, false) => Reply::Missing,
    })
}

/// The list in every state, with `text` wherever a text of somebody else's may stand.
pub(crate) fn samples(text: &str) -> Vec<Value> {
    let factor = |kind, label, last_used| ShownFactor {
        id: text.to_owned(),
        kind,
        label,
        made: Moment::sample(text),
        last_used,
    };
    let page = |factors, recovery_left, notice| SecurityPage {
        offered: true,
        passkeys: false,
        accepted: None,
        factors,
        recovery_left,
        notice,
    };
    states::values(&[
        page(Vec::new(), 0, None),
        SecurityPage { offered: false, ..page(Vec::new(), 0, None) },
        page(
            vec![factor("totp", text, Some(Moment::sample(text))), factor("totp", "", None)],
            10,
            Some(ADDED),
        ),
        page(vec![factor("totp", text, None)], 1, Some(text)),
        SecurityPage { passkeys: true, ..page(Vec::new(), 0, Some(REFUSED)) },
        SecurityPage {
            passkeys: true,
            accepted: Some(text.to_owned()),
            ..page(vec![factor("passkey", text, None), factor("totp", text, None)], 9, Some(PASSKEY_ADDED))
        },
    ])
}

/// The enrolment in every state.
pub(crate) fn enrol_samples(text: &str) -> Vec<Value> {
    let page = |error, retry_after| EnrolPage { id: text, secret: text, error, retry_after };
    states::values(&[
        page(None, None),
        page(Some("bad_second_code"), None),
        page(Some("throttled"), Some(30)),
        page(Some(text), None),
    ])
}

/// The page of new codes in every state.
pub(crate) fn code_samples(text: &str) -> Vec<Value> {
    states::values(&[CodesPage { codes: vec![text; 10] }])
}

/// Somebody has taken a factor into use, and proved it.
pub(super) async fn added(proved: Proved, is_first: bool, person: &FreshToken<'_>, sessions: &Sessions<'_>) {
    sessions.note(What::FactorAdded, Some(person.subject()), Some(person.session_id()));
    // It was shown a moment ago, so this session is of the second level from now on; one that was stays what it is.
    let proved = if person.level() > AuthLevel::One { Proved::Password } else { proved };
    if let Err(error) = sessions.reauthenticated(person.session_id(), proved).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "a factor was added, but its session got no new tokens");
    }
    if is_first && let Err(error) = sessions.end_others(person.subject(), person.session_id()).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "sessions that a password alone had begun go on beside a first factor");
    }
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
        (Some(codes), _) => show(&codes, person, frame, form),
        (None, Form::Page) => Reply::SeeOther(saying(paths::FACTORS, ADDED)),
        (None, Form::Data) => Reply::Json(Status::Ok, json!({ "confirmed": true })),
    }
}

/// Shows recovery codes, which is done once.
pub(super) fn show(codes: &[OneTimeCode], person: &FreshToken<'_>, frame: Frame<'_>, form: Form) -> Reply {
    let texts: Vec<_> = codes.iter().map(OneTimeCode::to_text).collect();
    if form == Form::Data {
        return Reply::Json(Status::Ok, json!({ "recovery_codes": texts }));
    }
    let page = CodesPage { codes: texts.iter().map(String::as_str).collect() };
    Reply::Page(Status::Ok, frame.person(person).render("recovery_codes.html", page))
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

fn enrol_page(
    enrolment: &Enrolment,
    frame: &Frame<'_>,
    error: Option<&str>,
    retry_after: Option<u64>,
) -> rocket_dyn_templates::Template {
    let secret = enrolment.secret.to_base32();
    let groups: Vec<_> = secret.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
    let (id, secret) = (enrolment.id.to_string(), groups.join(" "));
    frame.render("enrol.html", EnrolPage { id: &id, secret: &secret, error, retry_after })
}

fn told(factor: &Factor) -> Value {
    json!({
        "id": factor.id.to_string(),
        "kind": kind(factor),
        "label": factor.label,
        "made": factor.made_at.as_secs(),
        "last_used": factor.used_at.map(|at| at.as_secs()),
    })
}

fn shown(factor: &Factor) -> ShownFactor<'_> {
    ShownFactor {
        id: factor.id.to_string(),
        kind: kind(factor),
        label: &factor.label,
        made: factor.made_at.into(),
        last_used: factor.used_at.map(Into::into),
    }
}

/// What programs call it.
const fn kind(factor: &Factor) -> &'static str {
    match factor.kind {
        FactorKind::App => "totp",
        FactorKind::Passkey => "passkey",
    }
}

/// Who may change what there is: with a factor only a session in which it was given, which one from before is not.
pub(super) async fn allowed(person: &FreshToken<'_>, accounts: &Accounts) -> Result<Username, Refused> {
    let name = own_name(person.subject())?;
    let (factors, _) = accounts.factors(&name).await.map_err(|error| unreadable(&error))?;
    if person.level() < AuthLevel::Two && !factors.is_empty() {
        return Err(Refused(AuthError::SecondFactorRequired));
    }
    Ok(name)
}

fn own_name(subject: &str) -> Result<Username, Refused> {
    subject.parse().map_err(|_| Refused(AuthError::UnknownUser))
}

pub(super) fn unreadable(error: &(dyn std::error::Error + 'static)) -> Refused {
    tracing::error!(error, "factors cannot be read or changed");
    Refused(AuthError::Unavailable)
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

const ADDED: &str = "factor_added";
const REMOVED: &str = "factor_removed";
const GONE: &str = "factor_gone";
pub(super) const TOO_MANY: &str = "too_many_factors";
const ENROLMENT_OVER: &str = "enrolment_over";
pub(super) const PASSKEY_ADDED: &str = "passkey_added";
pub(super) const REFUSED: &str = "passkey_refused";
const NOTICES: [&str; 8] =
    [ADDED, PASSKEY_ADDED, REFUSED, REMOVED, GONE, TOO_MANY, ENROLMENT_OVER, PASSWORD_CONFIRMED];
