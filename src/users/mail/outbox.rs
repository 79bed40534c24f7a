//! What is waiting to be sent.
//!
//! A message is kept by the transaction that gives rise to it, and forgotten once somebody has taken it. A worker takes it on
//! lease, so that two do not send it and one that dies does not keep it; who sends it twice all the same sends it under one
//! `Message-ID`. What cannot be sent is tried again, later each time, for a day, and is then dead: it stays, and the operator
//! sees it.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::auth::Random;
use crate::auth::RandomError;
use crate::auth::UnixTime;
use crate::users::mail::address::EmailAddress;
use crate::users::mail::link::LinkId;
use crate::users::store_error::AccountStoreError;
use crate::users::username::Username;

/// The name of a message, which is its `Message-ID` too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId([u8; 16]);

/// What a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Letter {
    /// "Is this your address?"
    ConfirmAddress,
    /// "Here a new password is chosen."
    ResetPassword,
    /// To the address before: "The account has another address now."
    AddressChanged,
    /// "The account has a new password."
    PasswordChanged,
    /// "Somebody signed in where nobody had before."
    NewBrowser,
    /// "The account has an authenticator app or a passkey more."
    FactorAdded,
    /// "One was taken away."
    FactorRemoved,
    /// "All were taken away by somebody who looks after accounts."
    FactorsReset,
    /// "The recovery codes are others now."
    RecoveryCodesMade,
    /// "The account has other roles now."
    RolesChanged,
    /// "The account may not sign in any more."
    AccountDisabled,
    /// "Somebody who looks after accounts has issued a code by which a new password is chosen."
    CodeIssued,
    /// "Is this your address? Then the account is yours."
    Welcome,
    /// The same to whoever was invited.
    Invitation,
    /// To whoever has the address that somebody registers with: "You have an account already."
    KnownAddress,
    /// "The account is going to be deleted."
    Farewell,
    /// Nothing, to nobody: it is forgotten and not sent. It stands there because somebody asked for a message to an address
    /// that nobody has here, and shall not learn that by how long it takes to say nothing.
    Nothing,
}

/// A message that is to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct MailMessage {
    /// Its name.
    pub id: MessageId,
    /// What it says.
    pub letter: Letter,
    /// To whom.
    pub to: EmailAddress,
    /// Whose account it is about.
    pub account: Option<Username>,
    /// In which language (RFC 5646).
    pub language: String,
    /// The link in it.
    pub link: Option<LinkId>,
    /// When it was written.
    pub made_at: UnixTime,
}

/// A message in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedMessage {
    /// The message.
    pub message: MailMessage,
    /// How often somebody began to send it.
    pub attempts: u32,
    /// Before when nobody tries it (again).
    pub not_before: UnixTime,
    /// Whether nobody tries it any more.
    pub is_dead: bool,
    /// Why it was not sent last time, in a word for the operator.
    pub last_error: Option<String>,
}

/// How many messages are not sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MailBacklog {
    /// Those that somebody will try (again).
    pub waiting: u64,
    /// When the oldest of those was written.
    pub oldest: Option<UnixTime>,
    /// Those that nobody tries any more.
    pub dead: u64,
}

/// What follows when a message was not sent.
///
/// ```
/// use std::time::Duration;
/// use portcullis::users::Setback;
///
/// let hour = Duration::from_secs(3600);
/// assert_eq!(Setback::after(1, Duration::ZERO, false, 0), Setback::Again(Duration::from_secs(10)));
/// assert_eq!(Setback::after(3, Duration::ZERO, false, 0), Setback::Again(Duration::from_secs(40)));
/// assert_eq!(Setback::after(30, Duration::ZERO, false, 0), Setback::Again(hour));
/// assert_eq!(Setback::after(30, 24 * hour, false, 0), Setback::Dead, "after a day");
/// assert_eq!(Setback::after(1, Duration::ZERO, true, 0), Setback::Dead, "it was refused for good");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setback {
    /// It is tried again after this time.
    Again(Duration),
    /// Nobody tries it any more.
    Dead,
}

