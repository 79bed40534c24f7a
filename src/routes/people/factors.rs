//! `/people/<name>/factors`: asking for a second factor, and taking away what somebody has lost along with the recovery
//! codes.
//!
//! Whoever does it takes away what protects somebody else's account from a stolen password, so it asks for more than a
//! password of the administrator's own. The person reads of it on the dashboard, and all their sessions end.

use rocket::{Route, post, routes};
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::{AuthError, AuthLevel, EndReason, Refusal, What};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::rejection::Rejection;
use crate::routes::answer::reply::Reply;
use crate::routes::answer::told::SessionsEnded;
use crate::routes::people::administrator::Desk;
use crate::routes::people::person::{
    FACTOR_NOT_REQUIRED, FACTOR_REQUIRED, FACTORS_RESET, Name, done, is_own, not_changed, own_account,
    refused,
};

/// Whether somebody needs a factor, whatever the roles.
#[derive(Serialize, ToSchema)]
pub(crate) struct FactorDemand {
    factor_required: bool,
}

/// The form on the person's page.
pub(crate) fn routes() -> Vec<Route> {
    routes![reset, require, release]
}

/// `POST /people/<name>/factors/require`: from the next sign-in on the person needs a factor, whatever the roles.
#[post("/people/<name>/factors/require")]
pub(crate) async fn require(desk: Desk<'_>, name: Option<Name>) -> Result<Reply, Refused> {
    ask(&desk, name, true).await
}

/// `POST /people/<name>/factors/release`: no longer.
#[post("/people/<name>/factors/release")]
pub(crate) async fn release(desk: Desk<'_>, name: Option<Name>) -> Result<Reply, Refused> {
    ask(&desk, name, false).await
}

async fn ask(desk: &Desk<'_>, name: Option<Name>, is_required: bool) -> Result<Reply, Refused> {
    let Some(Name(name)) = name else { return Ok(Reply::Missing) };
    // Asking for more is nobody's harm; asking for less is.
    if !is_required && desk.administrator.level() < AuthLevel::Two {
        return refused(desk, &name, without_factor(), None).await;
    }
    match desk.acting().await?.require_factor(&name, is_required, desk.warrant()).await {
        Ok(Some(_)) => {}
        Ok(None) => return Ok(Reply::Missing),
        Err(error) => return not_changed(desk, &name, error, None).await,
    }
    let (what, notice) = match is_required {
        true => (What::FactorRequired, FACTOR_REQUIRED),
        false => (What::FactorNotRequired, FACTOR_NOT_REQUIRED),
    };
    desk.overseen().note(what, name.as_str());
    Ok(done(desk, &name, notice, &FactorDemand { factor_required: is_required }))
}

fn without_factor() -> Rejection {
    Rejection::told("own_factor_required", Refusal::from(AuthError::SecondFactorRequired))
}

/// `POST /people/<name>/factors/reset`.
#[post("/people/<name>/factors/reset")]
pub(crate) async fn reset(desk: Desk<'_>, name: Option<Name>) -> Result<Reply, Refused> {
    let Some(Name(name)) = name else { return Ok(Reply::Missing) };
    if is_own(&desk, &name) {
        return refused(&desk, &name, own_account(), None).await;
    }
    if desk.administrator.level() < AuthLevel::Two {
        return refused(&desk, &name, without_factor(), None).await;
    }
    let ended = match desk.acting().await?.reset_factors(&name, desk.warrant()).await {
        Ok(Some(ended)) => ended,
        Ok(None) => return Ok(Reply::Missing),
        Err(error) => return not_changed(&desk, &name, error, None).await,
    };
    desk.overseen().note(What::FactorsReset, name.as_str());
    desk.overseen().note_ended(name.as_str(), &ended, EndReason::Operator);
    Ok(done(&desk, &name, FACTORS_RESET, &SessionsEnded { ended: ended.len() }))
}
