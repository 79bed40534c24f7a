//! `/people/<name>/delete`: sending somebody away. Until the account is gone, enabling it takes it back.

use rocket::{Route, post, routes};
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::{EndReason, What};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::reply::Reply;
use crate::routes::answer::told::Yes;
use crate::routes::people::administrator::Desk;
use crate::routes::people::person::{LEAVES, Name, done, is_own, not_changed, own_account, refused};
use crate::routes::view::frame::Moment;

/// Somebody's account is about to go.
#[derive(Serialize, ToSchema)]
pub(crate) struct PersonLeaves {
    deleted: Yes,
    /// When it is gone.
    leaves_at: Moment,
    /// How many sessions that ended.
    ended: usize,
}

/// The form on the person's page.
pub(crate) fn routes() -> Vec<Route> {
    routes![delete]
}

/// `POST /people/<name>/delete`.
#[post("/people/<name>/delete")]
pub(crate) async fn delete(desk: Desk<'_>, name: Option<Name>) -> Result<Reply, Refused> {
    let Some(Name(name)) = name else { return Ok(Reply::Missing) };
    if is_own(&desk, &name) {
        return refused(&desk, &name, own_account(), None).await;
    }
    let departure = match desk.acting().await?.leave(&name, desk.warrant()).await {
        Ok(Some(departure)) => departure,
        Ok(None) => return Ok(Reply::Missing),
        Err(error) => return not_changed(&desk, &name, error, None).await,
    };
    desk.overseen().note(What::DeletionAsked, name.as_str());
    desk.overseen().note_ended(name.as_str(), &departure.ended, EndReason::AccountDisabled);
    let (leaves_at, ended) = (departure.leaves_at.into(), departure.ended.len());
    Ok(done(&desk, &name, LEAVES, &PersonLeaves { deleted: Yes, leaves_at, ended }))
}
