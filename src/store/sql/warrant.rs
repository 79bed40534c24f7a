//! Whether an account may be changed on somebody's word, asked inside the transaction that changes it.
//! A transaction that is not committed after a "no" leaves everything as it was.

use super::accounts::anywhere;
use super::sessions::roles_of;
use super::{Connection, Failure, query_scalar};
use crate::users::Warrant;

/// Whether the session in which the change was asked for goes on.
pub(super) async fn holds(write: &mut Connection, warrant: Warrant<'_>) -> Result<bool, Failure> {
    let Some(session) = warrant.session else { return Ok(true) };
    Ok(query_scalar("SELECT EXISTS (SELECT 1 FROM sessions WHERE sid = $1 AND ended_at IS NULL)")
        .bind(session.as_slice())
        .fetch_one(write)
        .await?)
}

/// Whether somebody who may sign in has the role that somebody must have.
pub(super) async fn keeps_role(write: &mut Connection, warrant: Warrant<'_>) -> Result<bool, Failure> {
    let Some(role) = warrant.keeps else { return Ok(true) };
    // A pattern finds the candidates, whatever JSON the database can read; the list itself decides.
    let candidates: Vec<String> =
        query_scalar("SELECT roles FROM accounts WHERE NOT disabled AND roles LIKE $1 ESCAPE '!'")
            .bind(anywhere(role))
            .fetch_all(write)
            .await?;
    for roles in candidates {
        if roles_of(&roles)?.iter().any(|one| one == role) {
            return Ok(true);
        }
    }
    Ok(false)
}
