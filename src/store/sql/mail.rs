//! The SQL of addresses and links.

use async_trait::async_trait;

use super::accounts::{end_all, insert};
use super::outbox::enqueue;
use super::people::stay;
use super::purge::in_pieces;
use super::sessions::{roles_of, roles_text};
use super::{Connection, Driver, Failure, query, query_as, query_scalar, warrant};
use crate::auth::EndReason;
use crate::auth::OsRandom;
use crate::auth::UnixTime;
use crate::users::{
    AccountStoreError, Effective, EmailAddress, Followed, FollowedLink, KeptLink, KnownAddress, Letter,
    LinkId, LinkPurpose, LinkStep, MailMessage, MailStore, Newcomer, Posted, Username, Warrant, notice,
};

#[async_trait]
impl MailStore for Driver {
    async fn address_of(&self, account: &Username) -> Result<Option<KnownAddress>, AccountStoreError> {
        Ok(once!({
            let mut reader = self.read().await?;
            address_of(&mut reader, account).await
        })?)
    }

    async fn owner_of(&self, address: &EmailAddress) -> Result<Option<Username>, AccountStoreError> {
        let owner: Option<String> = once!({
            let mut reader = self.read().await?;
            let owner = query_scalar("SELECT account FROM addresses WHERE folded = $1");
            Ok(owner.bind(address.folded()).fetch_optional(&mut *reader).await?)
        })?;
        let damaged = |_| Failure::Damaged("whose an address is");
        Ok(owner.map(|owner| owner.parse()).transpose().map_err(damaged)?)
    }

    async fn post(
        &self,
        message: &MailMessage,
        link: &KeptLink,
        at_most: u32,
    ) -> Result<bool, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            let sent: i64 = query_scalar(
                "SELECT count(*) FROM mail_links WHERE $5 AND (account IS NOT NULL OR newcomer_roles IS NOT NULL)
                 AND (folded = $1 OR account = $3) AND purpose = $2 AND made_at > $4",
            )
            .bind(link.address.folded())
            .bind(link.purpose.as_str())
            .bind(link.account.as_ref().map(Username::as_str))
            .bind(link.made_at.as_secs() - HOUR)
            .bind(link.account.is_some() || link.newcomer.is_some())
            .fetch_one(&mut *write.0)
            .await?;
            let is_sent = sent < i64::from(at_most);
            let (nothing, nowhere) = (message.to_nobody(), link.to_nobody());
            let posted = if is_sent { (message, link) } else { (&nothing, &nowhere) };
            post_all(&mut write.0, Some(posted)).await?;
            write.commit().await?;
            Ok(is_sent)
        })?)
    }

    async fn post_warranted(
        &self,
        message: &MailMessage,
        link: &KeptLink,
        warrant: Warrant<'_>,
    ) -> Result<bool, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            if !warrant::holds(&mut write.0, warrant).await? {
                return Ok(false);
            }
            post_all(&mut write.0, Some((message, link))).await?;
            write.commit().await?;
            Ok(true)
        })?)
    }

    async fn tell(&self, account: &Username, letter: Letter, now: UnixTime) -> Result<(), AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            tell(&mut write.0, account, letter, now).await?;
            write.commit().await
        })?)
    }

    async fn link(&self, id: LinkId) -> Result<Option<KeptLink>, AccountStoreError> {
        Ok(once!({
            let mut reader = self.read().await?;
            find_link(&mut reader, id).await
        })?)
    }

    async fn follow(
        &self,
        id: LinkId,
        step: LinkStep<'_>,
        moment: Effective,
    ) -> Result<FollowedLink, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            let Some(link) = spend(&mut write.0, id, moment.at).await? else {
                return Ok(FollowedLink::NotOpen);
            };
            if let LinkStep::Join { account, language } = step {
                if link.newcomer.is_none() {
                    return Ok(FollowedLink::NotOpen);
                }
                if !insert(&mut write.0, account).await? {
                    return Ok(FollowedLink::NameTaken);
                }
                if !set_address(&mut write.0, &account.name, &link.address, language, moment.at).await? {
                    // Nothing of this happens, and the link is spent all the same.
                    drop(write);
                    return spent_for_nothing(self, id, moment.at).await;
                }
                let spent = query("UPDATE mail_links SET newcomer_hash = NULL WHERE id = $1");
                spent.bind(id.as_bytes().as_slice()).execute(&mut *write.0).await?;
                write.commit().await?;
                return Ok(FollowedLink::Done(Followed { account: account.name.clone(), ended: Vec::new() }));
            }
            let Some(account) = link.account.clone() else { return Ok(FollowedLink::NotOpen) };
            let ended = match step {
                LinkStep::Prove { language, farewell } => {
                    if !set_address(&mut write.0, &account, &link.address, language, moment.at).await? {
                        write.commit().await?;
                        return Ok(FollowedLink::Taken);
                    }
                    post_all(&mut write.0, farewell).await?;
                    write.commit().await?;
                    Vec::new()
                }
                LinkStep::Reset { hash } => {
                    let changed =
                        query("UPDATE accounts SET password_hash = $2, epoch = epoch + 1 WHERE name = $1");
                    changed.bind(account.as_str()).bind(hash).execute(&mut *write.0).await?;
                    super::codes::forget(&mut write.0, &account).await?;
                    super::codes::forget_issued_by(&mut write.0, &account).await?;
                    tell(&mut write.0, &account, Letter::PasswordChanged, moment.at).await?;
                    end_all(write, &account, None, EndReason::PasswordChanged, moment).await?
                }
                LinkStep::Undo { language, reset } => {
                    if !set_address(&mut write.0, &account, &link.address, language, moment.at).await? {
                        write.commit().await?;
                        return Ok(FollowedLink::Taken);
                    }
                    begin_reset(&mut write.0, &account, reset).await?;
                    end_all(write, &account, None, EndReason::EndedElsewhere, moment).await?
                }
                LinkStep::Disown { reset } => {
                    begin_reset(&mut write.0, &account, reset).await?;
                    end_all(write, &account, None, EndReason::EndedElsewhere, moment).await?
                }
                LinkStep::Stay => {
                    if !stay(&mut write.0, &account).await? {
                        return Ok(FollowedLink::NotOpen);
                    }
                    let back =
                        query("UPDATE accounts SET disabled = false, epoch = epoch + 1 WHERE name = $1");
                    back.bind(account.as_str()).execute(&mut *write.0).await?;
                    write.commit().await?;
                    Vec::new()
                }
                LinkStep::Join { .. } => return Ok(FollowedLink::NotOpen),
            };
            Ok(FollowedLink::Done(Followed { account, ended }))
        })?)
    }

    async fn purge_links(&self, now: UnixTime) -> Result<(), AccountStoreError> {
        let statement = "DELETE FROM mail_links WHERE id IN
                         (SELECT id FROM mail_links WHERE expires_at <= $1 LIMIT $2)";
        Ok(in_pieces(self, statement, now).await?)
    }
}

