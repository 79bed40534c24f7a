//! `/sessions`: where am I signed in, and ending that.
//!
//! The ids shown here name sessions and open nothing.
//! Ending another session asks for a fresh password: whoever stole this one must not lock its owner out.

use rocket::http::Status;
use rocket::{State, get, post};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::{AuthError, CsrfToken, FreshToken, Session, SessionId, Sessions, SignedIn};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::reply::Reply;
use crate::routes::answer::told::SessionsEnded;
use crate::routes::signing::reauthenticate::PASSWORD_CONFIRMED;
use crate::routes::view::frame::{Frame, Moment};
use crate::routes::view::paths::{self, saying};
use crate::routes::view::states;
use crate::routes::view::user_agent::UserAgent;
use crate::users::Accounts;

/// A session as its owner sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct Shown<'a> {
    id: String,
    began: Moment,
    last_seen: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    browser: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    system: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    address: Option<String>,
    current: bool,
}

/// Where somebody is signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnSessions<'a> {
    /// The one that asks first, then the last used first.
    sessions: Vec<Shown<'a>>,
}

#[derive(Debug, Serialize)]
struct SessionsPage<'a> {
    sessions: Vec<Shown<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'a str>,
}

impl<'a> Shown<'a> {
    /// A person's live sessions, the current one first, then the last used first.
    pub(crate) async fn all(sessions: &Sessions<'_>, visitor: &SignedIn<'_>) -> Result<Vec<Self>, AuthError> {
        Ok(Self::list(sessions.live(visitor.subject()).await?, visitor.session_id()))
    }

    /// These sessions, the one that is looking first.
    pub(crate) fn list(mut sessions: Vec<Session>, current: SessionId) -> Vec<Self> {
        sessions.sort_by_key(|session| session.id != current);
        sessions.iter().map(|session| Self::new(session, current)).collect()
    }

    fn new(session: &Session, current: SessionId) -> Self {
        let UserAgent { browser, system } = UserAgent::read(&session.user_agent);
        Self {
            id: session.id.to_string(),
            began: session.created_at.into(),
            last_seen: session.last_seen.into(),
            browser,
            system,
            address: session.address.map(|address| address.to_string()),
            current: session.id == current,
        }
    }

    /// A session about which everything is known.
    pub(crate) fn sample(text: &'a str) -> Self {
        Self {
            id: "00112233445566778899aabbccddeeff".to_owned(),
            began: Moment::sample(text),
            last_seen: Moment::sample(text),
            browser: Some(text),
            system: Some(text),
            address: Some(text.to_owned()),
            current: false,
        }
    }

    /// The session that is looking, about which nothing else is known.
    pub(crate) fn current_sample() -> Self {
        Self { browser: None, system: None, address: None, current: true, ..Self::sample("") }
    }
}

/// The page in every state, with `text` wherever a text of somebody else's may stand.
pub(crate) fn samples(text: &str) -> Vec<Value> {
    let page = |sessions, notice| SessionsPage { sessions, notice };
    let nameless = Shown { browser: Some(text), system: None, ..Shown::sample(text) };
    states::values(&[
        page(vec![Shown::current_sample()], None),
        page(vec![Shown::current_sample(), Shown::sample(text), nameless], Some("session_ended")),
        page(vec![Shown::current_sample()], Some(text)),
    ])
}

/// `GET /sessions`: the live sessions of whoever asks.
#[get("/sessions?<notice>")]
pub(crate) async fn list(
    visitor: SignedIn<'_>,
    notice: Option<&str>,
    csrf: CsrfToken<'_>,
    sessions: Sessions<'_>,
    frame: Frame<'_>,
    form: Form,
) -> Result<Reply, Refused> {
    let shown = Shown::all(&sessions, &visitor).await.map_err(Refused)?;
    if form == Form::Data {
        return Ok(Reply::written(&OwnSessions { sessions: shown }));
    }
    let page = SessionsPage { sessions: shown, notice: notice.and_then(told) };
    Ok(Reply::Page(Status::Ok, frame.person(&visitor).csrf(csrf.as_str()).render("sessions.html", page)))
}

/// The words for a notice; none for what no page here leads to.
fn told(notice: &str) -> Option<&str> {
    match notice {
        PASSWORD_CONFIRMED => Some("confirmed_choose_again"),
        ENDED_ONE | ENDED_OTHERS | NOTHING_TO_END => Some(notice),
        _ => None,
    }
}

/// `POST /sessions/<id>/end`: ends one of them.
/// Of one that is over, unknown or somebody else's a page says that there is nothing to end, and a program gets 404.
#[post("/sessions/<id>/end")]
pub(crate) async fn end(
    person: FreshToken<'_>,
    id: &str,
    sessions: Sessions<'_>,
    form: Form,
) -> Result<Reply, Refused> {
    let Ok(id) = id.parse::<SessionId>() else { return Ok(Reply::Missing) };
    let ended = sessions.end(person.subject(), id).await.map_err(Refused)?;
    Ok(match (ended, form) {
        (true, Form::Page) => Reply::SeeOther(saying(paths::SESSIONS, ENDED_ONE)),
        (true, Form::Data) => Reply::written(&SessionsEnded { ended: 1 }),
        (false, Form::Page) => Reply::SeeOther(saying(paths::SESSIONS, NOTHING_TO_END)),
        (false, Form::Data) => Reply::Missing,
    })
}

/// `POST /sessions/end-others`: ends all of them but this one, and the trust in every browser.
#[post("/sessions/end-others")]
pub(crate) async fn end_others(
    person: FreshToken<'_>,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    form: Form,
) -> Result<Reply, Refused> {
    let ended = sessions.end_others(person.subject(), person.session_id()).await.map_err(Refused)?;
    // Whoever is somewhere else shall not come back with a password alone.
    if let Ok(name) = person.subject().parse() {
        accounts.distrust_browsers(&name).await.map_err(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "trusted browsers cannot be forgotten");
            Refused(AuthError::Unavailable)
        })?;
    }
    Ok(match form {
        Form::Page => Reply::SeeOther(saying(paths::SESSIONS, ENDED_OTHERS)),
        Form::Data => Reply::written(&SessionsEnded { ended }),
    })
}

const ENDED_ONE: &str = "session_ended";
const ENDED_OTHERS: &str = "others_ended";
const NOTHING_TO_END: &str = "nothing_to_end";
