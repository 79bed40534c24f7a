//! `/dashboard`: the protected page; who is signed in, since when and for how long, where else, and what happened.

use rocket::http::Status;
use rocket::{State, get};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::{AuthError, CsrfToken, EndReason, Event, Proved, Session, Sessions, SignedIn, What};
use crate::routes::account::sessions::Shown;
use crate::routes::account::subject::unreadable;
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::reply::Reply;
use crate::routes::signing::login::PASSWORD_LEAKED;
use crate::routes::signing::reauthenticate::PASSWORD_CONFIRMED;
use crate::routes::view::frame::{Frame, Moment};
use crate::routes::view::paths::{self, saying};
use crate::routes::view::states;
use crate::routes::view::words::{Catalogues, LANGUAGE_COOKIE};
use crate::users::{Accounts, DisplayName, Profile};

#[derive(Debug, Serialize)]
struct Dashboard<'a> {
    /// How the person wants to be called.
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
    session: Current,
    sessions: Vec<Shown<'a>>,
    events: Vec<ShownEvent<'a>>,
    /// How many sign-ins failed since the person's last visit.
    #[serde(skip_serializing_if = "Option::is_none")]
    failures: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'a str>,
}

/// The session that is looking.
#[derive(Debug, Serialize)]
struct Current {
    began: Moment,
    password_entered: Moment,
    expires: Moment,
    access_expires: Moment,
}

/// Something that happened, as pages tell it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct ShownEvent<'a> {
    when: Moment,
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<String>,
    /// The administrator who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    by: Option<String>,
    /// The roles that the account has from then on, in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    roles: Option<String>,
}

/// `GET /dashboard`.
#[expect(clippy::too_many_arguments, reason = "a handler's signature names everything it touches")]
#[get("/dashboard?<notice>")]
pub(crate) async fn dashboard(
    visitor: SignedIn<'_>,
    notice: Option<&str>,
    csrf: CsrfToken<'_>,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    catalogues: &State<Catalogues>,
    frame: Frame<'_>,
    form: Form,
) -> Result<Reply, Refused> {
    let found = sessions.find(visitor.session_id()).await.map_err(Refused)?;
    let Some(session) = found else {
        // The row is gone, as from a restored store, while the token is good: the sign-in page would lead back here.
        sessions.sign_out().await.map_err(Refused)?;
        return match form {
            Form::Page => Ok(Reply::SeeOther(saying(paths::LOGIN, "session_ended"))),
            Form::Data => Err(Refused(AuthError::Revoked)),
        };
    };
    // In a browser that is trusted the session is not fresh, and the password was entered all the same.
    let is_trusted = session.proved == Proved::TrustedPassword;
    let entered = if is_trusted { session.created_at } else { session.auth_time };
    let events = sessions.events(visitor.subject(), MAX_EVENTS).await.map_err(Refused)?;
    let failures = failures_before(&events, &session);
    let profile = match visitor.subject().parse() {
        Ok(name) => accounts.profile_of(&name).await.map_err(|error| unreadable(&error))?,
        Err(_) => Profile::default(),
    };
    // In a browser that does not know it yet; from the next page on it asks for it itself.
    let chosen = profile.language.as_deref().and_then(|language| catalogues.of(language));
    let chosen = chosen.filter(|words| words.language != frame.language());
    if let Some(words) = chosen {
        sessions.keep(LANGUAGE_COOKIE, Some(words.language));
    }
    let frame = frame.speaking(chosen);
    let own = Dashboard {
        display_name: profile.display_name.as_ref().map(DisplayName::as_str),
        session: Current {
            began: session.created_at.into(),
            password_entered: entered.into(),
            expires: session.state.deadline().into(),
            access_expires: visitor.expires_at().into(),
        },
        sessions: Shown::all(&sessions, &visitor).await.map_err(Refused)?,
        events: newest(&events, SHOWN_EVENTS).map(ShownEvent::for_owner).collect(),
        failures: (failures > 0).then_some(failures),
        notice: notice
            .filter(|notice| ["password_changed", PASSWORD_CONFIRMED, PASSWORD_LEAKED].contains(notice)),
    };
    Ok(Reply::Page(Status::Ok, frame.person(&visitor).csrf(csrf.as_str()).render("dashboard.html", own)))
}

