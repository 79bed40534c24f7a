//! `/link/<text>`: what a link in a message does.
//!
//! Looking at it shows one button and changes nothing: mail is opened by machines before people read it, some of which run
//! scripts, so nothing is sent by itself. Pressing the button does it, once.
//! Whoever has the link needs no session for it, and gets none by it.

use rocket::http::Status;
use rocket::{State, get, post};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::{AuthError, CsrfToken, EndReason, Sessions, What};
use crate::routes::answer::body::{self, Body, Fields};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::rejection::{NotDone, Rejection};
use crate::routes::answer::reply::Reply;
use crate::routes::mail::{over, rejected};
use crate::routes::signing::code::OwnForm;
use crate::routes::signing::form_proof::{FormProof, unproved};
use crate::routes::signing::login::PASSWORD_CHOSEN;
use crate::routes::view::frame::Frame;
use crate::routes::view::paths::{self, saying};
use crate::routes::view::states;
use crate::routes::view::words::Words;
use crate::users::{Accounts, Followed, LinkForm, LinkPurpose, OpenLink};

/// What a link asks for: a new password, a name, or nothing. A form asks for the password twice.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Following {
    username: Option<String>,
    new_password: Option<String>,
    #[serde(skip)]
    new_password_again: Option<String>,
}

/// What a link would do.
#[derive(Serialize, ToSchema)]
pub(crate) struct LookedAt<'a> {
    /// `prove`, `reset`, `undo`, `not_me`, `join` or `stay`.
    purpose: &'a str,
    /// None where one is to be chosen.
    #[schema(required)]
    username: Option<&'a str>,
    email: &'a str,
}

/// What a link did.
#[derive(Serialize, ToSchema)]
pub(crate) struct LinkFollowed<'a> {
    /// Its purpose.
    done: &'a str,
    /// How many sessions it ended.
    ended: usize,
}

#[derive(Debug, Serialize)]
struct LinkPage<'a> {
    link: &'a str,
    /// What it is for; `over` when it cannot be followed.
    purpose: &'a str,
    account: &'a str,
    address: &'a str,
    min_length: usize,
    /// Whether a password is chosen with it.
    asks_password: bool,
    /// Whether a name is, because there is none or somebody else has it; and what was typed.
    asks_username: bool,
    username: &'a str,
    /// Whether it was done just now.
    done: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

/// `GET /link/<text>`: what it would do.
#[get("/link/<text>")]
pub(crate) async fn look(
    text: &str,
    csrf: CsrfToken<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
    form: Form,
) -> Result<Reply, Refused> {
    if accounts.post_office().is_none() {
        return Ok(Reply::Missing);
    }
    let frame = frame.csrf(csrf.as_str());
    let Some(open) = open(text, accounts).await? else {
        return Ok(over().answer(form, |_| frame.render("link.html", LinkPage::over(accounts))));
    };
    if form == Form::Data {
        let OpenLink { purpose, account, address, .. } = &open;
        let (purpose, email) = (purpose.as_str(), address.as_str());
        let username = account.as_ref().map(|name| name.as_str());
        return Ok(Reply::written(&LookedAt { purpose, username, email }));
    }
    Ok(Reply::Page(Status::Ok, frame.render("link.html", LinkPage::of(text, &open, accounts))))
}

/// `POST /link/<text>`, as a form or as JSON `{"username", "new_password"}`, which only some links ask for.
#[expect(clippy::too_many_arguments, reason = "a handler's signature names everything it touches")]
#[post("/link/<text>", data = "<body>")]
pub(crate) async fn follow(
    text: &str,
    own: Result<OwnForm, AuthError>,
    csrf: FormProof<'_>,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
    words: Words<'_>,
    form: Form,
    body: Body<Following>,
) -> Result<Reply, Refused> {
    if accounts.post_office().is_none() {
        return Ok(Reply::Missing);
    }
    let typed = body.0.username.clone().filter(|typed| typed.len() <= MAX_KEPT_NAME).unwrap_or_default();
    let not_done = match own {
        Ok(_) => match act(text, body.0, words.language, &sessions, accounts).await {
            Ok((purpose, followed)) => return Ok(done(purpose, &followed, form, &frame, accounts)),
            Err(not_done) => not_done,
        },
        Err(error) => unproved(error),
    };
    let rejection = not_done.rejection()?;
    if let Some(what) = rejection.event() {
        sessions.note(what, None, None);
    }
    let open = open(text, accounts).await?;
    Ok(rejection.answer(form, |rejection| {
        let page =
            open.as_ref().map_or_else(|| LinkPage::over(accounts), |open| LinkPage::of(text, open, accounts));
        let (error, retry_after) =
            (Some(rejection.key()).filter(|_| open.is_some()), rejection.retry_after());
        let (username, asks_username) = (typed.as_str(), page.asks_username || !typed.is_empty());
        let page = LinkPage { error, retry_after, username, asks_username, ..page };
        frame.csrf(csrf.as_str()).render("link.html", page)
    }))
}

