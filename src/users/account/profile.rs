//! What an account has besides what signs it in: how its person is called and spoken to, and whether they leave.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use unicode_normalization::UnicodeNormalization;

use crate::auth::UnixTime;
use crate::users::account::{Change, Effective, Warrant};
use crate::users::mail::{KeptLink, MailMessage};
use crate::users::store_error::AccountStoreError;
use crate::users::username::Username;

/// How somebody wants to be called: any letters, for others to read. Nobody signs in with it, and two may have one.
///
/// It has 1 to 64 characters (Unicode code points), in NFC, and none that controls a terminal or begins a new line.
///
/// ```
/// use portcullis::users::DisplayName;
///
/// assert_eq!("  Ada Lovelace 💻 ".parse::<DisplayName>().unwrap().as_str(), "Ada Lovelace 💻");
/// assert!("two\nlines".parse::<DisplayName>().is_err());
/// assert!("x".repeat(65).parse::<DisplayName>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayName(String);

/// The text is not how anybody can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a display name has 1 to 64 characters and no line breaks")]
pub struct InvalidDisplayName;

/// What somebody says of themselves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// How they want to be called.
    pub display_name: Option<DisplayName>,
    /// In which language they are spoken to, by pages and messages (RFC 5646); `None` for the language of their browser.
    pub language: Option<String>,
}

/// Keeps what accounts have besides what signs them in.
///
/// ```
/// use portcullis::auth::UnixTime;
/// use portcullis::store::{Stores, memory};
/// use portcullis::users::{Account, Change, Effective, Profile, Warrant};
///
/// let Stores { accounts, profiles, .. } = memory();
/// let at = UnixTime::from_secs(1_700_000_000);
/// let (name, roles) = ("ada".parse().unwrap(), vec![]);
/// let ada = Account { name, password_hash: "$argon2id$…".to_owned(), roles, disabled: false, created_at: at, epoch: 0 };
/// let moment = Effective { at, remember_until: at };
/// rocket::execute(async {
///     accounts.insert(&ada).await.unwrap();
///     let profile = Profile { display_name: "Ada".parse().ok(), language: None };
///     assert!(profiles.keep_profile(&ada.name, &profile).await.unwrap());
///     assert_eq!(profiles.profile_of(&ada.name).await.unwrap(), profile);
///     let left = profiles.leave(&ada.name, at, None, moment, Warrant::OPERATOR).await.unwrap();
///     assert_eq!(left, Change::Made(vec![]));
///     assert!(accounts.find(&ada.name).await.unwrap().unwrap().disabled, "until it is gone");
///     let gone = profiles.forget_one(at, "deleted:1").await.unwrap();
///     assert_eq!((gone, accounts.find(&ada.name).await.unwrap()), (Some(ada.name.clone()), None));
/// });
/// ```
#[async_trait]
pub trait ProfileStore: Send + Sync + 'static {
    /// What somebody says of themselves; nothing for an account that is not there.
    async fn profile_of(&self, name: &Username) -> Result<Profile, AccountStoreError>;

    /// Keeps it in place of what was; messages are written in its language from then on. `false` when there is no such
    /// account.
    async fn keep_profile(&self, name: &Username, profile: &Profile) -> Result<bool, AccountStoreError>;

    /// Disables an account whose person leaves, and ends all their sessions; at `leaves_at` it may be deleted. They are told
    /// by `farewell`, if they have an address. Enabling the account takes it back.
    async fn leave(
        &self,
        name: &Username,
        leaves_at: UnixTime,
        farewell: Option<(&MailMessage, &KeptLink)>,
        moment: Effective,
        warrant: Warrant<'_>,
    ) -> Result<Change, AccountStoreError>;

    /// When an account may be deleted, if its person leaves.
    async fn leaves_at(&self, name: &Username) -> Result<Option<UnixTime>, AccountStoreError>;

    /// Deletes one account that may be deleted by now, with everything that is kept of its person; events name `pseudonym`
    /// in their place. Tells whose it was, or `None` when there is none.
    async fn forget_one(&self, now: UnixTime, pseudonym: &str)
    -> Result<Option<Username>, AccountStoreError>;
}

impl DisplayName {
    /// As it is shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DisplayName {
    type Err = InvalidDisplayName;

    fn from_str(text: &str) -> Result<Self, InvalidDisplayName> {
        let text: String = text.trim().nfc().collect();
        let breaks = |sign: char| sign.is_control() || matches!(sign, '\u{2028}' | '\u{2029}');
        if (1..=LONGEST).contains(&text.chars().count()) && !text.contains(breaks) {
            Ok(Self(text))
        } else {
            Err(InvalidDisplayName)
        }
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const LONGEST: usize = 64;
