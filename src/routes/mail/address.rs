//! `/account/email`: to which address messages about the account are sent.
//!
//! What is typed is nobody's address before its reader has followed a link; until then the one before stays.

use rocket::http::Status;
use rocket::{State, get, post};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::{AuthError, CsrfToken, FreshToken};
use crate::routes::answer::body::{self, Body, Fields};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::rejection::NotDone;
use crate::routes::answer::reply::Reply;
use crate::routes::answer::told::OwnAddress;
use crate::routes::mail::{rejected, sent};
use crate::routes::view::frame::Frame;
use crate::routes::view::paths::{self, saying};
use crate::routes::view::states;
use crate::routes::view::words::Words;
use crate::users::{Accounts, Username};

/// The address that somebody wants to have.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAddress {
    email: String,
}

#[derive(Debug, Serialize)]
struct AddressPage<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    typed: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// `GET /account/email`: the address, and the form for another.
#[get("/account/email?<notice>")]
pub(crate) async fn form(
    person: FreshToken<'_>,
    notice: Option<&str>,
    csrf: CsrfToken<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
    form: Form,
) -> Result<Reply, Refused> {
    if accounts.post_office().is_none() {
        return Ok(Reply::Missing);
    }
    let address = known(&person, accounts).await?;
    if form == Form::Data {
        return Ok(Reply::written(&OwnAddress { email: address }));
    }
    let notice = notice.filter(|notice| *notice == LINK_SENT);
    let page = AddressPage { address: address.as_deref(), typed: "", notice, error: None };
    Ok(Reply::Page(Status::Ok, frame.person(&person).csrf(csrf.as_str()).render("address.html", page)))
}

/// `POST /account/email`, as a form or as JSON `{"email"}`.
#[post("/account/email", data = "<body>")]
pub(crate) async fn submit(
    person: FreshToken<'_>,
    csrf: CsrfToken<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
    words: Words<'_>,
    form: Form,
    body: Body<NewAddress>,
) -> Result<Reply, Refused> {
    if accounts.post_office().is_none() {
        return Ok(Reply::Missing);
    }
    let Body(NewAddress { email }) = body;
    let name = own_name(&person)?;
    let asked = accounts.ask_for_address(&name, &email, words.language).await;
    let rejection = match asked.map_err(rejected) {
        Ok(()) if form == Form::Data => return Ok(sent()),
        Ok(()) => return Ok(Reply::SeeOther(saying(paths::EMAIL, LINK_SENT))),
        Err(not_done) => not_done.rejection()?,
    };
    let address = known(&person, accounts).await?;
    Ok(rejection.answer(form, |rejection| {
        let (address, error) = (address.as_deref(), Some(rejection.key()));
        let page = AddressPage { address, typed: &email, notice: None, error };
        frame.person(&person).csrf(csrf.as_str()).render("address.html", page)
    }))
}

/// The page in every state, with `text` wherever a text of somebody else's may stand.
pub(crate) fn samples(text: &str) -> Vec<Value> {
    let page = |address, typed, notice, error| AddressPage { address, typed, notice, error };
    states::values(&[
        page(None, "", None, None),
        page(Some(text), "", None, None),
        page(Some(text), "", Some(LINK_SENT), None),
        page(None, "", Some(text), None),
        page(None, text, None, Some("bad_address")),
        page(None, text, None, Some(text)),
    ])
}

fn own_name(person: &FreshToken<'_>) -> Result<Username, Refused> {
    person.subject().parse().map_err(|_| Refused(AuthError::UnknownUser))
}

async fn known(person: &FreshToken<'_>, accounts: &Accounts) -> Result<Option<String>, Refused> {
    let known = accounts.address_of(&own_name(person)?).await;
    let known = known.map_err(|error| match NotDone::out_of_reach(&error, "no address can be read") {
        NotDone::Refused(refused) => refused,
        NotDone::Rejected(_) => Refused(AuthError::Unavailable),
    })?;
    Ok(known.map(|known| known.address.as_str().to_owned()))
}

impl body::FromFields for NewAddress {
    fn from_fields(fields: &mut Fields) -> Result<Self, body::Unreadable> {
        Ok(Self { email: fields.required("email")? })
    }
}

const LINK_SENT: &str = "link_sent";
