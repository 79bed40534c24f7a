//! The SQL of sessions and of the log of revocations: the transactions.
//! How a session becomes a row and a row a session is [`row`]'s business.
//!
//! Ending a session and logging its revocation are always one transaction: a node that has read the log up to some
//! number has seen every end before it.
//! A session that lies past a deadline but was never ended can still be ended, because the last access token of such
//! a session may live on for a few minutes.

mod row;

use self::row::{SessionRow, number};
pub(super) use self::row::{id_of, roles_of, roles_text};
use super::purge::in_pieces;
use super::{Connection, Driver, Failure, Write, news, query, query_as, query_scalar};
use crate::auth::rotation::step;
use crate::auth::{
    AuthLevel, Cursor, EndReason, Ending, Leniency, Proved, Revocation, Revocations, Session, SessionId,
    SessionStore, State, StoreError, TokenId, UnixTime, Verdict, Voucher, Which,
};
use async_trait::async_trait;

/// Selects whole sessions; the columns are named because a program that runs while another version adds one would
/// otherwise find its statements changed.
macro_rules! select_sessions {
    ($which:literal) => {
        concat!(
            "SELECT sid, user_name, roles, generation, rotated_at, confirmed, idle_ttl, idle_deadline, ",
            "absolute_deadline, ended_at, end_reason, remember, created_at, auth_time, last_seen, user_agent, ",
            "address, methods FROM sessions WHERE ",
            $which
        )
    };
}

/// The two statements that end sessions: first the log, while they still count as unended, then the rows.
/// They begin with one and with two parameters of their own, hence the two spellings of one condition.
macro_rules! end_sessions {
    ($logged_where:literal, $ended_where:literal) => {
        [
            concat!(
                "INSERT INTO revocations (id, until) SELECT sid, $1 FROM sessions WHERE ended_at IS NULL AND ",
                $logged_where,
                " ON CONFLICT DO NOTHING"
            ),
            concat!(
                "UPDATE sessions SET ended_at = $1, end_reason = $2 WHERE ended_at IS NULL AND ",
                $ended_where,
                " RETURNING sid"
            ),
        ]
    };
}

#[async_trait]
impl SessionStore for Driver {
    async fn ready(&self) -> Result<(), StoreError> {
        Ok(self.ready_now().await?)
    }

    async fn close(&self) {
        self.close_now().await;
    }