/// The page in every state, with `text` wherever a text of somebody else's may stand.
pub(crate) fn samples(text: &str) -> Vec<Value> {
    let page = |purpose| LinkPage {
        link: "x",
        purpose,
        account: text,
        address: text,
        min_length: 8,
        asks_password: purpose == "reset",
        asks_username: false,
        username: "",
        done: false,
        error: None,
        retry_after: None,
    };
    states::values(&[
        page("prove"),
        page("reset"),
        page("undo"),
        page("not_me"),
        page("join"),
        LinkPage { asks_password: true, asks_username: true, ..page("join") },
        LinkPage { asks_username: true, username: text, error: Some("name_taken"), ..page("join") },
        LinkPage { done: true, ..page("join") },
        page("stay"),
        LinkPage { done: true, ..page("stay") },
        page("over"),
        LinkPage { done: true, ..page("prove") },
        LinkPage { done: true, ..page("undo") },
        LinkPage { done: true, ..page("not_me") },
        LinkPage { error: Some("too_short"), ..page("reset") },
        LinkPage { error: Some("mismatch"), ..page("reset") },
        LinkPage { error: Some("form_expired"), ..page("prove") },
        LinkPage { error: Some(text), retry_after: Some(600), ..page("reset") },
    ])
}

impl<'a> LinkPage<'a> {
    fn of(link: &'a str, open: &'a OpenLink, accounts: &Accounts) -> Self {
        let account = open.account.as_ref().map_or("", |name| name.as_str());
        let (purpose, address) = (open.purpose.as_str(), open.address.as_str());
        let (asks_password, asks_username) = (open.asks_password, open.account.is_none());
        Self { link, purpose, account, address, asks_password, asks_username, ..Self::over(accounts) }
    }

    fn over(accounts: &Accounts) -> Self {
        let min_length = accounts.policy().min_length();
        Self {
            link: "",
            purpose: "over",
            account: "",
            address: "",
            min_length,
            asks_password: false,
            asks_username: false,
            username: "",
            done: false,
            error: None,
            retry_after: None,
        }
    }
}

async fn open(text: &str, accounts: &Accounts) -> Result<Option<OpenLink>, Refused> {
    accounts.open_link(text).await.map_err(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "no link can be followed");
        Refused(AuthError::Unavailable)
    })
}

/// Follows the link.
async fn act(
    text: &str,
    wanted: Following,
    language: &str,
    sessions: &Sessions<'_>,
    accounts: &Accounts,
) -> Result<(LinkPurpose, Followed), NotDone> {
    let Following { username, new_password, new_password_again } = wanted;
    if new_password_again.is_some() && new_password_again != new_password {
        return Err(Rejection::passwords_differ().into());
    }
    let followed = accounts.follow_link(text, LinkForm { username, new_password }, language).await;
    let (purpose, followed) = followed.map_err(rejected)?;
    let name = followed.account.as_str();
    let (what, reason) = match purpose {
        LinkPurpose::Reset => (What::PasswordChosen, EndReason::PasswordChanged),
        LinkPurpose::Undo => (What::AddressRestored, EndReason::EndedElsewhere),
        LinkPurpose::Disown => (What::Disowned, EndReason::EndedElsewhere),
        LinkPurpose::Join => (What::Joined, EndReason::EndedElsewhere),
        LinkPurpose::Stay => (What::DeletionUndone, EndReason::EndedElsewhere),
        _ => (What::AddressProved, EndReason::EndedElsewhere),
    };
    sessions.note(what, Some(name), None);
    sessions.note_ended(name, &followed.ended, reason);
    Ok((purpose, followed))
}

fn done(
    purpose: LinkPurpose,
    followed: &Followed,
    form: Form,
    frame: &Frame<'_>,
    accounts: &Accounts,
) -> Reply {
    match (form, purpose) {
        (Form::Data, _) => {
            Reply::written(&LinkFollowed { done: purpose.as_str(), ended: followed.ended.len() })
        }
        (Form::Page, LinkPurpose::Reset) => Reply::SeeOther(saying(paths::LOGIN, PASSWORD_CHOSEN)),
        (Form::Page, _) => {
            let account = followed.account.as_str();
            let page =
                LinkPage { purpose: purpose.as_str(), account, done: true, ..LinkPage::over(accounts) };
            Reply::Page(Status::Ok, frame.render("link.html", page))
        }
    }
}

impl body::FromFields for Following {
    fn from_fields(fields: &mut Fields) -> Result<Self, body::Unreadable> {
        let (new_password, new_password_again) =
            (fields.optional("new_password"), fields.optional("new_password_again"));
        let again = new_password.is_some().then(|| new_password_again.unwrap_or_default());
        Ok(Self { username: fields.optional("username"), new_password, new_password_again: again })
    }
}

/// A longer name is nobody's and not worth showing again.
const MAX_KEPT_NAME: usize = 64;
