//! What do we send, and how does it get there?
//!
//! The accounts' wing writes messages into the store, with what they tell of ([`crate::users::PostOffice`]); here they are
//! put into words ([`letters`]), handed to a mail server or laid into a folder ([`transport`]), and tried again when that
//! fails ([`mailer`]). Nobody who asks for something waits for any of it.

mod letters;
mod mailer;
mod transport;

pub use letters::{LetterText, Letters};
pub use mailer::Mailer;
pub use transport::{SendError, Transport};
