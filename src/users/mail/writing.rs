//! A message, and the link in it.

use std::time::Duration;

use crate::auth::Random;
use crate::auth::RandomError;
use crate::auth::UnixTime;
use crate::users::mail::address::EmailAddress;
use crate::users::mail::link::{KeptLink, LinkId, LinkPurpose};
use crate::users::mail::outbox::{Letter, MailMessage, MessageId};
use crate::users::mail::store::KnownAddress;
use crate::users::username::Username;

/// What a store keeps to tell somebody of what was just done to the account, with a link for whoever did not do it.
///
/// # Errors
/// [`RandomError`] when the source of randomness gives nothing.
pub fn notice(
    letter: Letter,
    account: &Username,
    known: &KnownAddress,
    now: UnixTime,
    random: &dyn Random,
) -> Result<(MailMessage, KeptLink), RandomError> {
    written(LinkPurpose::Disown, letter, Some(account), &known.address, &known.language, now, random)
}

pub(super) fn written(
    purpose: LinkPurpose,
    letter: Letter,
    account: Option<&Username>,
    address: &EmailAddress,
    language: &str,
    now: UnixTime,
    random: &dyn Random,
) -> Result<(MailMessage, KeptLink), RandomError> {
    let mut bytes = [0; 12];
    random.fill(&mut bytes)?;
    let link = KeptLink {
        id: LinkId::from_bytes(bytes),
        purpose,
        account: account.cloned(),
        address: address.clone(),
        epoch: None,
        made_at: now,
        expires_at: now + life(purpose),
        used_at: None,
        newcomer: None,
    };
    let message = MailMessage {
        id: MessageId::draw(random)?,
        letter,
        to: address.clone(),
        account: account.cloned(),
        language: language.to_owned(),
        link: Some(link.id),
        made_at: now,
    };
    Ok((message, link))
}

const fn life(purpose: LinkPurpose) -> Duration {
    let hours = match purpose {
        LinkPurpose::Reset => 1,
        LinkPurpose::Prove | LinkPurpose::Join => 24,
        // For whoever is on holiday.
        LinkPurpose::Undo | LinkPurpose::Disown | LinkPurpose::Stay => 7 * 24,
    };
    Duration::from_secs(hours * 3600)
}
