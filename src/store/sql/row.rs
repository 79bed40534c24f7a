//! A session as a row, and a row as a session.
//! A row that this version cannot read is damage, reported as such; it is never taken for a missing session.

use std::time::Duration;

use super::super::{Connection, Failure, query, query_scalar};
use crate::auth::{EndReason, Ended, Proved, Session, SessionId, State, UnixTime};

/// The columns of a session.
#[derive(sqlx::FromRow)]
pub(super) struct SessionRow {
    sid: Vec<u8>,
    user_name: String,
    roles: String,
    generation: i64,
    rotated_at: i64,
    confirmed: bool,
    idle_ttl: i64,
    idle_deadline: i64,
    absolute_deadline: i64,
    ended_at: Option<i64>,
    end_reason: Option<String>,
    remember: bool,
    created_at: i64,
    auth_time: i64,
    last_seen: i64,
    user_agent: String,
    address: Option<String>,
    methods: String,
}

impl TryFrom<SessionRow> for Session {
    type Error = Failure;

    fn try_from(row: SessionRow) -> Result<Self, Failure> {
        let count = |value: i64, what| u64::try_from(value).map_err(|_| Failure::Damaged(what));
        let ended = match (row.ended_at, row.end_reason) {
            (None, None) => None,
            (Some(at), Some(word)) => {
                let reason = EndReason::from_word(&word);
                let reason = reason.ok_or(Failure::Damaged("why a session ended"))?;
                Some(Ended { at: UnixTime::from_secs(at), reason })
            }
            _ => return Err(Failure::Damaged("a session's end")),
        };
        let address = row.address.map(|address| address.parse()).transpose();
        Ok(Self {
            id: id_of(&row.sid)?,
            user: row.user_name,
            roles: roles_of(&row.roles)?,
            state: State {
                generation: count(row.generation, "a session's generation")?,
                rotated_at: UnixTime::from_secs(row.rotated_at),
                confirmed: row.confirmed,
                idle_ttl: Duration::from_secs(count(row.idle_ttl, "a session's idle time")?),
                idle_deadline: UnixTime::from_secs(row.idle_deadline),
                absolute_deadline: UnixTime::from_secs(row.absolute_deadline),
                ended,
            },
            remember: row.remember,
            created_at: UnixTime::from_secs(row.created_at),
            auth_time: UnixTime::from_secs(row.auth_time),
            last_seen: UnixTime::from_secs(row.last_seen),
            user_agent: row.user_agent,
            address: address.map_err(|_| Failure::Damaged("a session's address"))?,
            // What a newer version writes counts for the least that it can be.
            proved: Proved::from_text(&row.methods).unwrap_or_default(),
        })
    }
}

/// How many live sessions a person has.
pub(super) async fn count_live(read: &mut Connection, user: &str, now: UnixTime) -> Result<u32, Failure> {
    let live: i64 = query_scalar(
        "SELECT count(*) FROM sessions
         WHERE user_name = $1 AND ended_at IS NULL AND idle_deadline > $2 AND absolute_deadline > $2",
    )
    .bind(user)
    .bind(now.as_secs())
    .fetch_one(read)
    .await?;
    Ok(u32::try_from(live).unwrap_or(u32::MAX))
}

/// Keeps a new session.
pub(super) async fn insert(write: &mut Connection, session: &Session) -> Result<(), Failure> {
    let state = &session.state;
    query(
        "INSERT INTO sessions (sid, user_name, roles, generation, rotated_at, confirmed, idle_ttl, idle_deadline,
             absolute_deadline, ended_at, end_reason, remember, created_at, auth_time, last_seen, user_agent, address,
             methods)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
    )
    .bind(session.id.as_bytes().as_slice())
    .bind(session.user.as_str())
    .bind(roles_text(&session.roles)?)
    .bind(number(state.generation))
    .bind(state.rotated_at.as_secs())
    .bind(state.confirmed)
    .bind(number(state.idle_ttl.as_secs()))
    .bind(state.idle_deadline.as_secs())
    .bind(state.absolute_deadline.as_secs())
    .bind(state.ended.map(|ended| ended.at.as_secs()))
    .bind(state.ended.map(|ended| ended.reason.as_str()))
    .bind(session.remember)
    .bind(session.created_at.as_secs())
    .bind(session.auth_time.as_secs())
    .bind(session.last_seen.as_secs())
    .bind(session.user_agent.as_str())
    .bind(session.address.map(|address| address.to_string()))
    .bind(session.proved.to_text())
    .execute(write)
    .await?;
    Ok(())
}

/// The session whose bytes these are.
pub(in super::super) fn id_of(bytes: &[u8]) -> Result<SessionId, Failure> {
    let bytes = <[u8; 16]>::try_from(bytes).map_err(|_| Failure::Damaged("an id"))?;
    Ok(SessionId::from_bytes(bytes))
}

/// Databases count with a sign; a generation beyond it is none that was ever handed out.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Roles as they are kept: a JSON list of texts.
pub(in super::super) fn roles_text(roles: &[String]) -> Result<String, Failure> {
    serde_json::to_string(roles).map_err(|_| Failure::Damaged("a list of roles"))
}

/// The roles in a kept text.
pub(in super::super) fn roles_of(text: &str) -> Result<Vec<String>, Failure> {
    serde_json::from_str(text).map_err(|_| Failure::Damaged("a list of roles"))
}
