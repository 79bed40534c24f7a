//! `/people/<name>`: one person, for administrators; a one-time code, roles, sessions, keeping out and letting in.
//!
//! Every change ends what was begun before it in the same transaction, and is an event with the administrator's name.
//! Nobody can shut themselves out: disabling the own account and giving up the own role is somebody else's business.

mod samples;
mod told;

use rocket::http::Status;
use rocket::request::FromParam;
use rocket::{Route, get, post, routes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::{EndReason, Role, SessionId, What};
use crate::routes::account::dashboard::{MAX_EVENTS, ShownEvent, newest};
use crate::routes::account::sessions::Shown;
use crate::routes::admin::Admin;
use crate::routes::answer::body::{self, Body, Fields};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::rejection::Rejection;
use crate::routes::answer::reply::Reply;
use crate::routes::answer::told::{JsonAnswer, No, SessionsEnded, Yes};
use crate::routes::people::administrator::Desk;
use crate::routes::people::issued::show_code;
use crate::routes::people::list::{self, GivenRoles, out_of_reach};
use crate::routes::signing::reauthenticate::PASSWORD_CONFIRMED;
use crate::routes::view::frame::Moment;
use crate::routes::view::paths::{self, saying};
use crate::users::{ChangeError, DisplayName, InvalidUsername, Username};

pub(crate) use samples::samples;
pub(crate) use told::{CodeTakenBack, FailuresForgiven, GrantedRoles, KeptOut, LetIn, ToldPerson};

/// A person's name in an address; what can be nobody's name is not found.
#[derive(Debug, Clone)]
pub(crate) struct Name(pub(super) Username);

#[derive(Debug, Serialize)]
struct PersonPage<'a> {
    person: list::ShownPerson,
    /// What the person may do, as the form takes it.
    roles: String,
    sessions: Vec<Shown<'a>>,
    events: Vec<ShownEvent<'a>>,
    /// Until when a code of this person can be exchanged, or could: it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    code_until: Option<Moment>,
    /// Whether it still can be.
    code_open: bool,
    /// How many attempts to sign in failed in a row, from devices that are not known.
    failures: u32,
    /// How many apps and passkeys the person has; and whether one is required, whatever the roles.
    factors: usize,
    factor_required: bool,
    /// When the next of them is looked at, if it has to wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt: Option<Moment>,
    /// How the person wants to be called, the address for messages, and when the account is deleted.
    display_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leaves_at: Option<Moment>,
    /// Whether the administrator looks at the own account.
    is_self: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// The roles that a person is to have.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRoles {
    roles: GivenRoles,
}

/// The page and its forms.
pub(crate) fn routes() -> Vec<Route> {
    routes![person, code, withdraw, forget_failures, disable, enable, roles, end, end_all]
}

