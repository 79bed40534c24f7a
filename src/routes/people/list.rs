//! `/people`: everybody who may sign in, for administrators; and making an account for somebody.
//!
//! An administrator never sees or chooses a password: a new account gets a one-time code, which is shown once, in the
//! answer to the request that made it, and is exchanged at `/account/code`.

use rocket::http::{RawStr, Status};
use rocket::{get, post};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::{AuthError, Presence, UnixTime, What};
use crate::routes::answer::body::{self, Body, Fields};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::rejection::{NotDone, Rejection};
use crate::routes::answer::reply::Reply;
use crate::routes::mail::{rejected, sent};
use crate::routes::people::administrator::Desk;
use crate::routes::people::issued::show_code;
use crate::routes::signing::reauthenticate::PASSWORD_CONFIRMED;
use crate::routes::view::frame::Moment;
use crate::routes::view::paths::{self, saying};
use crate::routes::view::states;
use crate::routes::view::words::Words;
use crate::users::{Account, InvalidRoles, Invitation, OneTimeCode, Roles, Username};

/// A person as administrators see them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Person)]
pub(crate) struct ShownPerson {
    pub(crate) name: String,
    /// The address of the person's page.
    pub(crate) path: String,
    pub(crate) disabled: bool,
    roles: Vec<String>,
    made: Moment,
    /// How many live sessions there are.
    sessions: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    last_sign_in: Option<Moment>,
}

/// A part of everybody, by name.
#[derive(Serialize, ToSchema)]
pub(crate) struct PartOfPeople {
    people: Vec<ShownPerson>,
    /// The name behind which it goes on.
    #[schema(required)]
    next: Option<String>,
}

#[derive(Debug, Default, Serialize)]
struct PeoplePage<'a> {
    people: Vec<ShownPerson>,
    search: &'a str,
    /// Where the list goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// Where the list begins, when this is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<String>,
    /// What was typed, when nobody was added.
    username: &'a str,
    roles: &'a str,
    email: &'a str,
    /// Whether people are invited by mail, and whether there is mail at all.
    invites: bool,
    mail: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// A part of the list.
#[derive(Debug, Clone, Copy, Default)]
struct Part<'a> {
    search: &'a str,
    after: Option<&'a str>,
}

/// Whom to make an account for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPerson {
    username: String,
    #[serde(default)]
    roles: GivenRoles,
}

/// Whom to send a link by which they become somebody here; the name is theirs to choose where none is given.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Invited {
    email: String,
    username: Option<String>,
    #[serde(default)]
    roles: GivenRoles,
}

/// Roles as they were sent: a list in JSON, one line in a form.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum GivenRoles {
    /// `["staff", "editor"]`.
    List(Vec<String>),
    /// `staff, editor`.
    Line(String),
}

/// `GET /people?q=…&after=…`: those whose names contain `q`, by name, 25 at a time, beginning behind `after`.
#[get("/people?<q>&<after>&<notice>")]
pub(crate) async fn list(
    desk: Desk<'_>,
    q: Option<&str>,
    after: Option<&str>,
    notice: Option<&str>,
) -> Result<Reply, Refused> {
    let part = Part { search: q.unwrap_or_default().trim(), after };
    let (people, next) = shown(part, &desk).await?;
    if desk.form == Form::Data {
        return Ok(Reply::written(&PartOfPeople { people, next }));
    }
    let notice = notice.filter(|notice| [PASSWORD_CONFIRMED, INVITED].contains(notice));
    let page = PeoplePage {
        people,
        notice,
        invites: desk.accounts().takes_invitations(),
        mail: desk.accounts().post_office().is_some(),
        search: part.search,
        next: next.map(|name| part.address(Some(&name))),
        first: after.map(|_| part.address(None)),
        ..PeoplePage::default()
    };
    Ok(Reply::Page(Status::Ok, desk.frame.render("people.html", page)))
}