/// The page in every state, with `text` wherever a text of somebody else's may stand.
pub(crate) fn samples(text: &str) -> Vec<Value> {
    let moment = || Moment::sample(text);
    let page = |sessions, events, failures, notice| Dashboard {
        display_name: None,
        session: Current {
            began: moment(),
            password_entered: moment(),
            expires: moment(),
            access_expires: moment(),
        },
        sessions,
        events,
        failures,
        notice,
    };
    let signed_in = ShownEvent { when: moment(), key: "signed_in", detail: None, by: None, roles: None };
    let events = vec![signed_in, ShownEvent::sample(text)];
    states::values(&[
        page(vec![Shown::current_sample()], Vec::new(), None, None),
        page(vec![Shown::current_sample(), Shown::sample(text)], events, Some(1), Some(text)),
        page(Vec::new(), Vec::new(), Some(7), Some("password_changed")),
        Dashboard { display_name: Some(text), ..page(Vec::new(), Vec::new(), None, None) },
    ])
}

impl<'a> ShownEvent<'a> {
    /// One in which every text is this one.
    pub(crate) fn sample(text: &'a str) -> Self {
        let own = || Some(text.to_owned());
        Self { when: Moment::sample(text), key: text, detail: own(), by: own(), roles: own() }
    }

    /// For the person whose account it is; where an administrator was is not told.
    pub(crate) fn for_owner(event: &Event) -> Self {
        let told = Self::for_administrator(event);
        if told.by.is_some() { Self { detail: None, by: None, ..told } } else { told }
    }

    /// For an administrator: all of it.
    pub(crate) fn for_administrator(event: &Event) -> Self {
        let key = match event.what {
            What::SignInThrottled => "throttled",
            What::Reauthenticated => "password_confirmed",
            What::ReauthenticationFailed => "password_refused",
            What::SessionEnded(EndReason::PasswordChanged) => "ended_password_changed",
            What::SessionEnded(EndReason::AccountDisabled) => "ended_account_disabled",
            What::SessionEnded(EndReason::RolesChanged) => "ended_roles_changed",
            What::SessionEnded(reason) => reason.as_str(),
            other => other.as_str(),
        };
        let detail = event.address.map(|address| address.to_string());
        let roles = event.roles.as_ref().map(|roles| roles.join(", ")).filter(|line| !line.is_empty());
        Self { when: event.at.into(), key, detail, by: event.by.clone(), roles }
    }
}

/// The newest events that are of interest. What a stranger can cause at will fills at most half of the room, so that it
/// cannot push out what was done to the account.
pub(crate) fn newest(events: &[Event], room: usize) -> impl Iterator<Item = &Event> {
    let mut at_will = 0;
    let is_shown = move |event: &&Event| {
        at_will += usize::from(event.what.is_at_will());
        !event.what.is_at_will() || at_will <= room / 2
    };
    events.iter().filter(|event| is_of_interest(event)).filter(is_shown).take(room)
}

/// A replay is the machine's business, not the person's, and a reuse is told by the end of its session.
fn is_of_interest(event: &Event) -> bool {
    !matches!(event.what, What::Replayed | What::Reused | What::NeverIssued | What::SignedInAfterFailures)
}

/// How many sign-ins failed between the sign-in before this session's and this session's own.
/// `events` are the newest first; when this session's own sign-in is not among them, its beginning stands for it.
fn failures_before(events: &[Event], current: &Session) -> usize {
    let is_sign_in = |event: &Event| event.what == What::SignedIn;
    let own = events.iter().position(|event| is_sign_in(event) && event.session == Some(current.id));
    let start = own.map_or_else(
        || events.iter().take_while(|event| event.at > current.created_at).count(),
        |own| own.saturating_add(1),
    );
    events
        .iter()
        .skip(start)
        .take_while(|event| !is_sign_in(event))
        .filter(|event| matches!(event.what, What::SignInFailed | What::SignInThrottled))
        .count()
}

/// How far back the page looks.
pub(crate) const MAX_EVENTS: u32 = 500;
const SHOWN_EVENTS: usize = 8;