/// `GET /people/<name>`.
#[get("/people/<name>?<notice>")]
pub(crate) async fn person(
    desk: Desk<'_>,
    name: Option<Name>,
    notice: Option<&str>,
) -> Result<Reply, Refused> {
    let Some(Name(name)) = name else { return Ok(Reply::Missing) };
    match found(&desk, &name).await? {
        Some(page) if desk.form == Form::Data => Ok(Reply::written(&page.told())),
        Some(page) => {
            let notice = notice.filter(|notice| page.bears_out(notice));
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
    if is_own(&desk, &name) {
        // It would replace the password without asking for it.
        return refused(&desk, &name, own_account(), None).await;
    }
    let code = desk.random.code()?;
    let until = match desk.acting().await?.issue_code(&name, &code, desk.warrant()).await {
        Ok(Some(until)) => until,
        Ok(None) => return refused(&desk, &name, disabled_account(), None).await,
        Err(error) => return not_changed(&desk, &name, error, None).await,
    };
    desk.overseen().note(What::CodeIssued, name.as_str());
    Ok(show_code(&desk, &name, &code, until, false))
}

/// `POST /people/<name>/code/withdraw`: the code that was issued last is worth nothing any more.
#[post("/people/<name>/code/withdraw")]
pub(crate) async fn withdraw(desk: Desk<'_>, name: Option<Name>) -> Result<Reply, Refused> {
    let Some(Name(name)) = name else { return Ok(Reply::Missing) };
    let was_there = desk.acting().await?.withdraw_code(&name).await.map_err(|error| out_of_reach(&error))?;
    if !was_there {
        return Ok(Reply::Missing);
    }
    desk.overseen().note(What::CodeWithdrawn, name.as_str());
    Ok(done(&desk, &name, CODE_WITHDRAWN, &CodeTakenBack { withdrawn: Yes }))
}

/// `POST /people/<name>/failures/forget`: the next attempt to sign in need not wait.
#[post("/people/<name>/failures/forget")]
pub(crate) async fn forget_failures(desk: Desk<'_>, name: Option<Name>) -> Result<Reply, Refused> {
    let Some(Name(name)) = name else { return Ok(Reply::Missing) };
    let accounts = desk.acting().await?;
    if accounts.find(&name).await.map_err(|error| out_of_reach(&error))?.is_none() {
        return Ok(Reply::Missing);
    }
    accounts.forget_failures(&name).await.map_err(|error| out_of_reach(&error))?;
    desk.overseen().note(What::FailuresForgotten, name.as_str());
    Ok(done(&desk, &name, FAILURES_FORGOTTEN, &FailuresForgiven { failures: 0 }))
}

/// `POST /people/<name>/disable`: keeps the person out.
#[post("/people/<name>/disable")]
pub(crate) async fn disable(desk: Desk<'_>, name: Option<Name>) -> Result<Reply, Refused> {
    let Some(Name(name)) = name else { return Ok(Reply::Missing) };
    if is_own(&desk, &name) {
        return refused(&desk, &name, own_account(), None).await;
    }
    let accounts = desk.acting().await?;
    let Some(before) = accounts.find(&name).await.map_err(|error| out_of_reach(&error))? else {
        return Ok(Reply::Missing);
    };
    let ended = match accounts.disable(&name, desk.warrant()).await {
        Ok(ended) => ended.unwrap_or_default(),
        Err(error) => return not_changed(&desk, &name, error, None).await,
    };
    if !before.disabled {
        desk.overseen().note(What::AccountDisabled, name.as_str());
    }
    desk.overseen().note_ended(name.as_str(), &ended, EndReason::AccountDisabled);
    Ok(done(&desk, &name, DISABLED, &KeptOut { disabled: Yes, ended: ended.len() }))
}

/// `POST /people/<name>/enable`: lets the person in again.
#[post("/people/<name>/enable")]
pub(crate) async fn enable(desk: Desk<'_>, name: Option<Name>) -> Result<Reply, Refused> {
    let Some(Name(name)) = name else { return Ok(Reply::Missing) };
    let accounts = desk.acting().await?;
    let Some(before) = accounts.find(&name).await.map_err(|error| out_of_reach(&error))? else {
        return Ok(Reply::Missing);
    };
    if let Err(error) = accounts.enable(&name, desk.warrant()).await {
        return not_changed(&desk, &name, error, None).await;
    }
    if before.disabled {
        desk.overseen().note(What::AccountEnabled, name.as_str());
    }
    Ok(done(&desk, &name, ENABLED, &LetIn { disabled: No }))
}

/// `POST /people/<name>/roles`, as a form or as JSON `{"roles"}`: exactly these from now on.
#[post("/people/<name>/roles", data = "<body>")]
pub(crate) async fn roles(
    desk: Desk<'_>,
    name: Option<Name>,
    body: Body<NewRoles>,
) -> Result<Reply, Refused> {
    let (Some(Name(name)), Body(NewRoles { roles })) = (name, body) else { return Ok(Reply::Missing) };
    let typed = roles.line();
    let roles = match roles.parse() {
        Ok(roles) => roles,
        Err(error) => return refused(&desk, &name, Rejection::unfit("bad_roles", &error), Some(typed)).await,
    };
    if is_own(&desk, &name) && !roles.contains(Admin::NAME) {
        return refused(&desk, &name, own_account(), Some(typed)).await;
    }
    let ended = match desk.acting().await?.set_roles(&name, &roles, desk.warrant()).await {
        Ok(Some(ended)) => ended,
        Ok(None) => return Ok(Reply::Missing),
        Err(error) => return not_changed(&desk, &name, error, Some(typed)).await,
    };
    desk.overseen().note_roles(What::RolesChanged, name.as_str(), roles.as_slice());
    desk.overseen().note_ended(name.as_str(), &ended, EndReason::RolesChanged);
    Ok(done(&desk, &name, ROLES_CHANGED, &GrantedRoles { roles: roles.as_slice(), ended: ended.len() }))
}

/// `POST /people/<name>/sessions/<id>/end`: ends one of the person's sessions.
#[post("/people/<name>/sessions/<id>/end")]
pub(crate) async fn end(desk: Desk<'_>, name: Option<Name>, id: &str) -> Result<Reply, Refused> {
    let (Some(Name(name)), Ok(id)) = (name, id.parse::<SessionId>()) else { return Ok(Reply::Missing) };
    desk.acting().await?;
    let ended = desk.overseen().end(name.as_str(), id).await.map_err(Refused)?;
    if !ended && desk.form == Form::Data {
        return Ok(Reply::Missing);
    }
    Ok(done(&desk, &name, if ended { ENDED_ONE } else { NOTHING_TO_END }, &SessionsEnded { ended: 1 }))
}

/// `POST /people/<name>/sessions/end`: ends all of them.
#[post("/people/<name>/sessions/end")]
pub(crate) async fn end_all(desk: Desk<'_>, name: Option<Name>) -> Result<Reply, Refused> {
    let Some(Name(name)) = name else { return Ok(Reply::Missing) };
    let accounts = desk.acting().await?;
    if accounts.find(&name).await.map_err(|error| out_of_reach(&error))?.is_none() {
        return Ok(Reply::Missing);
    }
    accounts.distrust_browsers(&name).await.map_err(|error| out_of_reach(&error))?;
    let ended = desk.overseen().end_all(name.as_str()).await.map_err(Refused)?;
    Ok(done(&desk, &name, ENDED_ALL, &SessionsEnded { ended }))
}

impl PersonPage<'_> {
    /// Whether this can have happened: a link that anybody may send must not claim what is not so.
    fn bears_out(&self, notice: &str) -> bool {
        match notice {
            DISABLED => self.person.disabled,
            LEAVES => self.leaves_at.is_some(),
            ENABLED => !self.person.disabled,
            ENDED_ALL => self.sessions.is_empty(),
            FAILURES_FORGOTTEN => self.failures == 0,
            CODE_WITHDRAWN => self.code_until.is_none(),
            FACTORS_RESET => self.factors == 0,
            FACTOR_REQUIRED => self.factor_required,
            FACTOR_NOT_REQUIRED => !self.factor_required,
            _ => NOTICES.contains(&notice),
        }
    }
}

/// The person's page, if there is such a person.
async fn found<'a>(desk: &Desk<'_>, name: &Username) -> Result<Option<PersonPage<'a>>, Refused> {
    let account = desk.accounts().find(name).await.map_err(|error| out_of_reach(&error))?;
    let Some(account) = account else { return Ok(None) };
    let presence = desk.overseen().presence(&[name.as_str()]).await.map_err(Refused)?;
    let events = desk.overseen().events(name.as_str(), MAX_EVENTS).await.map_err(Refused)?;
    let live = desk.overseen().live(name.as_str()).await.map_err(Refused)?;
    let code = desk.accounts().code_of(name).await.map_err(|error| out_of_reach(&error))?;
    let failures = desk.accounts().failures(name).await.map_err(|error| out_of_reach(&error))?;
    let (factors, _) = desk.accounts().factors(name).await.map_err(|error| out_of_reach(&error))?;
    let profile = desk.accounts().profile_of(name).await.map_err(|error| out_of_reach(&error))?;
    let known = desk.accounts().address_of(name).await.map_err(|error| out_of_reach(&error))?;
    let leaves_at = desk.accounts().leaves_at(name).await.map_err(|error| out_of_reach(&error))?;
    let now = desk.overseen().now();
    Ok(Some(PersonPage {
        display_name: profile.display_name.as_ref().map_or("", DisplayName::as_str).to_owned(),
        address: known.map(|known| known.address.as_str().to_owned()),
        leaves_at: leaves_at.map(Moment::from),
        roles: account.roles.join(", "),
        person: list::ShownPerson::new(&account, presence.first().copied().unwrap_or_default()),
        sessions: Shown::list(live, desk.administrator.session_id()),
        events: newest(&events, SHOWN_EVENTS).map(ShownEvent::for_administrator).collect(),
        code_open: code.as_ref().is_some_and(|code| code.is_open(now)),
        code_until: code.map(|code| code.expires_at.into()),
        failures: failures.in_a_row,
        factors: factors.len(),
        factor_required: desk.accounts().requires_factor(name).await.map_err(|error| out_of_reach(&error))?,
        next_attempt: failures.wait(now).map(|wait| (now + wait).into()),
        is_self: is_own(desk, name),
        notice: None,
        error: None,
    }))
}