/// `POST /people`, as a form or as JSON `{"username", "roles"?}`: makes an account, and shows its code.
#[post("/people", data = "<body>")]
pub(crate) async fn add(desk: Desk<'_>, body: Body<NewPerson>) -> Result<Reply, Refused> {
    let Body(NewPerson { username, roles: given }) = body;
    let rejection = match make(&desk, &username, &given).await {
        Ok((name, code, until)) => return Ok(show_code(&desk, &name, &code, until, true)),
        Err(not_done) => not_done.rejection()?,
    };
    let (people, next) = shown(Part::default(), &desk).await?;
    Ok(rejection.answer(desk.form, |rejection| {
        let page = PeoplePage {
            people,
            next: next.map(|name| Part::default().address(Some(&name))),
            username: &username,
            roles: &given.line(),
            error: Some(rejection.key()),
            invites: desk.accounts().takes_invitations(),
            mail: desk.accounts().post_office().is_some(),
            ..PeoplePage::default()
        };
        desk.frame.render("people.html", page)
    }))
}

/// `POST /people/invite`, as a form or as JSON `{"email", "username"?, "roles"?}`: sends somebody a link.
#[post("/people/invite", data = "<body>")]
pub(crate) async fn invite(desk: Desk<'_>, words: Words<'_>, body: Body<Invited>) -> Result<Reply, Refused> {
    if !desk.accounts().takes_invitations() {
        return Ok(Reply::Missing);
    }
    let Body(Invited { email, username, roles: given }) = body;
    let username = username.filter(|typed| !typed.trim().is_empty());
    let asked = match given.parse() {
        Ok(roles) => {
            let acting = desk.acting().await?;
            let (name, granted) = (username.as_deref(), roles.as_slice().to_vec());
            let asked = acting.invite_by_mail(&email, name, roles, words.language, desk.warrant()).await;
            asked.map(|_| granted).map_err(rejected)
        }
        Err(error) => Err(Rejection::unfit("bad_roles", &error).into()),
    };
    let rejection = match asked {
        Ok(granted) => {
            desk.overseen().note_roles(What::Invited, username.as_deref().unwrap_or_default(), &granted);
            return Ok(match desk.form {
                Form::Page => Reply::SeeOther(saying(paths::PEOPLE, INVITED)),
                Form::Data => sent(),
            });
        }
        Err(not_done) => not_done.rejection()?,
    };
    let (people, next) = shown(Part::default(), &desk).await?;
    Ok(rejection.answer(desk.form, |rejection| {
        let page = PeoplePage {
            people,
            next: next.map(|name| Part::default().address(Some(&name))),
            username: username.as_deref().unwrap_or_default(),
            roles: &given.line(),
            email: &email,
            error: Some(rejection.key()),
            invites: true,
            mail: true,
            ..PeoplePage::default()
        };
        desk.frame.render("people.html", page)
    }))
}

/// The page of the list in every state, with `text` wherever a text of somebody else's may stand.
pub(crate) fn samples(text: &str) -> Vec<Value> {
    let address = || Some(format!("{}?after=x", paths::PEOPLE));
    let failed =
        |error| PeoplePage { username: text, roles: text, error: Some(error), ..PeoplePage::default() };
    states::values(&[
        PeoplePage {
            people: vec![ShownPerson::sample(text), ShownPerson::absent_sample()],
            next: address(),
            ..PeoplePage::default()
        },
        PeoplePage {
            search: text,
            first: address(),
            notice: Some(PASSWORD_CONFIRMED),
            ..PeoplePage::default()
        },
        failed("name_taken"),
        PeoplePage { invites: true, mail: true, ..PeoplePage::default() },
        PeoplePage { invites: true, mail: true, notice: Some(INVITED), ..PeoplePage::default() },
        PeoplePage { invites: true, mail: true, email: text, ..failed("address_taken") },
        PeoplePage { invites: true, mail: true, email: text, ..failed("bad_address") },
        failed("bad_roles"),
        failed("busy"),
        failed(text),
    ])
}

/// Makes an account of what was sent; returns its code and until when it can be exchanged.
async fn make(
    desk: &Desk<'_>,
    username: &str,
    roles: &GivenRoles,
) -> Result<(Username, OneTimeCode, UnixTime), NotDone> {
    let name = username.trim().parse::<Username>();
    let name = name.map_err(|error| Rejection::unfit("bad_username", &error))?;
    let roles = roles.parse().map_err(|error| Rejection::unfit("bad_roles", &error))?;
    let code = desk.random.code()?;
    let (granted, random) = (roles.as_slice().to_vec(), desk.random.bytes()?);
    let made = desk.acting().await?.invite(name.clone(), roles, &code, random, desk.warrant()).await;
    let taken = || Rejection::new(Status::Conflict, "name_taken", "There is an account of this name already");
    match made.map_err(|error| Rejection::of_change(error, taken()))? {
        Invitation::Made(until) => {
            desk.overseen().note_roles(What::AccountCreated, name.as_str(), &granted);
            desk.overseen().note(What::CodeIssued, name.as_str());
            Ok((name, code, until))
        }
        Invitation::Taken => Err(taken().into()),
    }
}

