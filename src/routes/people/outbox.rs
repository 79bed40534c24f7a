//! `/mail`: messages that are waiting to be sent, and those that nobody could send, for administrators.

use rocket::http::Status;
use rocket::{get, post};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::reply::Reply;
use crate::routes::answer::told::Yes;
use crate::routes::people::administrator::Desk;
use crate::routes::people::list::out_of_reach;
use crate::routes::signing::reauthenticate::PASSWORD_CONFIRMED;
use crate::routes::view::frame::Moment;
use crate::routes::view::paths::{self, saying};
use crate::routes::view::states;
use crate::users::{Letter, MessageId, QueuedMessage};

/// A message as administrators see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Message)]
struct ShownMessage {
    id: String,
    letter: &'static str,
    to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    account: Option<String>,
    written: Moment,
    attempts: u32,
    /// When it is tried next; nobody tries it any more where this is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<String>,
}

/// Messages that wait, the oldest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct Outgoing {
    messages: Vec<ShownMessage>,
}

/// A message was tried again, or dropped.
#[derive(Serialize, ToSchema)]
pub(crate) struct MessageDone {
    done: Yes,
}

#[derive(Debug, Serialize)]
struct OutboxPage<'a> {
    messages: Vec<ShownMessage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'a str>,
}

/// `GET /mail`: the oldest first.
#[get("/mail?<notice>")]
pub(crate) async fn list(desk: Desk<'_>, notice: Option<&str>) -> Result<Reply, Refused> {
    let Some(office) = desk.accounts().post_office() else { return Ok(Reply::Missing) };
    let queued = office.store().queued(SHOWN).await.map_err(|error| out_of_reach(&error))?;
    let messages: Vec<_> =
        queued.iter().filter(|queued| queued.message.letter != Letter::Nothing).map(shown).collect();
    if desk.form == Form::Data {
        return Ok(Reply::written(&Outgoing { messages }));
    }
    let notice = notice.filter(|notice| NOTICES.contains(notice));
    let page = OutboxPage { messages, notice };
    Ok(Reply::Page(Status::Ok, desk.frame.render("outbox.html", page)))
}

/// `POST /mail/<id>/retry`: it is due now, dead or not.
#[post("/mail/<id>/retry")]
pub(crate) async fn retry(desk: Desk<'_>, id: &str) -> Result<Reply, Refused> {
    let (Some(office), Some(id)) = (desk.accounts().post_office(), MessageId::from_text(id)) else {
        return Ok(Reply::Missing);
    };
    desk.acting().await?;
    let now = desk.overseen().now();
    let is_there = office.retry(id, now).await.map_err(|error| out_of_reach(&error))?;
    Ok(done(&desk, is_there, DUE))
}

/// `POST /mail/<id>/drop`: nobody gets it.
#[post("/mail/<id>/drop")]
pub(crate) async fn drop(desk: Desk<'_>, id: &str) -> Result<Reply, Refused> {
    let (Some(office), Some(id)) = (desk.accounts().post_office(), MessageId::from_text(id)) else {
        return Ok(Reply::Missing);
    };
    desk.acting().await?;
    let was_there = office.store().forget_message(id).await.map_err(|error| out_of_reach(&error))?;
    Ok(done(&desk, was_there, DROPPED))
}

/// The page in every state, with `text` wherever a text of somebody else's may stand.
pub(crate) fn samples(text: &str) -> Vec<Value> {
    let message = |next, error| ShownMessage {
        id: "00112233445566778899aabbccddeeff".to_owned(),
        letter: "invitation",
        to: text.to_owned(),
        account: Some(text.to_owned()),
        written: Moment::sample(text),
        attempts: 3,
        next,
        error,
    };
    let next = || Some(Moment::sample(text));
    let page = |messages, notice| OutboxPage { messages, notice };
    states::values(&[
        page(Vec::new(), None),
        page(vec![message(next(), None), message(None, Some(text.to_owned()))], Some(DUE)),
        page(Vec::new(), Some(DROPPED)),
        page(Vec::new(), Some(GONE)),
        page(vec![ShownMessage { attempts: 0, account: None, ..message(next(), None) }], Some(text)),
    ])
}

fn shown(queued: &QueuedMessage) -> ShownMessage {
    let QueuedMessage { message, attempts, not_before, is_dead, last_error } = queued;
    ShownMessage {
        id: message.id.to_string(),
        letter: message.letter.as_str(),
        to: message.to.as_str().to_owned(),
        account: message.account.as_ref().map(ToString::to_string),
        written: message.made_at.into(),
        attempts: *attempts,
        next: (!is_dead).then(|| (*not_before).into()),
        error: last_error.clone(),
    }
}

fn done(desk: &Desk<'_>, is_there: bool, notice: &str) -> Reply {
    match (desk.form, is_there) {
        (Form::Page, true) => Reply::SeeOther(saying(paths::MAIL, notice)),
        (Form::Page, false) => Reply::SeeOther(saying(paths::MAIL, GONE)),
        (Form::Data, true) => Reply::written(&MessageDone { done: Yes }),
        (Form::Data, false) => Reply::Missing,
    }
}

const DUE: &str = "message_due";
const DROPPED: &str = "message_dropped";
const GONE: &str = "message_gone";
const NOTICES: [&str; 4] = [DUE, DROPPED, GONE, PASSWORD_CONFIRMED];
/// More than anybody looks through; the command line shows all.
const SHOWN: u32 = 200;
