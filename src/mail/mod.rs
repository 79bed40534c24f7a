//! What do we send, and how does it get there?
//!
//! The accounts' wing writes messages into the store, with what they tell of ([`crate::users::PostOffice`]); here they are
//! put into words ([`letters`]), handed to a mail server or laid into a folder ([`transport`]), and tried again when that
//! fails ([`mailer`]). Nobody who asks for something waits for any of it.
//!
//! ```
//! use std::sync::Arc;
//! use portcullis::auth::{OsRandom, SystemClock};
//! use portcullis::mail::{Letters, MailRoute, Mailer, Transport};
//! use portcullis::store::memory;
//! use portcullis::testing;
//! use portcullis::users::{EmailAddress, PostOffice, SealKey};
//!
//! // In an application the stores of its accounts, and a key that is the same on every node.
//! let office = PostOffice::new(memory().mail, SealKey::derive(&[7; 32]), Arc::new(OsRandom));
//! let accounts = testing::accounts().with_post_office(office.clone());
//! assert!(accounts.post_office().is_some());
//!
//! let letters = Letters::embedded("Tollhouse", "https://login.example.org").unwrap();
//! let from: EmailAddress = "login@example.org".parse().unwrap();
//! let route = MailRoute::Smtp("smtps://mail.example.org".to_owned());
//! let transport = Transport::open(&route, &from, "Tollhouse", "login.example.org").unwrap();
//! let mailer = Mailer::new(office, letters, transport, Arc::new(SystemClock::new()), Arc::new(OsRandom));
//! // `mailer.run()` in a task of its own sends whatever is written from then on; this is one turn of it.
//! assert_eq!(rocket::execute(mailer.turn()).unwrap(), 0, "nothing waits");
//! ```

mod letters;
mod mailer;
mod transport;

pub use letters::{LetterText, Letters};
pub use mailer::Mailer;
pub use transport::{MailRoute, SendError, Transport};