/// Says on the person's page, or in JSON, why nothing was done; the roles that were `typed` stay in the form.
pub(super) async fn refused(
    desk: &Desk<'_>,
    name: &Username,
    rejection: Rejection,
    typed: Option<String>,
) -> Result<Reply, Refused> {
    let Some(mut page) = found(desk, name).await? else { return Ok(Reply::Missing) };
    page.roles = typed.unwrap_or(page.roles);
    Ok(rejection.answer(desk.form, |rejection| {
        page.error = Some(rejection.key());
        desk.frame.render("person.html", page)
    }))
}

/// The same for a change that was not made.
pub(super) async fn not_changed(
    desk: &Desk<'_>,
    name: &Username,
    error: ChangeError,
    typed: Option<String>,
) -> Result<Reply, Refused> {
    let rejection = Rejection::of_change(error, disabled_account()).rejection()?;
    refused(desk, name, rejection, typed).await
}

/// Back to the person's page, which says what was done; or JSON that does.
pub(super) fn done(desk: &Desk<'_>, name: &Username, notice: &str, data: &impl JsonAnswer) -> Reply {
    match desk.form {
        Form::Page => Reply::SeeOther(saying(&paths::person(name.as_str()), notice)),
        Form::Data => Reply::written(data),
    }
}

pub(super) fn is_own(desk: &Desk<'_>, name: &Username) -> bool {
    desk.administrator.subject() == name.as_str()
}