/// Tells whoever has an address of what is done in this transaction.
pub(super) async fn tell(
    write: &mut Connection,
    account: &Username,
    letter: Letter,
    now: UnixTime,
) -> Result<(), Failure> {
    let Some(known) = address_of(&mut *write, account).await? else { return Ok(()) };
    let written = notice(letter, account, &known, now, &OsRandom);
    let (message, link) = written.map_err(|error| sqlx::Error::Io(std::io::Error::other(error)))?;
    post_all(write, Some((&message, &link))).await
}

async fn address_of(read: &mut Connection, account: &Username) -> Result<Option<KnownAddress>, Failure> {
    let row: Option<(String, String, i64)> =
        query_as("SELECT address, language, proved_at FROM addresses WHERE account = $1")
            .bind(account.as_str())
            .fetch_optional(read)
            .await?;
    let known = row.map(|(address, language, proved_at)| {
        let address = address.parse().map_err(|_| Failure::Damaged("an address"))?;
        Ok(KnownAddress { address, language, proved_at: UnixTime::from_secs(proved_at) })
    });
    known.transpose()
}

/// Gives the account this address; `false` when somebody else has it.
async fn set_address(
    write: &mut Connection,
    account: &Username,
    address: &EmailAddress,
    language: &str,
    now: UnixTime,
) -> Result<bool, Failure> {
    let others: i64 = query_scalar("SELECT count(*) FROM addresses WHERE folded = $1 AND account <> $2")
        .bind(address.folded())
        .bind(account.as_str())
        .fetch_one(&mut *write)
        .await?;
    if others > 0 {
        return Ok(false);
    }
    query(
        "INSERT INTO addresses (account, address, folded, language, proved_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (account) DO UPDATE SET address = excluded.address, folded = excluded.folded,
         language = excluded.language, proved_at = excluded.proved_at",
    )
    .bind(account.as_str())
    .bind(address.as_str())
    .bind(address.folded())
    .bind(language)
    .bind(now.as_secs())
    .execute(write)
    .await?;
    Ok(true)
}

/// Spends a link that is open, if it counts for the account as it is. One by which somebody joins is about none yet, and
/// one by which somebody stays about one that may not sign in.
async fn spend(write: &mut Connection, id: LinkId, now: UnixTime) -> Result<Option<KeptLink>, Failure> {
    let spent = query(
        "UPDATE mail_links SET used_at = $2 WHERE id = $1 AND used_at IS NULL AND expires_at > $2
         AND (newcomer_roles IS NOT NULL OR EXISTS
         (SELECT 1 FROM accounts WHERE accounts.name = mail_links.account
          AND (mail_links.purpose = 'stay' OR NOT accounts.disabled)
          AND (mail_links.epoch IS NULL OR mail_links.epoch = accounts.epoch)))",
    );
    let spent = spent.bind(id.as_bytes().as_slice()).bind(now.as_secs()).execute(&mut *write).await?;
    if spent.rows_affected() == 0 {
        return Ok(None);
    }
    find_link(write, id).await
}

