//! `/account/activity`: everything that happened to somebody's account, and everything that is kept of them.

use std::str::FromStr;

use rocket::http::Status;
use rocket::{State, get};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::{AuthError, CsrfToken, Event, FreshToken, Sessions, SignedIn, UnixTime, What};
use crate::routes::account::dashboard::ShownEvent;
use crate::routes::account::factors::{FactorWord, word_of};
use crate::routes::account::sessions::Shown;
use crate::routes::account::subject::{own_name, unreadable};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::reply::Reply;
use crate::routes::view::frame::{Frame, Moment};
use crate::routes::view::paths;
use crate::routes::view::states;
use crate::users::{Accounts, DisplayName, Factor, TrustedBrowser};

#[derive(Debug, Serialize)]
struct ActivityPage<'a> {
    events: Vec<ShownEvent<'a>>,
    /// Where the list goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// Where it begins, when this is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<&'static str>,
}

/// What happened, fifty at a time.
#[derive(Serialize, ToSchema)]
pub(crate) struct Activity<'a> {
    events: Vec<ShownEvent<'a>>,
    /// The address of what follows.
    #[schema(required)]
    next: Option<String>,
}

/// Everything that is kept of somebody.
#[derive(Serialize, ToSchema)]
pub(crate) struct Export<'a> {
    username: &'a str,
    #[schema(required)]
    display_name: Option<&'a str>,
    #[schema(required)]
    language: Option<&'a str>,
    /// Of an account that is one of ours.
    #[schema(required)]
    roles: Option<&'a [String]>,
    #[schema(required)]
    made: Option<Moment>,
    #[schema(required)]
    email: Option<ExportedAddress<'a>>,
    factors: Vec<ExportedFactor<'a>>,
    recovery_codes_left: u32,
    trusted_browsers: Vec<ExportedBrowser<'a>>,
    sessions: Vec<Shown<'a>>,
    events: Vec<ShownEvent<'a>>,
}

/// The address for messages, when it was proved, and in which language they are written.
#[derive(Serialize, ToSchema)]
struct ExportedAddress<'a> {
    address: &'a str,
    proved: Moment,
    language: &'a str,
}

#[derive(Serialize, ToSchema)]
struct ExportedFactor<'a> {
    #[schema(value_type = FactorWord)]
    kind: &'static str,
    label: &'a str,
    made: Moment,
    #[schema(required)]
    last_used: Option<Moment>,
}

#[derive(Serialize, ToSchema)]
struct ExportedBrowser<'a> {
    browser: &'a str,
    since: Moment,
    until: Moment,
}

/// `GET /account/activity?until=…&skip=…`: what happened, newest first, fifty at a time: until that second, without the newest
/// so many.
#[get("/account/activity?<until>&<skip>")]
pub(crate) async fn activity(
    visitor: SignedIn<'_>,
    until: Vec<&str>,
    skip: Vec<&str>,
    csrf: CsrfToken<'_>,
    sessions: Sessions<'_>,
    frame: Frame<'_>,
    form: Form,
) -> Result<Reply, Refused> {
    // Nothing is behind what is no number, or two of them.
    let (Some(from), Some(skipped)) = (number(&until, i64::MAX), number(&skip, 0)) else {
        return Ok(Reply::Missing);
    };
    let from = UnixTime::from_secs(from);
    let mut events =
        sessions.events_until(visitor.subject(), from, skipped, PAGE + 1).await.map_err(Refused)?;
    let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let goes_on = events.len() > page;
    events.truncate(page);
    let next = events.last().filter(|_| goes_on).map(|last| behind(last, &events, from, skipped));
    let shown: Vec<_> = events.iter().map(ShownEvent::for_owner).collect();
    if form == Form::Data {
        return Ok(Reply::written(&Activity { events: shown, next }));
    }
    let first = (!until.is_empty()).then_some(paths::ACTIVITY);
    let page = ActivityPage { events: shown, next, first };
    Ok(Reply::Page(Status::Ok, frame.person(&visitor).csrf(csrf.as_str()).render("activity.html", page)))
}

