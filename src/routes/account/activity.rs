//! `/account/activity`: everything that happened to somebody's account, and everything that is kept of them.

use rocket::http::Status;
use rocket::{State, get};
use serde::Serialize;
use serde_json::{Value, json};

use crate::auth::{AuthError, CsrfToken, Event, FreshToken, Sessions, SignedIn, UnixTime, What};
use crate::routes::account::dashboard::ShownEvent;
use crate::routes::account::sessions::Shown;
use crate::routes::account::subject::{own_name, unreadable};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::reply::Reply;
use crate::routes::view::frame::{Frame, Moment};
use crate::routes::view::paths;
use crate::routes::view::states;
use crate::users::{Accounts, DisplayName, FactorKind};

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

/// `GET /account/activity?until=…&skip=…`: what happened, newest first, fifty at a time: until that second, without the newest
/// so many.
#[get("/account/activity?<until>&<skip>")]
pub(crate) async fn activity(
    visitor: SignedIn<'_>,
    until: Option<i64>,
    skip: Option<u32>,
    csrf: CsrfToken<'_>,
    sessions: Sessions<'_>,
    frame: Frame<'_>,
    form: Form,
) -> Result<Reply, Refused> {
    let from = UnixTime::from_secs(until.unwrap_or(i64::MAX));
    let skipped = skip.unwrap_or(0);
    let mut events =
        sessions.events_until(visitor.subject(), from, skipped, PAGE + 1).await.map_err(Refused)?;
    let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let goes_on = events.len() > page;
    events.truncate(page);
    let next = events.last().filter(|_| goes_on).map(|last| behind(last, &events, from, skipped));
    let shown: Vec<_> = events.iter().map(ShownEvent::for_owner).collect();
    if form == Form::Data {
        return Ok(Reply::Json(Status::Ok, json!({ "events": shown, "next": next })));
    }
    let first = until.map(|_| paths::ACTIVITY);
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
    let factors = factors.iter().map(|factor| {
        let kind = match factor.kind {
            FactorKind::App => "totp",
            FactorKind::Passkey => "passkey",
        };
        let used = factor.used_at.map(Moment::from);
        json!({ "kind": kind, "label": factor.label, "made": Moment::from(factor.made_at), "last_used": used })
    });
    let browsers = browsers.iter().map(|trusted| {
        let (since, until) = (Moment::from(trusted.made_at), Moment::from(trusted.until));
        json!({ "browser": trusted.browser, "since": since, "until": until })
    });
    let email = address.map(|known| {
        let (address, proved) = (known.address.as_str().to_owned(), Moment::from(known.proved_at));
        json!({ "address": address, "proved": proved, "language": known.language })
    });
    let body = json!({
        "username": subject,
        "display_name": profile.display_name.as_ref().map(DisplayName::as_str),
        "language": profile.language,
        "roles": account.as_ref().map(|account| account.roles.clone()),
        "made": account.as_ref().map(|account| Moment::from(account.created_at)),
        "email": email,
        "factors": factors.collect::<Vec<_>>(),
        "recovery_codes_left": codes,
        "trusted_browsers": browsers.collect::<Vec<_>>(),
        "sessions": Shown::list(live, current),
        "events": events.iter().map(ShownEvent::for_owner).collect::<Vec<_>>(),
    });
    Ok(Reply::Json(Status::Ok, body))
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