pub(super) fn own_account() -> Rejection {
    let message = "Another administrator has to do this to your account";
    Rejection::new(Status::Conflict, "own_account", message)
}

fn disabled_account() -> Rejection {
    Rejection::new(Status::Conflict, "account_disabled", "The account is disabled")
}

impl<'r> FromParam<'r> for Name {
    type Error = InvalidUsername;

    fn from_param(param: &'r str) -> Result<Self, InvalidUsername> {
        param.parse().map(Self)
    }
}

impl body::FromFields for NewRoles {
    fn from_fields(fields: &mut Fields) -> Result<Self, body::Unreadable> {
        Ok(Self { roles: GivenRoles::Line(fields.required("roles")?) })
    }
}

const DISABLED: &str = "disabled";
pub(super) const LEAVES: &str = "leaves";
const ENABLED: &str = "enabled";
const ROLES_CHANGED: &str = "roles_changed";
const FAILURES_FORGOTTEN: &str = "failures_forgotten";
const CODE_WITHDRAWN: &str = "code_withdrawn";
/// All apps of the person were taken away.
pub(super) const FACTORS_RESET: &str = "factors_reset";
pub(super) const FACTOR_REQUIRED: &str = "factor_required";
pub(super) const FACTOR_NOT_REQUIRED: &str = "factor_not_required";
const ENDED_ONE: &str = "session_ended";
const ENDED_ALL: &str = "all_ended";
const NOTHING_TO_END: &str = "nothing_to_end";
const NOTICES: [&str; 4] = [ROLES_CHANGED, ENDED_ONE, NOTHING_TO_END, PASSWORD_CONFIRMED];
const SHOWN_EVENTS: usize = 20;
