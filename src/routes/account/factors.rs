//! `/account/factors`: what somebody has besides a password, and and taking away of it; apps are added in
//! [`apps`](super::apps) and passkeys in [`passkeys`](super::passkeys).
//!
//! Whoever only stole a session adds no app of their own and takes none away: everything that changes something asks for
//! what the person has, entered a moment ago. With the first factor every other session of the person ends: a password alone
//! had begun it.

use rocket::http::Status;
use rocket::{State, get, post};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::{AuthError, AuthLevel, CsrfToken, FreshToken, Proved, Sessions, SignedIn, What};
use crate::routes::account::dashboard::{MAX_EVENTS, ShownEvent, newest};
use crate::routes::account::subject::{own_name, unreadable};
use crate::routes::answer::errors::{FACTOR_NEEDED, Refused};
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::rejection::Rejection;
use crate::routes::answer::reply::Reply;
use crate::routes::answer::told::{RecoveryCodes, Removed, Yes};
use crate::routes::signing::enrolment::codes_page;
use crate::routes::signing::reauthenticate::PASSWORD_CONFIRMED;
use crate::routes::view::frame::{Frame, Moment};
use crate::routes::view::paths::{self, saying};
use crate::routes::view::states;
use crate::routes::view::user_agent::UserAgent;
use crate::users::{Accounts, Factor, FactorKind, OneTimeCode, Removal, TrustedBrowser, Username};

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

/// A browser that its owner trusts.
#[derive(Debug, Serialize)]
struct ShownBrowser<'a> {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    browser: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<&'a str>,
    since: Moment,
    until: Moment,
}

/// What somebody has besides a password, and where a password is enough.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnFactors<'a> {
    factors: Vec<OwnFactor<'a>>,
    recovery_codes_left: u32,
    trusted_browsers: Vec<OwnBrowser<'a>>,
}

/// A factor; the times are seconds since 1970.
#[derive(Serialize, ToSchema)]
struct OwnFactor<'a> {
    id: String,
    #[schema(value_type = FactorWord)]
    kind: &'static str,
    label: &'a str,
    made: i64,
    #[schema(required)]
    last_used: Option<i64>,
}

/// A browser in which a password is enough; the times are seconds since 1970.
#[derive(Serialize, ToSchema)]
struct OwnBrowser<'a> {
    id: String,
    /// What it calls itself.
    browser: &'a str,
    since: i64,
    until: i64,
}

/// The words for kinds of factors.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "a schema and no value")]
pub(super) enum FactorWord {
    Totp,
    Passkey,
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
    /// Where a password is enough.
    browsers: Vec<ShownBrowser<'a>>,
    /// Whether messages are sent here, and to which address of this person.
    mail: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// What happened to password and factors lately.
    events: Vec<ShownEvent<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'a str>,
}