    async fn create(
        &self,
        session: &Session,
        limit: usize,
        remember_until: UnixTime,
    ) -> Result<Vec<SessionId>, StoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            let surplus = begin(&mut write, session, limit, remember_until).await?;
            write.commit().await?;
            Ok(surplus)
        })?)
    }

    async fn create_by(
        &self,
        voucher: &Voucher,
        session: &Session,
        limit: usize,
        remember_until: UnixTime,
    ) -> Result<Option<Vec<SessionId>>, StoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            let spent = query(
                "DELETE FROM pending_sign_ins WHERE digest = $1 AND proved AND expires_at > $2 AND account = $3
                     AND epoch = (SELECT epoch FROM accounts WHERE name = $3)",
            )
            .bind(voucher.as_bytes().as_slice())
            .bind(session.created_at.as_secs())
            .bind(session.user.as_str())
            .execute(&mut *write.0)
            .await?;
            if spent.rows_affected() == 0 {
                return Ok(None);
            }
            let surplus = begin(&mut write, session, limit, remember_until).await?;
            write.commit().await?;
            Ok(Some(surplus))
        })?)
    }

    async fn find(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        Ok(once!({
            let mut reader = self.read().await?;
            find(&mut reader, id).await
        })?)
    }

    async fn present(
        &self,
        id: SessionId,
        generation: u64,
        now: UnixTime,
        leniency: Leniency,
        remember_until: UnixTime,
    ) -> Result<Option<(Session, Verdict)>, StoreError> {
        Ok(again!({
            let mut write = self.write_rows().await?;
            let Some(mut session) = find(&mut write.0, id).await? else { return Ok(None) };
            let (state, verdict) = step(&session.state, generation, now, leniency);
            match verdict {
                Verdict::Rotated => {
                    rotate(&mut write.0, id, session.state.generation, &state).await?;
                    write.commit().await?;
                    session.last_seen = now;
                }
                Verdict::Reused => {
                    let ending =
                        Ending { which: Which::One(id), reason: EndReason::Reused, at: now, remember_until };
                    end(&mut write, &ending).await?;
                    write.commit().await?;
                }
                Verdict::Replayed if state != session.state => {
                    restart_window(&mut write.0, id, &state).await?;
                    write.commit().await?;
                }
                // Nothing changes, so there is nothing to commit and no disk to wait for.
                Verdict::Replayed | Verdict::NeverIssued | Verdict::AlreadyEnded | Verdict::Expired => {}
            }
            session.state = state;
            Ok(Some((session, verdict)))
        })?)
    }

    async fn confirm(&self, seen: &[(SessionId, u64)]) -> Result<(), StoreError> {
        if seen.is_empty() {
            return Ok(());
        }
        Ok(again!({
            let mut write = self.write_rows().await?;
            for (id, generation) in seen {
                query(
                    "UPDATE sessions SET confirmed = TRUE WHERE sid = $1 AND generation = $2 AND NOT confirmed",
                )
                .bind(id.as_bytes().as_slice())
                .bind(number(*generation))
                .execute(&mut *write.0)
                .await
                ?;
            }
            write.commit().await
        })?)
    }

    async fn end(&self, ending: &Ending<'_>) -> Result<Vec<SessionId>, StoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            let ended = end(&mut write, ending).await?;
            write.commit().await?;
            Ok(ended)
        })?)
    }

    async fn reauthenticated(&self, id: SessionId, proved: Proved, at: UnixTime) -> Result<bool, StoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            let done = query(
                "UPDATE sessions SET auth_time = $2, methods = CASE WHEN $4 THEN $3 ELSE methods END
                 WHERE sid = $1 AND ended_at IS NULL AND idle_deadline > $2 AND absolute_deadline > $2",
            )
            .bind(id.as_bytes().as_slice())
            .bind(at.as_secs())
            .bind(proved.to_text())
            .bind(proved.level() > AuthLevel::One)
            .execute(&mut *write.0)
            .await?;
            write.commit().await?;
            Ok(done.rows_affected() == 1)
        })?)
    }

    async fn count_live(&self, users: &[&str], now: UnixTime) -> Result<Vec<u32>, StoreError> {
        Ok(once!({
            let mut reader = self.read().await?;
            let mut found = Vec::with_capacity(users.len());
            for user in users {
                found.push(row::count_live(&mut reader, user, now).await?);
            }
            Ok(found)
        })?)
    }

    async fn live(&self, user: &str, now: UnixTime) -> Result<Vec<Session>, StoreError> {
        let rows: Vec<SessionRow> = once!({
            let mut reader = self.read().await?;
            let rows = query_as(select_sessions!(
                "user_name = $1 AND ended_at IS NULL AND idle_deadline > $2 AND absolute_deadline > $2
                 ORDER BY last_seen DESC, created_at DESC, sid"
            ));
            Ok(rows.bind(user).bind(now.as_secs()).fetch_all(&mut *reader).await?)
        })?;
        Ok(rows.into_iter().map(Session::try_from).collect::<Result<_, _>>()?)
    }

    async fn revoke(&self, id: TokenId, until: UnixTime) -> Result<(), StoreError> {
        Ok(again!({
            let mut write = self.write_rows().await?;
            query("INSERT INTO revocations (id, until) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(id.as_bytes().as_slice())
                .bind(until.as_secs())
                .execute(&mut *write.0)
                .await?;
            write.is_news(&[Revocation { id: *id.as_bytes(), until }]);
            write.commit().await
        })?)
    }

    async fn raise_not_before(&self, moment: UnixTime) -> Result<(), StoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            query(
                "INSERT INTO global_values (name, value) VALUES ('not_before', $1)
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE excluded.value > global_values.value",
            )
            .bind(moment.as_secs())
            .execute(&mut *write.0)
            .await?;
            write.is_news(&[]);
            write.commit().await
        })?)
    }

    async fn revocations(&self, cursor: &Cursor, now: UnixTime) -> Result<Revocations, StoreError> {
        Ok(news::since(self, cursor, now).await?)
    }

    async fn changed(&self) -> Vec<Revocation> {
        self.changed_now().await
    }

    async fn is_revoked(&self, ids: [[u8; 16]; 2], issued_at: UnixTime) -> Result<bool, StoreError> {
        let [first, second] = &ids;
        Ok(once!({
            let mut reader = self.read().await?;
            let is_revoked = query_scalar(
                "SELECT EXISTS (SELECT 1 FROM revocations WHERE id IN ($1, $2))
                     OR EXISTS (SELECT 1 FROM global_values WHERE name = 'not_before' AND value > $3)",
            )
            .bind(first.as_slice())
            .bind(second.as_slice())
            .bind(issued_at.as_secs());
            Ok(is_revoked.fetch_one(&mut *reader).await?)
        })?)
    }

    async fn purge(&self, now: UnixTime) -> Result<(), StoreError> {
        let statements = [
            "DELETE FROM revocations WHERE until <= $1
             AND id IN (SELECT id FROM revocations WHERE until <= $1 ORDER BY until LIMIT $2)",
            "DELETE FROM sessions WHERE sid IN
             (SELECT sid FROM sessions WHERE absolute_deadline <= $1 ORDER BY absolute_deadline LIMIT $2)",
        ];
        for statement in statements {
            in_pieces(self, statement, now).await?;
        }
        Ok(())
    }
}

async fn find(database: &mut Connection, id: SessionId) -> Result<Option<Session>, Failure> {
    let row: Option<SessionRow> = query_as(select_sessions!("sid = $1"))
        .bind(id.as_bytes().as_slice())
        .fetch_optional(database)
        .await?;
    row.map(Session::try_from).transpose()
}

