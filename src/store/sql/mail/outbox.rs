//! The SQL of messages that are to be sent.

use async_trait::async_trait;

use super::{Connection, Driver, Failure, query, query_as};
use crate::auth::UnixTime;
use crate::users::{
    AccountStoreError, Letter, LinkId, MailBacklog, MailMessage, MessageId, OutboxStore, QueuedMessage,
    Username,
};

#[async_trait]
impl OutboxStore for Driver {
    async fn take(&self, now: UnixTime, until: UnixTime) -> Result<Option<QueuedMessage>, AccountStoreError> {
        Ok(again!({
            // Most of the time nothing is to be sent, and nobody waits for that to be found out.
            let due: Option<QueueRow> = {
                let mut reader = self.read().await?;
                let due = query_as(concat!(
                    "SELECT id, letter, recipient, account, language, link, made_at, attempts, not_before, is_dead, last_error ",
                    "FROM outbox WHERE NOT is_dead AND not_before <= $1 AND lease_until <= $1 ORDER BY not_before, id LIMIT 1"
                ));
                due.bind(now.as_secs()).fetch_optional(&mut *reader).await?
            };
            let Some(due) = due else { return Ok(None) };
            let queued = QueuedMessage::try_from(due)?;
            let mut write = self.write_rows().await?;
            let taken = query(
                "UPDATE outbox SET lease_until = $3, attempts = attempts + 1
                 WHERE id = $1 AND NOT is_dead AND not_before <= $2 AND lease_until <= $2",
            )
            .bind(queued.message.id.as_bytes().as_slice())
            .bind(now.as_secs())
            .bind(until.as_secs())
            .execute(&mut *write.0)
            .await?;
            write.commit().await?;
            // Whoever was faster has it; the next is taken in the next turn.
            let attempts = queued.attempts.saturating_add(1);
            Ok((taken.rows_affected() > 0).then_some(QueuedMessage { attempts, ..queued }))
        })?)
    }

    async fn forget_message(&self, id: MessageId) -> Result<bool, AccountStoreError> {
        Ok(again!({
            let mut write = self.write_rows().await?;
            let gone = query("DELETE FROM outbox WHERE id = $1").bind(id.as_bytes().as_slice());
            let gone = gone.execute(&mut *write.0).await?;
            write.commit().await?;
            Ok(gone.rows_affected() > 0)
        })?)
    }

    async fn put_off(
        &self,
        id: MessageId,
        until: Option<UnixTime>,
        error: &str,
    ) -> Result<(), AccountStoreError> {
        Ok(again!({
            let mut write = self.write_rows().await?;
            query(
                "UPDATE outbox SET lease_until = 0, is_dead = $2, not_before = COALESCE($3, not_before), last_error = $4
                 WHERE id = $1",
            )
            .bind(id.as_bytes().as_slice())
            .bind(until.is_none())
            .bind(until.map(UnixTime::as_secs))
            .bind(error)
            .execute(&mut *write.0)
            .await?;
            write.commit().await
        })?)
    }

    async fn retry_message(&self, id: MessageId, now: UnixTime) -> Result<bool, AccountStoreError> {
        Ok(again!({
            let mut write = self.write_rows().await?;
            let again = query(
                "UPDATE outbox SET lease_until = 0, is_dead = $2, not_before = $3, made_at = $3 WHERE id = $1",
            )
            .bind(id.as_bytes().as_slice())
            .bind(false)
            .bind(now.as_secs())
            .execute(&mut *write.0)
            .await?;
            write.commit().await?;
            Ok(again.rows_affected() > 0)
        })?)
    }

    async fn queued(&self, limit: u32) -> Result<Vec<QueuedMessage>, AccountStoreError> {
        let rows: Vec<QueueRow> = once!({
            let mut reader = self.read().await?;
            let rows = query_as(concat!(
                "SELECT id, letter, recipient, account, language, link, made_at, attempts, not_before, is_dead, last_error ",
                "FROM outbox ORDER BY made_at, id LIMIT $1"
            ));
            Ok(rows.bind(i64::from(limit)).fetch_all(&mut *reader).await?)
        })?;
        Ok(rows.into_iter().map(QueuedMessage::try_from).collect::<Result<_, _>>()?)
    }

    async fn backlog(&self) -> Result<MailBacklog, AccountStoreError> {
        let rows: Vec<(bool, i64, Option<i64>)> = once!({
            let mut reader = self.read().await?;
            let rows = query_as("SELECT is_dead, count(*), min(made_at) FROM outbox GROUP BY is_dead");
            Ok(rows.fetch_all(&mut *reader).await?)
        })?;
        let of = |dead: bool| rows.iter().find(|(is_dead, ..)| *is_dead == dead);
        let count = |dead| of(dead).map_or(0, |(_, count, _)| u64::try_from(*count).unwrap_or(0));
        let oldest = of(false).and_then(|(.., oldest)| *oldest).map(UnixTime::from_secs);
        Ok(MailBacklog { waiting: count(false), oldest, dead: count(true) })
    }
}

/// Keeps a message until somebody has taken it.
pub(super) async fn enqueue(write: &mut Connection, message: &MailMessage) -> Result<(), Failure> {
    query(
        "INSERT INTO outbox (id, letter, recipient, account, language, link, made_at, attempts, not_before,
                             lease_until, is_dead, last_error)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $7, 0, $8, NULL)",
    )
    .bind(message.id.as_bytes().as_slice())
    .bind(message.letter.as_str())
    .bind(message.to.as_str())
    .bind(message.account.as_ref().map(Username::as_str))
    .bind(message.language.as_str())
    .bind(message.link.map(|link| link.as_bytes().to_vec()))
    .bind(message.made_at.as_secs())
    .bind(false)
    .execute(write)
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct QueueRow {
    id: Vec<u8>,
    letter: String,
    recipient: String,
    account: Option<String>,
    language: String,
    link: Option<Vec<u8>>,
    made_at: i64,
    attempts: i64,
    not_before: i64,
    is_dead: bool,
    last_error: Option<String>,
}

impl TryFrom<QueueRow> for QueuedMessage {
    type Error = Failure;

    fn try_from(row: QueueRow) -> Result<Self, Failure> {
        let damaged = || Failure::Damaged("a message that is to be sent");
        let id = row.id.try_into().map_err(|_| damaged())?;
        let link = row.link.map(TryInto::try_into).transpose().map_err(|_| damaged())?;
        let account = row.account.map(|name| name.parse()).transpose().map_err(|_| damaged())?;
        Ok(Self {
            message: MailMessage {
                id: MessageId::from_bytes(id),
                // What another version wrote is not sent by this one, and stays for that one.
                letter: Letter::from_text(&row.letter).ok_or_else(damaged)?,
                to: row.recipient.parse().map_err(|_| damaged())?,
                account,
                language: row.language,
                link: link.map(LinkId::from_bytes),
                made_at: UnixTime::from_secs(row.made_at),
            },
            attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
            not_before: UnixTime::from_secs(row.not_before),
            is_dead: row.is_dead,
            last_error: row.last_error,
        })
    }
}