/// `GET /account/factors`: the list.
#[get("/account/factors?<notice>")]
pub(crate) async fn list(
    visitor: SignedIn<'_>,
    notice: Option<&str>,
    csrf: CsrfToken<'_>,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
    form: Form,
) -> Result<Reply, Refused> {
    let (factors, left) = match own_name(visitor.subject()) {
        Ok(name) => accounts.factors(&name).await.map_err(|error| unreadable(&error))?,
        // A person of another directory has none here.
        Err(_) => (Vec::new(), 0),
    };
    let browsers = match own_name(visitor.subject()) {
        Ok(name) if !factors.is_empty() => {
            accounts.trusted_browsers(&name).await.map_err(|error| unreadable(&error))?
        }
        _ => Vec::new(),
    };
    if form == Form::Data {
        let (factors, trusted_browsers) =
            (factors.iter().map(OwnFactor::from).collect(), browsers.iter().map(OwnBrowser::from).collect());
        return Ok(Reply::written(&OwnFactors { factors, recovery_codes_left: left, trusted_browsers }));
    }
    let notice = notice.filter(|notice| NOTICES.contains(notice));
    let has_passkey = factors.iter().any(|factor| factor.kind == FactorKind::Passkey);
    let accepted = match own_name(visitor.subject()) {
        Ok(name) if has_passkey => {
            accounts.accepted_passkeys(&name).await.map_err(|error| unreadable(&error))?
        }
        _ => None,
    };
    let address = match own_name(visitor.subject()) {
        Ok(name) => accounts.address_of(&name).await.map_err(|error| unreadable(&error))?,
        Err(_) => None,
    };
    let events = sessions.events(visitor.subject(), MAX_EVENTS).await.map_err(Refused)?;
    let of_interest: Vec<_> = events.into_iter().filter(|event| is_of_security(event.what)).collect();
    let page = SecurityPage {
        offered: accounts.offers_second_factor(),
        passkeys: accounts.offers_passkeys(),
        accepted: accepted.map(|accepted| accepted.to_string()),
        factors: factors.iter().map(shown).collect(),
        recovery_left: left,
        browsers: browsers.iter().map(shown_browser).collect(),
        mail: accounts.post_office().is_some(),
        address: address.map(|known| known.address.as_str().to_owned()),
        events: newest(&of_interest, SHOWN_EVENTS).map(ShownEvent::for_owner).collect(),
        notice,
    };
    Ok(Reply::Page(Status::Ok, frame.person(&visitor).csrf(csrf.as_str()).render("security.html", page)))
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
    let removal = match id.parse() {
        Ok(id) => accounts.remove_factor(&name, id).await.map_err(|error| unreadable(&error))?,
        Err(_) => Removal::NotThere,
    };
    if removal == Removal::Made {
        sessions.note(What::FactorRemoved, Some(person.subject()), Some(person.session_id()));
    }
    Ok(match (form, removal) {
        (Form::Page, Removal::Made) => Reply::SeeOther(saying(paths::FACTORS, REMOVED)),
        (Form::Page, Removal::NotThere) => Reply::SeeOther(saying(paths::FACTORS, GONE)),
        (Form::Data, Removal::Made) => Reply::written(&Removed { removed: Yes }),
        (Form::Data, Removal::NotThere) => Reply::Missing,
        (form, Removal::Needed) => {
            Rejection::new(Status::Conflict, LAST_FACTOR, "A role of yours needs a second factor")
                .answer_of(form, || Reply::SeeOther(saying(paths::FACTORS, LAST_FACTOR)))
        }
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
        browsers: Vec::new(),
        mail: false,
        address: None,
        events: Vec::new(),
        notice,
    };
    let browser = |browser| ShownBrowser {
        id: text.to_owned(),
        browser,
        system: browser,
        since: Moment::sample(text),
        until: Moment::sample(text),
    };
    states::values(&[
        page(Vec::new(), 0, None),
        SecurityPage { offered: false, mail: true, ..page(Vec::new(), 0, None) },
        page(
            vec![factor("totp", text, Some(Moment::sample(text))), factor("totp", "", None)],
            10,
            Some(ADDED),
        ),
        page(vec![factor("totp", text, None)], 1, Some(text)),
        SecurityPage {
            passkeys: true,
            accepted: Some(text.to_owned()),
            mail: true,
            address: Some(text.to_owned()),
            browsers: vec![browser(Some(text)), browser(None)],
            events: vec![ShownEvent::sample(text)],
            ..page(vec![factor("passkey", text, None), factor("totp", text, None)], 9, Some(PASSKEY_ADDED))
        },
    ])
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

/// Shows recovery codes, which is done once.
pub(super) fn show(codes: &[OneTimeCode], person: &FreshToken<'_>, frame: Frame<'_>, form: Form) -> Reply {
    let texts: Vec<_> = codes.iter().map(OneTimeCode::to_text).collect();
    if form == Form::Data {
        return Reply::written(&RecoveryCodes { recovery_codes: texts });
    }
    Reply::Page(Status::Ok, codes_page(&texts, &frame.person(person)))
}

impl<'a> From<&'a Factor> for OwnFactor<'a> {
    fn from(factor: &'a Factor) -> Self {
        let (id, kind, label) = (factor.id.to_string(), word_of(factor.kind), factor.label.as_str());
        let (made, last_used) = (factor.made_at.as_secs(), factor.used_at.map(|at| at.as_secs()));
        Self { id, kind, label, made, last_used }
    }
}

impl<'a> From<&'a TrustedBrowser> for OwnBrowser<'a> {
    fn from(trusted: &'a TrustedBrowser) -> Self {
        let (since, until) = (trusted.made_at.as_secs(), trusted.until.as_secs());
        Self { id: trusted.id(), browser: &trusted.browser, since, until }
    }
}

fn shown_browser(trusted: &TrustedBrowser) -> ShownBrowser<'_> {
    let UserAgent { browser, system } = UserAgent::read(&trusted.browser);
    ShownBrowser {
        id: trusted.id(),
        browser,
        system,
        since: trusted.made_at.into(),
        until: trusted.until.into(),
    }
}

fn shown(factor: &Factor) -> ShownFactor<'_> {
    ShownFactor {
        id: factor.id.to_string(),
        kind: word_of(factor.kind),
        label: &factor.label,
        made: factor.made_at.into(),
        last_used: factor.used_at.map(Into::into),
    }
}

/// Whether an event is about the password or what somebody has besides.
const fn is_of_security(what: What) -> bool {
    matches!(
        what,
        What::PasswordChanged
            | What::PasswordSet
            | What::PasswordChosen
            | What::PasswordChangeRefused
            | What::CodeIssued
            | What::FactorAdded
            | What::FactorRemoved
            | What::FactorsReset
            | What::FactorRequired
            | What::FactorNotRequired
            | What::RecoveryCodesMade
            | What::RecoveryCodeUsed
            | What::SecondFactorFailed
            | What::SecondFactorExhausted
            | What::PasskeyCounterFell
            | What::BrowserTrusted
            | What::BrowserDistrusted
            | What::AddressProved
            | What::AddressRestored
            | What::Disowned
    )
}

/// What programs call it.
pub(super) const fn word_of(kind: FactorKind) -> &'static str {
    match kind {
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

pub(super) const ADDED: &str = "factor_added";
const REMOVED: &str = "factor_removed";
const GONE: &str = "factor_gone";
pub(super) const TOO_MANY: &str = "too_many_factors";
pub(super) const ENROLMENT_OVER: &str = "enrolment_over";
pub(super) const PASSKEY_ADDED: &str = "passkey_added";
pub(super) const REFUSED: &str = "passkey_refused";
const SHOWN_EVENTS: usize = 6;
const LAST_FACTOR: &str = "last_factor";
pub(super) const DISTRUSTED: &str = "browser_distrusted";
const NOTICES: [&str; 11] = [
    DISTRUSTED,
    ADDED,
    PASSKEY_ADDED,
    REFUSED,
    REMOVED,
    GONE,
    TOO_MANY,
    ENROLMENT_OVER,
    PASSWORD_CONFIRMED,
    LAST_FACTOR,
    FACTOR_NEEDED,
];