/// `GET /account/export`: all that is kept of whoever asks, as JSON. What would open anything is not in it.
#[get("/account/export")]
pub(crate) async fn export(
    person: FreshToken<'_>,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
) -> Result<Reply, Refused> {
    let (subject, current) = (person.subject(), person.session_id());
    let Ok(name) = own_name(subject) else { return Err(Refused(AuthError::UnknownUser)) };
    let account = accounts.find(&name).await.map_err(|error| unreadable(&error))?;
    let profile = accounts.profile_of(&name).await.map_err(|error| unreadable(&error))?;
    let address = accounts.address_of(&name).await.map_err(|error| unreadable(&error))?;
    let (factors, codes) = accounts.factors(&name).await.map_err(|error| unreadable(&error))?;
    let browsers = accounts.trusted_browsers(&name).await.map_err(|error| unreadable(&error))?;
    let live = sessions.live(subject).await.map_err(Refused)?;
    let newest = UnixTime::from_secs(i64::MAX);
    let events = sessions.events_until(subject, newest, 0, ALL).await.map_err(Refused)?;
    sessions.note(What::DataExported, Some(subject), Some(current));
    Ok(Reply::written(&Export {
        username: subject,
        display_name: profile.display_name.as_ref().map(DisplayName::as_str),
        language: profile.language.as_deref(),
        roles: account.as_ref().map(|account| account.roles.as_slice()),
        made: account.as_ref().map(|account| Moment::from(account.created_at)),
        email: address.as_ref().map(|known| ExportedAddress {
            address: known.address.as_str(),
            proved: known.proved_at.into(),
            language: &known.language,
        }),
        factors: factors.iter().map(ExportedFactor::from).collect(),
        recovery_codes_left: codes,
        trusted_browsers: browsers.iter().map(ExportedBrowser::from).collect(),
        sessions: Shown::list(live, current),
        events: events.iter().map(ShownEvent::for_owner).collect(),
    }))
}

/// The page in every state, with `text` wherever a text of somebody else's may stand.
pub(crate) fn samples(text: &str) -> Vec<Value> {
    let next = || Some(format!("{}?until=1&skip=2", paths::ACTIVITY));
    let events = || vec![ShownEvent::sample(text)];
    states::values(&[
        ActivityPage { events: Vec::new(), next: None, first: None },
        ActivityPage { events: events(), next: next(), first: None },
        ActivityPage { events: events(), next: next(), first: Some(paths::ACTIVITY) },
    ])
}

impl<'a> From<&'a Factor> for ExportedFactor<'a> {
    fn from(factor: &'a Factor) -> Self {
        let (made, last_used) = (factor.made_at.into(), factor.used_at.map(Moment::from));
        Self { kind: word_of(factor.kind), label: &factor.label, made, last_used }
    }
}

impl<'a> From<&'a TrustedBrowser> for ExportedBrowser<'a> {
    fn from(trusted: &'a TrustedBrowser) -> Self {
        Self { browser: &trusted.browser, since: trusted.made_at.into(), until: trusted.until.into() }
    }
}

/// The one number that was given, or this one where none was.
fn number<N: FromStr>(given: &[&str], otherwise: N) -> Option<N> {
    match given {
        [] => Some(otherwise),
        [one] => one.parse().ok(),
        _ => None,
    }
}

/// The address of what follows behind the last of these: those of its second that were shown are left out.
fn behind(last: &Event, events: &[Event], until: UnixTime, skipped: u32) -> String {
    let shown = events.iter().rev().take_while(|event| event.at == last.at).count();
    let before = if last.at == until { skipped } else { 0 };
    let skip = before.saturating_add(u32::try_from(shown).unwrap_or(u32::MAX));
    format!("{}?until={}&skip={skip}", paths::ACTIVITY, last.at.as_secs())
}

const PAGE: u32 = 50;
/// More than anybody's events; whoever fills the list with failures shall not keep its owner from the rest.
const ALL: u32 = 100_000;
