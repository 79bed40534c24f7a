//! Who is this request?

mod clock;
mod id;
mod random;
pub mod rotation;
mod session;

pub use clock::{Clock, ManualClock, SystemClock, UnixTime};
pub use id::{InvalidId, SessionId, TokenId};
pub use random::{OsRandom, Random, RandomError};
pub use rotation::{EndReason, Ended, Leniency, State, Verdict};
pub use session::{Cursor, Ending, Revocation, Revocations, Session, SessionStore, StoreError, Which};
