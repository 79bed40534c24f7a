//! `/people/<name>`: one person, for administrators; a one-time code, roles, sessions, keeping out and letting in.
//!
//! Every change ends what was begun before it in the same transaction, and is an event with the administrator's name.
//! Nobody can shut themselves out: disabling the own account and giving up the own role is somebody else's business.

use rocket::http::Status;
use rocket::request::FromParam;
use rocket::{get, post};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::auth::{EndReason, Refusal, Role, SessionId, What};
use crate::routes::administrator::{Admin, Desk};
use crate::routes::body::{self, Body, Fields};
use crate::routes::dashboard::{ShownEvent, is_of_interest};
use crate::routes::errors::Refused;
use crate::routes::negotiate::Form;
use crate::routes::page::Moment;
use crate::routes::people::{self, GivenRoles, Unfit, address_of, out_of_reach, show_code, unfit};
use crate::routes::reauthenticate::PASSWORD_CONFIRMED;
use crate::routes::reply::Reply;
use crate::routes::samples;
use crate::routes::sessions::Shown;
use crate::users::{InvalidUsername, Username};

/// A person's name in an address; what can be nobody's name is not found.
#[derive(Debug, Clone)]
pub(crate) struct Name(Username);

#[derive(Debug, Serialize)]
struct PersonPage<'a> {
    person: people::Shown,
    /// What the person may do, as the form takes it.
    roles: String,
    sessions: Vec<Shown<'a>>,
    events: Vec<ShownEvent<'a>>,
    /// Until when a code of this person can be exchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    code_until: Option<Moment>,
    /// Whether the administrator looks at the own account.
    is_self: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// The roles that a person is to have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRoles {
    roles: GivenRoles,
}

/// `GET /people/<name>`.
#[get("/people/<name>?<notice>")]
pub(crate) async fn person(
    desk: Desk<'_>,
    name: Option<Name>,
    notice: Option<&str>,
) -> Result<Reply, Refused> {
    let notice = notice.filter(|notice| NOTICES.contains(notice));
    let Some(Name(name)) = name else { return Ok(Reply::Missing) };
    match found(&desk, &name).await? {
        Some(page) if desk.form == Form::Data => Ok(Reply::Json(Status::Ok, page.as_data())),
        Some(page) => {
            let page = PersonPage { notice, ..page };
            Ok(Reply::Page(Status::Ok, desk.frame.render("person.html", page)))
        }
        None => Ok(Reply::Missing),
    }
}

/// `POST /people/<name>/code`: a one-time code, in place of any before.
#[post("/people/<name>/code")]
pub(crate) async fn code(desk: Desk<'_>, name: Option<Name>) -> Result<Reply, Refused> {
    let Some(Name(name)) = name else { return Ok(Reply::Missing) };
    let code = desk.dice.code()?;
    let until = desk.accounts.issue_code(&name, &code).await.map_err(|error| out_of_reach(&error))?;
    let Some(until) = until else {
        let refusal = Refusal::new(Status::Conflict, "The account is disabled", "account_disabled");
        return refused(&desk, &name, ("account_disabled", refusal)).await;
    };
    desk.overseen().note(What::CodeIssued, name.as_str());
    Ok(show_code(&desk, &name, &code, until, false))
}

/// `POST /people/<name>/disable`: keeps the person out.
#[post("/people/<name>/disable")]
pub(crate) async fn disable(desk: Desk<'_>, name: Option<Name>) -> Result<Reply, Refused> {
    let Some(Name(name)) = name else { return Ok(Reply::Missing) };
    if is_own(&desk, &name) {
        return refused(&desk, &name, own_account()).await;
    }
    let ended = desk.accounts.disable(&name).await.map_err(|error| out_of_reach(&error))?;
    let Some(ended) = ended else { return Ok(Reply::Missing) };
    desk.overseen().note(What::AccountDisabled, name.as_str());
    desk.overseen().note_ended(name.as_str(), &ended, EndReason::AccountDisabled);
    Ok(done(&desk, &name, DISABLED, json!({ "disabled": true, "ended": ended.len() })))
}