/// Keeps a new session, and ends those that are too many now.
async fn begin(
    write: &mut Write,
    session: &Session,
    limit: usize,
    remember_until: UnixTime,
) -> Result<Vec<SessionId>, Failure> {
    row::insert(&mut write.0, session).await?;
    let surplus = beyond_limit(&mut write.0, session, limit).await?;
    for id in &surplus {
        let ending = Ending {
            which: Which::One(*id),
            reason: EndReason::TooMany,
            at: session.created_at,
            remember_until,
        };
        end(write, &ending).await?;
    }
    Ok(surplus)
}

/// The live sessions of the same person that are too many now; never the new one itself.
async fn beyond_limit(
    write: &mut Connection,
    newest: &Session,
    limit: usize,
) -> Result<Vec<SessionId>, Failure> {
    let ids: Vec<Vec<u8>> = query_scalar(
        "SELECT sid FROM sessions
         WHERE user_name = $1 AND sid <> $2 AND ended_at IS NULL AND idle_deadline > $3 AND absolute_deadline > $3
         ORDER BY last_seen DESC, created_at DESC, sid LIMIT $4 OFFSET $5",
    )
    .bind(newest.user.as_str())
    .bind(newest.id.as_bytes().as_slice())
    .bind(newest.created_at.as_secs())
    .bind(i64::MAX)
    .bind(i64::try_from(limit.saturating_sub(1)).unwrap_or(i64::MAX))
    .fetch_all(write)
    .await?;
    ids.iter().map(|id| id_of(id)).collect()
}

/// Keeps the outcome of a rotation, on condition that the row still is the one it was decided upon.
async fn rotate(write: &mut Connection, id: SessionId, from: u64, state: &State) -> Result<(), Failure> {
    let done = query(
        "UPDATE sessions SET generation = $3, rotated_at = $4, confirmed = $5, idle_deadline = $6, last_seen = $4
         WHERE sid = $1 AND generation = $2 AND ended_at IS NULL",
    )
    .bind(id.as_bytes().as_slice())
    .bind(number(from))
    .bind(number(state.generation))
    .bind(state.rotated_at.as_secs())
    .bind(state.confirmed)
    .bind(state.idle_deadline.as_secs())
    .execute(write)
    .await?;
    if done.rows_affected() == 1 {
        return Ok(());
    }
    Err(Failure::overtaken())
}

/// Keeps when an unseen generation was handed out again.
async fn restart_window(write: &mut Connection, id: SessionId, state: &State) -> Result<(), Failure> {
    query("UPDATE sessions SET rotated_at = $3 WHERE sid = $1 AND generation = $2 AND ended_at IS NULL")
        .bind(id.as_bytes().as_slice())
        .bind(number(state.generation))
        .bind(state.rotated_at.as_secs())
        .execute(write)
        .await?;
    Ok(())
}

/// Ends sessions and logs it, in a transaction of the caller's.
pub(super) async fn end(write: &mut Write, ending: &Ending<'_>) -> Result<Vec<SessionId>, Failure> {
    let [log, end] = match ending.which {
        Which::One(_) => end_sessions!("sid = $2", "sid = $3"),
        Which::OneOf(..) => end_sessions!("sid = $2 AND user_name = $3", "sid = $3 AND user_name = $4"),
        Which::AllOf(_, None) => end_sessions!("user_name = $2", "user_name = $3"),
        Which::AllOf(_, Some(_)) => {
            end_sessions!("user_name = $2 AND sid <> $3", "user_name = $3 AND sid <> $4")
        }
        Which::Everybody => end_sessions!("TRUE", "TRUE"),
    };
    macro_rules! bind_which {
        ($query:expr) => {
            match &ending.which {
                Which::One(id) => $query.bind(id.as_bytes().as_slice()),
                Which::OneOf(id, user) => $query.bind(id.as_bytes().as_slice()).bind(*user),
                Which::AllOf(user, None) => $query.bind(*user),
                Which::AllOf(user, Some(kept)) => $query.bind(*user).bind(kept.as_bytes().as_slice()),
                Which::Everybody => $query,
            }
        };
    }
    let log = query(log).bind(ending.remember_until.as_secs());
    bind_which!(log).execute(&mut *write.0).await?;
    let end = query_scalar(end).bind(ending.at.as_secs()).bind(ending.reason.as_str());
    let ids: Vec<Vec<u8>> = bind_which!(end).fetch_all(&mut *write.0).await?;
    let ids: Vec<SessionId> = ids.iter().map(|id| id_of(id)).collect::<Result<_, _>>()?;
    let until = ending.remember_until;
    let entries: Vec<_> = ids.iter().map(|id| Revocation { id: *id.as_bytes(), until }).collect();
    if !entries.is_empty() {
        write.is_news(&entries);
    }
    Ok(ids)
}