/// Spends a link by which nothing is done, because somebody else has its address.
async fn spent_for_nothing(driver: &Driver, id: LinkId, now: UnixTime) -> Result<FollowedLink, Failure> {
    let mut write = driver.write_rows().await?;
    let spent = query("UPDATE mail_links SET used_at = $2 WHERE id = $1 AND used_at IS NULL");
    spent.bind(id.as_bytes().as_slice()).bind(now.as_secs()).execute(&mut *write.0).await?;
    write.commit().await?;
    Ok(FollowedLink::Taken)
}

/// What is under way for the account as it was is over, and a new password is chosen by this link.
async fn begin_reset(
    write: &mut Connection,
    account: &Username,
    (message, link): Posted<'_>,
) -> Result<(), Failure> {
    let raised = query("UPDATE accounts SET epoch = epoch + 1 WHERE name = $1").bind(account.as_str());
    raised.execute(&mut *write).await?;
    let epoch: i64 = query_scalar("SELECT epoch FROM accounts WHERE name = $1")
        .bind(account.as_str())
        .fetch_one(&mut *write)
        .await?;
    let epoch = u64::try_from(epoch).map_err(|_| Failure::Damaged("an account's epoch"))?;
    post_all(write, Some((message, &KeptLink { epoch: Some(epoch), ..link.clone() }))).await
}

pub(super) async fn post_all(write: &mut Connection, posted: Option<Posted<'_>>) -> Result<(), Failure> {
    let Some((message, link)) = posted else { return Ok(()) };
    keep_link(&mut *write, link).await?;
    enqueue(write, message).await
}

async fn keep_link(write: &mut Connection, link: &KeptLink) -> Result<(), Failure> {
    let newcomer = link.newcomer.as_ref();
    query(
        "INSERT INTO mail_links (id, purpose, account, address, folded, epoch, made_at, expires_at, used_at,
         newcomer, newcomer_hash, newcomer_roles, invited_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(link.id.as_bytes().as_slice())
    .bind(link.purpose.as_str())
    .bind(link.account.as_ref().map(Username::as_str))
    .bind(link.address.as_str())
    .bind(link.address.folded())
    .bind(link.epoch.map(|epoch| i64::try_from(epoch).unwrap_or(i64::MAX)))
    .bind(link.made_at.as_secs())
    .bind(link.expires_at.as_secs())
    .bind(link.used_at.map(UnixTime::as_secs))
    .bind(newcomer.and_then(|newcomer| newcomer.name.as_ref()).map(Username::as_str))
    .bind(newcomer.and_then(|newcomer| newcomer.password_hash.as_deref()))
    .bind(newcomer.map(|newcomer| roles_text(&newcomer.roles)).transpose()?)
    .bind(newcomer.and_then(|newcomer| newcomer.invited_by.as_ref()).map(Username::as_str))
    .execute(write)
    .await?;
    Ok(())
}

async fn find_link(read: &mut Connection, id: LinkId) -> Result<Option<KeptLink>, Failure> {
    let row: Option<LinkRow> = query_as(
        "SELECT purpose, account, address, epoch, made_at, expires_at, used_at, newcomer, newcomer_hash,
         newcomer_roles, invited_by FROM mail_links WHERE id = $1",
    )
    .bind(id.as_bytes().as_slice())
    .fetch_optional(read)
    .await?;
    row.map(|row| row.into_link(id)).transpose()
}

#[derive(sqlx::FromRow)]
struct LinkRow {
    purpose: String,
    account: Option<String>,
    address: String,
    epoch: Option<i64>,
    made_at: i64,
    expires_at: i64,
    used_at: Option<i64>,
    newcomer: Option<String>,
    newcomer_hash: Option<String>,
    newcomer_roles: Option<String>,
    invited_by: Option<String>,
}

impl LinkRow {
    fn into_link(self, id: LinkId) -> Result<KeptLink, Failure> {
        let damaged = || Failure::Damaged("a link in a message");
        let name = |name: Option<String>| name.map(|name| name.parse()).transpose().map_err(|_| damaged());
        let newcomer = match self.newcomer_roles {
            Some(roles) => Some(Newcomer {
                name: name(self.newcomer)?,
                password_hash: self.newcomer_hash,
                roles: roles_of(&roles)?,
                invited_by: name(self.invited_by)?,
            }),
            None => None,
        };
        Ok(KeptLink {
            id,
            purpose: LinkPurpose::from_text(&self.purpose).ok_or_else(damaged)?,
            account: name(self.account)?,
            address: self.address.parse().map_err(|_| damaged())?,
            epoch: self.epoch.map(u64::try_from).transpose().map_err(|_| damaged())?,
            made_at: UnixTime::from_secs(self.made_at),
            expires_at: UnixTime::from_secs(self.expires_at),
            used_at: self.used_at.map(UnixTime::from_secs),
            newcomer,
        })
    }
}

const HOUR: i64 = 3600;