/// `POST /people/<name>/enable`: lets the person in again.
#[post("/people/<name>/enable")]
pub(crate) async fn enable(desk: Desk<'_>, name: Option<Name>) -> Result<Reply, Refused> {
    let Some(Name(name)) = name else { return Ok(Reply::Missing) };
    if !desk.accounts.enable(&name).await.map_err(|error| out_of_reach(&error))? {
        return Ok(Reply::Missing);
    }
    desk.overseen().note(What::AccountEnabled, name.as_str());
    Ok(done(&desk, &name, ENABLED, json!({ "disabled": false })))
}

/// `POST /people/<name>/roles`, as a form or as JSON `{"roles"}`: exactly these from now on.
#[post("/people/<name>/roles", data = "<body>")]
pub(crate) async fn roles(
    desk: Desk<'_>,
    name: Option<Name>,
    body: Body<NewRoles>,
) -> Result<Reply, Refused> {
    let Some(Name(name)) = name else { return Ok(Reply::Missing) };
    let Body(NewRoles { roles }) = body;
    let roles = match roles.parse() {
        Ok(roles) => roles,
        Err(error) => return refused(&desk, &name, unfit("bad_roles", &error)).await,
    };
    if is_own(&desk, &name) && !roles.contains(Admin::NAME) {
        return refused(&desk, &name, own_account()).await;
    }
    let ended = desk.accounts.set_roles(&name, roles.as_slice()).await;
    let Some(ended) = ended.map_err(|error| out_of_reach(&error))? else { return Ok(Reply::Missing) };
    desk.overseen().note(What::RolesChanged, name.as_str());
    desk.overseen().note_ended(name.as_str(), &ended, EndReason::RolesChanged);
    Ok(done(&desk, &name, ROLES_CHANGED, json!({ "roles": roles.as_slice(), "ended": ended.len() })))
}

/// `POST /people/<name>/sessions/<id>/end`: ends one of the person's sessions.
#[post("/people/<name>/sessions/<id>/end")]
pub(crate) async fn end(desk: Desk<'_>, name: Option<Name>, id: &str) -> Result<Reply, Refused> {
    let (Some(Name(name)), Ok(id)) = (name, id.parse::<SessionId>()) else { return Ok(Reply::Missing) };
    let ended = desk.overseen().end(name.as_str(), id).await.map_err(Refused)?;
    if !ended && desk.form == Form::Data {
        return Ok(Reply::Missing);
    }
    Ok(done(&desk, &name, if ended { ENDED_ONE } else { NOTHING_TO_END }, json!({ "ended": 1 })))
}

/// `POST /people/<name>/sessions/end`: ends all of them.
#[post("/people/<name>/sessions/end")]
pub(crate) async fn end_all(desk: Desk<'_>, name: Option<Name>) -> Result<Reply, Refused> {
    let Some(Name(name)) = name else { return Ok(Reply::Missing) };
    let ended = desk.overseen().end_all(name.as_str()).await.map_err(Refused)?;
    Ok(done(&desk, &name, ENDED_ALL, json!({ "ended": ended })))
}

impl PersonPage<'_> {
    /// The same for programs.
    fn as_data(&self) -> Value {
        let Self { person, sessions, events, code_until, .. } = self;
        json!({ "person": person, "sessions": sessions, "events": events, "code_until": code_until })
    }
}