impl Setback {
    /// What follows after so many attempts at a message of this age; `drawn` spreads those that fail together, by a quarter of
    /// the wait at most.
    #[must_use]
    pub fn after(attempts: u32, age: Duration, for_good: bool, drawn: u8) -> Self {
        if for_good || age >= LIFE {
            return Self::Dead;
        }
        let doubled = FIRST_WAIT.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(LONGEST_WAIT);
        Self::Again(doubled - doubled / 4 * u32::from(drawn) / 256)
    }
}

/// Keeps messages until somebody has taken them.
///
/// They are kept by [`MailStore`](crate::users::MailStore), with what gives rise to them.
#[async_trait]
pub trait OutboxStore: Send + Sync + 'static {
    /// Takes the oldest message that is due and that nobody has on lease: until `until` it is this caller's, and one attempt
    /// more is counted.
    async fn take(&self, now: UnixTime, until: UnixTime) -> Result<Option<QueuedMessage>, AccountStoreError>;

    /// Forgets a message: somebody has taken it, or the operator wants it gone. `false` when there is none of this name.
    async fn forget_message(&self, id: MessageId) -> Result<bool, AccountStoreError>;

    /// Puts a message off until then, or for ever, and keeps why; nobody has it on lease any more.
    async fn put_off(
        &self,
        id: MessageId,
        until: Option<UnixTime>,
        error: &str,
    ) -> Result<(), AccountStoreError>;

    /// Makes a message due now, dead or not; `false` when there is none of this name.
    async fn retry_message(&self, id: MessageId, now: UnixTime) -> Result<bool, AccountStoreError>;

    /// The oldest messages that are waiting, at most so many; dead ones stand among them.
    async fn queued(&self, limit: u32) -> Result<Vec<QueuedMessage>, AccountStoreError>;

    /// How many there are.
    async fn backlog(&self) -> Result<MailBacklog, AccountStoreError>;
}

impl MailMessage {
    /// The same, saying nothing.
    #[must_use]
    pub fn to_nobody(&self) -> Self {
        Self { letter: Letter::Nothing, account: None, ..self.clone() }
    }
}

impl MessageId {
    /// The name of these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// A new name.
    ///
    /// # Errors
    /// [`RandomError`] when the source of randomness gives nothing.
    pub fn draw(random: &dyn Random) -> Result<Self, RandomError> {
        let mut bytes = [0; 16];
        random.fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The name that an operator typed; `None` for what is none.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let is_ours = text.len() == 32 && text.bytes().all(|sign| sign.is_ascii_hexdigit());
        is_ours.then(|| u128::from_str_radix(text, 16).ok()).flatten().map(|bits| Self(bits.to_be_bytes()))
    }

    /// Its bytes, for a store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl Letter {
    const TABLE: [(Self, &'static str); 17] = [
        (Self::ConfirmAddress, "confirm_address"),
        (Self::ResetPassword, "reset_password"),
        (Self::AddressChanged, "address_changed"),
        (Self::PasswordChanged, "password_changed"),
        (Self::NewBrowser, "new_browser"),
        (Self::FactorAdded, "factor_added"),
        (Self::FactorRemoved, "factor_removed"),
        (Self::FactorsReset, "factors_reset"),
        (Self::RecoveryCodesMade, "recovery_codes_made"),
        (Self::RolesChanged, "roles_changed"),
        (Self::AccountDisabled, "account_disabled"),
        (Self::CodeIssued, "code_issued"),
        (Self::Welcome, "welcome"),
        (Self::Invitation, "invitation"),
        (Self::KnownAddress, "known_address"),
        (Self::Farewell, "farewell"),
        (Self::Nothing, "nothing"),
    ];

    /// Every letter that is sent.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::TABLE.iter().map(|(letter, _)| *letter).filter(|letter| *letter != Self::Nothing)
    }

    /// Its word, as stores and texts have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::TABLE.iter().find(|(letter, _)| *letter == self).map_or("nothing", |(_, word)| word)
    }

    /// The letter of a kept word; `None` for one that another version wrote.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::TABLE.iter().find(|(_, word)| *word == text).map(|(letter, _)| *letter)
    }
}

impl fmt::Debug for MailMessage {
    /// To whom it goes is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailMessage")
            .field("id", &self.id)
            .field("letter", &self.letter)
            .finish_non_exhaustive()
    }
}

const FIRST_WAIT: Duration = Duration::from_secs(10);
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// For so long a message is tried.
const LIFE: Duration = Duration::from_secs(24 * 3600);
