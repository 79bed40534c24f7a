//! `/account/delete`: leaving.
//!
//! Whoever leaves is signed out everywhere at once; the account itself goes after a while, and until then a link in a
//! message takes it back.

use rocket::http::Status;
use rocket::{State, get, post};
use serde::Serialize;
use serde_json::Value;

use crate::auth::{AuthError, CsrfToken, EndReason, FreshToken, Role, Sessions, What};
use crate::routes::account::subject::{own_name, unreadable};
use crate::routes::admin::Admin;
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::rejection::Rejection;
use crate::routes::answer::reply::Reply;
use crate::routes::answer::told::{AccountLeaves, Yes};
use crate::routes::signing::login::ACCOUNT_DELETED;
use crate::routes::signing::reauthenticate::PASSWORD_CONFIRMED;
use crate::routes::view::frame::Frame;
use crate::routes::view::paths::{self, saying};
use crate::routes::view::states;
use crate::users::{Accounts, Warrant};

#[derive(Debug, Serialize)]
struct LeavePage<'a> {
    /// For how many days it can be taken back.
    days: u64,
    /// Where the link goes by which it is, if anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// `GET /account/delete`: what it means, and one button.
#[get("/account/delete?<notice>")]
pub(crate) async fn form(
    person: FreshToken<'_>,
    notice: Option<&str>,
    csrf: CsrfToken<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
) -> Result<Reply, Refused> {
    let notice = notice.filter(|notice| *notice == PASSWORD_CONFIRMED);
    let address = address_of(&person, accounts).await?;
    let page = LeavePage { days: days(accounts), address: address.as_deref(), notice, error: None };
    Ok(Reply::Page(Status::Ok, frame.person(&person).csrf(csrf.as_str()).render("leave.html", page)))
}

/// `POST /account/delete`.
#[post("/account/delete")]
pub(crate) async fn leave(
    person: FreshToken<'_>,
    csrf: CsrfToken<'_>,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
    form: Form,
) -> Result<Reply, Refused> {
    let name = own_name(person.subject())?;
    // Somebody has to be left who looks after accounts.
    let keeps = person.has_role(Admin::NAME).then_some(Admin::NAME);
    let warrant = Warrant { by: Some(&name), session: Some(*person.session_id().as_bytes()), keeps };
    let rejection = match accounts.leave(&name, warrant).await {
        Ok(Some(departure)) => {
            sessions.note(What::DeletionAsked, Some(name.as_str()), Some(person.session_id()));
            sessions.note_ended(name.as_str(), &departure.ended, EndReason::AccountDisabled);
            // The session has ended; its cookies go, too.
            sessions.sign_out().await.map_err(Refused)?;
            return Ok(match form {
                Form::Page => Reply::SeeOther(saying(paths::LOGIN, ACCOUNT_DELETED)),
                Form::Data => {
                    let leaves_at = departure.leaves_at.into();
                    Reply::written(&AccountLeaves { deleted: Yes, leaves_at })
                }
            });
        }
        Ok(None) => return Ok(Reply::Missing),
        Err(error) => {
            let gone = Rejection::told("form_expired", AuthError::UnknownUser.into());
            Rejection::of_change(error, gone).rejection()?
        }
    };
    let address = address_of(&person, accounts).await?;
    Ok(rejection.answer(form, |rejection| {
        let error = Some(rejection.key());
        let page = LeavePage { days: days(accounts), address: address.as_deref(), notice: None, error };
        frame.person(&person).csrf(csrf.as_str()).render("leave.html", page)
    }))
}

/// The page in every state, with `text` wherever a text of somebody else's may stand.
pub(crate) fn samples(text: &str) -> Vec<Value> {
    let page = |days, address, notice, error| LeavePage { days, address, notice, error };
    states::values(&[
        page(7, Some(text), None, None),
        page(1, None, Some(PASSWORD_CONFIRMED), None),
        page(0, None, None, Some("last_administrator")),
        page(7, None, Some(text), Some(text)),
    ])
}

fn days(accounts: &Accounts) -> u64 {
    accounts.deletion_grace().map_or(0, |grace| grace.as_secs().div_ceil(24 * 3600))
}

async fn address_of(person: &FreshToken<'_>, accounts: &Accounts) -> Result<Option<String>, Refused> {
    let known =
        accounts.address_of(&own_name(person.subject())?).await.map_err(|error| unreadable(&error))?;
    Ok(known.map(|known| known.address.as_str().to_owned()))
}
