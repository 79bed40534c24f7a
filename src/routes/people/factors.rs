//! `/people/<name>/factors/reset`: takes a person's authenticator apps away, for somebody who has lost the phone and the
//! recovery codes as well.
//!
//! Whoever does it takes away what protects somebody else's account from a stolen password, so it asks for more than a
//! password of the administrator's own. The person reads of it on the dashboard, and all their sessions end.

use rocket::{Route, post, routes};
use serde_json::json;

use crate::auth::{AuthError, AuthLevel, EndReason, Refusal, What};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::rejection::Rejection;
use crate::routes::answer::reply::Reply;
use crate::routes::people::administrator::Desk;
use crate::routes::people::person::{FACTORS_RESET, Name, done, is_own, not_changed, own_account, refused};

/// The form on the person's page.
pub(crate) fn routes() -> Vec<Route> {
    routes![reset]
}

/// `POST /people/<name>/factors/reset`.
#[post("/people/<name>/factors/reset")]
pub(crate) async fn reset(desk: Desk<'_>, name: Option<Name>) -> Result<Reply, Refused> {
    let Some(Name(name)) = name else { return Ok(Reply::Missing) };
    if is_own(&desk, &name) {
        return refused(&desk, &name, own_account(), None).await;
    }
    if desk.administrator.level() < AuthLevel::Two {
        let refusal = Refusal::from(AuthError::SecondFactorRequired);
        return refused(&desk, &name, Rejection::told("own_factor_required", refusal), None).await;
    }
    let ended = match desk.acting().await?.reset_factors(&name, desk.warrant()).await {
        Ok(Some(ended)) => ended,
        Ok(None) => return Ok(Reply::Missing),
        Err(error) => return not_changed(&desk, &name, error, None).await,
    };
    desk.overseen().note(What::FactorsReset, name.as_str());
    desk.overseen().note_ended(name.as_str(), &ended, EndReason::Operator);
    Ok(done(&desk, &name, FACTORS_RESET, json!({ "ended": ended.len() })))
}
