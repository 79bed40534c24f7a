//! Whether an account may be changed on somebody's word, asked inside the transaction that changes it.
//! A transaction that is not committed after a "no" leaves everything as it was.

use sqlx::SqliteConnection;

use super::Failure;
use crate::users::Warrant;

/// Whether the session in which the change was asked for goes on.
pub(super) async fn holds(write: &mut SqliteConnection, warrant: Warrant<'_>) -> Result<bool, Failure> {
    let Some(session) = warrant.session else { return Ok(true) };
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM sessions WHERE sid = $1 AND ended_at IS NULL)")
        .bind(session.as_slice())
        .fetch_one(write)
        .await?)
}

/// Whether somebody who may sign in has the role that somebody must have.
pub(super) async fn keeps_role(write: &mut SqliteConnection, warrant: Warrant<'_>) -> Result<bool, Failure> {
    let Some(role) = warrant.keeps else { return Ok(true) };
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM accounts, json_each(accounts.roles)
                        WHERE NOT accounts.disabled AND json_each.value = $1)",
    )
    .bind(role)
    .fetch_one(write)
    .await?)
}