/// The page in every state, with `text` wherever a text of somebody else's may stand.
pub(crate) fn samples(text: &str) -> Vec<Value> {
    let page = |person, notice, error| PersonPage {
        person,
        roles: text.to_owned(),
        sessions: Vec::new(),
        events: Vec::new(),
        code_until: None,
        is_self: false,
        notice,
        error,
    };
    let present = || people::Shown::sample(text);
    samples::values(&[
        PersonPage {
            sessions: vec![Shown::current_sample(), Shown::sample(text)],
            events: vec![ShownEvent::sample(text)],
            code_until: Some(Moment::sample(text)),
            ..page(present(), Some(ENABLED), None)
        },
        PersonPage { is_self: true, ..page(present(), Some(text), None) },
        page(people::Shown::absent_sample(), Some(DISABLED), None),
        page(present(), None, Some("bad_roles")),
        page(present(), None, Some("own_account")),
        page(present(), None, Some(text)),
    ])
}

/// The person's page, if there is such a person.
async fn found<'a>(desk: &Desk<'_>, name: &Username) -> Result<Option<PersonPage<'a>>, Refused> {
    let account = desk.accounts.find(name).await.map_err(|error| out_of_reach(&error))?;
    let Some(account) = account else { return Ok(None) };
    let presence = desk.overseen().presence(&[name.as_str()]).await.map_err(Refused)?;
    let events = desk.sessions.events(name.as_str(), MAX_EVENTS).await.map_err(Refused)?;
    let code_until = desk.accounts.open_code(name).await.map_err(|error| out_of_reach(&error))?;
    Ok(Some(PersonPage {
        roles: account.roles.join(", "),
        person: people::Shown::new(&account, presence.first().copied().unwrap_or_default()),
        sessions: Shown::of(&desk.sessions, name.as_str(), desk.administrator.session_id())
            .await
            .map_err(Refused)?,
        events: events
            .iter()
            .filter(|event| is_of_interest(event))
            .take(SHOWN_EVENTS)
            .map(ShownEvent::for_administrator)
            .collect(),
        code_until: code_until.map(Moment::from),
        is_self: is_own(desk, name),
        notice: None,
        error: None,
    }))
}

/// Says on the person's page, or in JSON, why nothing was done.
async fn refused(desk: &Desk<'_>, name: &Username, (key, refusal): Unfit) -> Result<Reply, Refused> {
    let Some(page) = found(desk, name).await? else { return Ok(Reply::Missing) };
    if desk.form == Form::Data {
        return Ok(Reply::Refused(refusal));
    }
    let page = PersonPage { error: Some(key), ..page };
    Ok(Reply::refused(&refusal, desk.frame.render("person.html", page)))
}

/// Back to the person's page, which says what was done; or JSON that does.
fn done(desk: &Desk<'_>, name: &Username, notice: &str, data: Value) -> Reply {
    match desk.form {
        Form::Page => Reply::SeeOther(format!("{}?notice={notice}", address_of(name.as_str()))),
        Form::Data => Reply::Json(Status::Ok, data),
    }
}

fn is_own(desk: &Desk<'_>, name: &Username) -> bool {
    desk.administrator.subject() == name.as_str()
}

fn own_account() -> Unfit {
    let message = "Another administrator has to do this to your account";
    ("own_account", Refusal::new(Status::Conflict, message, "own_account"))
}

impl<'r> FromParam<'r> for Name {
    type Error = InvalidUsername;

    fn from_param(param: &'r str) -> Result<Self, InvalidUsername> {
        param.parse().map(Self)
    }
}

impl body::Form for NewRoles {
    fn from_fields(fields: &mut Fields) -> Result<Self, body::Refused> {
        Ok(Self { roles: GivenRoles::Line(fields.required("roles")?) })
    }
}

const DISABLED: &str = "disabled";
const ENABLED: &str = "enabled";
const ROLES_CHANGED: &str = "roles_changed";
const ENDED_ONE: &str = "session_ended";
const ENDED_ALL: &str = "all_ended";
const NOTHING_TO_END: &str = "nothing_to_end";
const NOTICES: [&str; 7] =
    [DISABLED, ENABLED, ROLES_CHANGED, ENDED_ONE, ENDED_ALL, NOTHING_TO_END, PASSWORD_CONFIRMED];
/// How far back the page looks.
const MAX_EVENTS: u32 = 100;
const SHOWN_EVENTS: usize = 20;
