//! What do people read who are not here?
//!
//! An account may have an address, which counts once its owner has followed a link that was sent there. Whoever acts keeps
//! the change, the link and the message in one transaction and answers; a worker sends ([`crate::mail`], where that is built
//! in), and no request ever waits for it.
//!
//! A link names a row, its purpose and its address under a code of a key that is not in the store, so that nothing in the
//! store makes a link ([`link`]). It is followed once, in the transaction that acts on it ([`store`]); looking at it changes
//! nothing, because mail is read by machines before people read it.
//! What is waiting to be sent is [`outbox`]'s, and when it is tried again is a pure function there.

mod address;
mod link;
mod newcomer;
mod outbox;
mod own;
mod store;
mod writing;

pub use address::{EmailAddress, InvalidEmailAddress};
pub use link::{KeptLink, LinkId, LinkPurpose};
pub use newcomer::{Newcomer, Registration};
pub use outbox::{Letter, MailBacklog, MailMessage, MessageId, OutboxStore, QueuedMessage, Setback};
pub use own::{LinkError, LinkForm, OpenLink, PostOffice};
pub use store::{Followed, FollowedLink, KnownAddress, LinkStep, MailStore, Posted};
pub use writing::notice;
