//! What a link in a message says, and whether it is one of ours.
//!
//! Its text names a row and carries a code (HMAC-SHA-256, 96 bits of it) over the row, what the link is for and to whom it
//! was sent. So whoever reads the store, or writes into it, makes no link; and what a row says that was changed is not what
//! the link says.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use crate::auth::UnixTime;
use crate::users::factors::SealKey;
use crate::users::mail::address::EmailAddress;
use crate::users::mail::newcomer::Newcomer;
use crate::users::username::Username;

/// The name of a link's row: 96 random bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkId([u8; ID]);

/// What a link is for.
///
/// ```
/// use portcullis::users::LinkPurpose;
///
/// assert_eq!(LinkPurpose::Reset.as_str(), "reset");
/// assert_eq!(LinkPurpose::from_text("reset"), Some(LinkPurpose::Reset));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LinkPurpose {
    /// Whoever follows it reads what is sent to this address, which is the account's from then on.
    Prove,
    /// Whoever follows it chooses a new password.
    Reset,
    /// Whoever follows it takes back that the account has another address now.
    Undo,
    /// Whoever follows it did not do what the message tells of.
    Disown,
    /// Whoever follows it becomes somebody here.
    Join,
    /// Whoever follows it stays, after all.
    Stay,
}

/// A link as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLink {
    /// Its row.
    pub id: LinkId,
    /// What it is for.
    pub purpose: LinkPurpose,
    /// Whose account; `None` for one that leads nowhere, and stands there so that nobody learns who has an account by how
    /// long it takes to say nothing.
    pub account: Option<Username>,
    /// To whom it was sent.
    pub address: EmailAddress,
    /// The state of the account in which it counts; `None` for one that outlives every change.
    pub epoch: Option<u64>,
    /// When it was made.
    pub made_at: UnixTime,
    /// From when on it is worth nothing.
    pub expires_at: UnixTime,
    /// When it was followed.
    pub used_at: Option<UnixTime>,
    /// Of a link by which somebody joins: what is kept of them until then.
    pub newcomer: Option<Newcomer>,
}

impl LinkId {
    /// The id of these random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; ID]) -> Self {
        Self(bytes)
    }

    /// Its bytes, for a store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; ID] {
        &self.0
    }
}

impl LinkPurpose {
    const TABLE: [(Self, &'static str); 6] = [
        (Self::Prove, "prove"),
        (Self::Reset, "reset"),
        (Self::Undo, "undo"),
        (Self::Disown, "not_me"),
        (Self::Join, "join"),
        (Self::Stay, "stay"),
    ];

    /// Its word, as stores keep it and programs read it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::TABLE.iter().find(|(purpose, _)| *purpose == self).map_or("unknown", |(_, word)| word)
    }

    /// The purpose of a kept word; `None` for one that another version wrote.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::TABLE.iter().find(|(_, word)| *word == text).map(|(purpose, _)| *purpose)
    }
}

impl KeptLink {
    /// Whether it can still be followed, as far as the account's state does not count.
    #[must_use]
    pub fn is_open(&self, now: UnixTime) -> bool {
        let leads_somewhere = self.account.is_some() || self.newcomer.is_some();
        self.used_at.is_none() && now < self.expires_at && leads_somewhere
    }

    /// The same, leading nowhere.
    #[must_use]
    pub fn to_nobody(&self) -> Self {
        Self { account: None, newcomer: None, ..self.clone() }
    }

    /// The text that stands in the message, behind `/link/`.
    pub(super) fn text(&self, key: &SealKey) -> String {
        URL_SAFE_NO_PAD.encode([self.id.as_bytes().as_slice(), &self.code(key)].concat())
    }

    /// Whether this code was made for it.
    pub(super) fn is_told_by(&self, code: &[u8; CODE], key: &SealKey) -> bool {
        self.code(key).ct_eq(code).into()
    }

    fn code(&self, key: &SealKey) -> [u8; CODE] {
        let address = self.address.as_str().as_bytes();
        let told = [self.purpose.as_str().as_bytes(), &[0], self.id.as_bytes(), address].concat();
        let mut code = [0; CODE];
        let signed = hmac::sign(&key.links(), &told);
        code.iter_mut().zip(signed.as_ref()).for_each(|(byte, signed)| *byte = *signed);
        code
    }
}

/// The row and the code of a link's text; `None` when it has another shape.
pub(super) fn read(text: &str) -> Option<(LinkId, [u8; CODE])> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (id, code) = bytes.split_first_chunk::<ID>()?;
    Some((LinkId(*id), code.try_into().ok()?))
}

const ID: usize = 12;
const CODE: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bit_of_a_link_or_of_its_row_can_be_changed() {
        let key = SealKey::derive(&[7; 32]);
        let link = KeptLink {
            id: LinkId([9; ID]),
            purpose: LinkPurpose::Prove,
            account: Some("ada".parse().unwrap()),
            address: "ada@example.org".parse().unwrap(),
            epoch: Some(3),
            made_at: UnixTime::from_secs(0),
            expires_at: UnixTime::from_secs(10),
            used_at: None,
            newcomer: None,
        };
        let text = link.text(&key);
        assert_eq!(text.len(), 32);
        let (id, code) = read(&text).unwrap();
        assert!(id == link.id && link.is_told_by(&code, &key));
        assert!(!link.is_told_by(&code, &SealKey::derive(&[8; 32])));
        let others = [
            KeptLink { purpose: LinkPurpose::Reset, ..link.clone() },
            KeptLink { address: "bob@example.org".parse().unwrap(), ..link.clone() },
            KeptLink { id: LinkId([8; ID]), ..link.clone() },
        ];
        assert!(others.iter().all(|other| !other.is_told_by(&code, &key)));
        for place in 0..CODE * 8 {
            let mut other = code;
            other.get_mut(place / 8).into_iter().for_each(|byte| *byte ^= 1 << (place % 8));
            assert!(!link.is_told_by(&other, &key));
        }
        for text in ["", "x", &text[1..], &format!("{text}A"), &format!("{text}="), "Ä"] {
            assert!(read(text).is_none_or(|(id, code)| id != link.id || !link.is_told_by(&code, &key)));
        }
    }
}