/// The store or the hasher failed; nobody is told that a person is not there.
pub(crate) fn out_of_reach(error: &(dyn std::error::Error + 'static)) -> Refused {
    tracing::error!(error, "an account cannot be looked after");
    Refused(AuthError::Unavailable)
}

/// A page of the list, and the name behind which it goes on.
async fn shown(part: Part<'_>, desk: &Desk<'_>) -> Result<(Vec<ShownPerson>, Option<String>), Refused> {
    let after = part.after.and_then(|name| name.parse::<Username>().ok());
    let mut found = desk
        .accounts()
        .list(part.search, after.as_ref(), PAGE + 1)
        .await
        .map_err(|error| out_of_reach(&error))?;
    let goes_on = found.len() > PAGE;
    found.truncate(PAGE);
    let next = found.last().filter(|_| goes_on).map(|last| last.name.to_string());
    let names: Vec<_> = found.iter().map(|account| account.name.as_str()).collect();
    let presence = desk.overseen().presence(&names).await.map_err(Refused)?;
    Ok((
        found.iter().zip(presence).map(|(account, presence)| ShownPerson::new(account, presence)).collect(),
        next,
    ))
}

impl ShownPerson {
    /// Somebody of this name who is signed in.
    pub(crate) fn sample(text: &str) -> Self {
        Self {
            name: text.to_owned(),
            path: paths::person(text),
            disabled: false,
            roles: vec![text.to_owned(), "user".to_owned()],
            made: Moment::sample(text),
            sessions: 2,
            last_sign_in: Some(Moment::sample(text)),
        }
    }

    /// Somebody who is kept out and was never there.
    pub(crate) fn absent_sample() -> Self {
        Self { disabled: true, roles: Vec::new(), sessions: 0, last_sign_in: None, ..Self::sample("nobody") }
    }

    pub(crate) fn new(account: &Account, presence: Presence) -> Self {
        Self {
            name: account.name.to_string(),
            path: paths::person(account.name.as_str()),
            disabled: account.disabled,
            roles: account.roles.clone(),
            made: account.created_at.into(),
            sessions: presence.live,
            last_sign_in: presence.last_sign_in.map(Moment::from),
        }
    }
}

impl Part<'_> {
    /// The address of the part behind this name, or of the first.
    fn address(&self, after: Option<&str>) -> String {
        let encoded = |name: &str, value: &str| format!("{name}={}", RawStr::new(value).percent_encode());
        let search = (!self.search.is_empty()).then(|| encoded("q", self.search));
        let query: Vec<_> = search.into_iter().chain(after.map(|name| encoded("after", name))).collect();
        if query.is_empty() {
            paths::PEOPLE.to_owned()
        } else {
            format!("{}?{}", paths::PEOPLE, query.join("&"))
        }
    }
}

impl GivenRoles {
    /// The roles, if that is what was sent.
    pub(crate) fn parse(&self) -> Result<Roles, InvalidRoles> {
        match self {
            Self::List(names) => Roles::parse(names.iter().map(String::as_str)),
            Self::Line(line) => Roles::parse_line(line),
        }
    }

    /// What was sent, as a form would send it.
    pub(crate) fn line(&self) -> String {
        match self {
            Self::List(names) => names.join(", "),
            Self::Line(line) => line.clone(),
        }
    }
}

impl Default for GivenRoles {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl body::FromFields for Invited {
    fn from_fields(fields: &mut Fields) -> Result<Self, body::Unreadable> {
        let roles = GivenRoles::Line(fields.optional("roles").unwrap_or_default());
        Ok(Self { email: fields.required("email")?, username: fields.optional("username"), roles })
    }
}

impl body::FromFields for NewPerson {
    fn from_fields(fields: &mut Fields) -> Result<Self, body::Unreadable> {
        let roles = GivenRoles::Line(fields.optional("roles").unwrap_or_default());
        Ok(Self { username: fields.required("username")?, roles })
    }
}

/// The notice after somebody was invited.
const INVITED: &str = "invited";
/// How many people stand on a page.
const PAGE: usize = 25;
