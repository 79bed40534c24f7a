//! What do people have besides a password?
//!
//! Codes of an authenticator app, and recovery codes for the day when the phone is gone. A sign-in that lacks its second
//! step is no session; what becomes of it is [`machine`]'s question, what is kept of it [`store`]'s; what is
//! done with it stands in [`second`], for signing in, and in [`own`], for everything else.
//! A secret that must be read again is sealed ([`seal`]); of codes that are only compared there is a digest.

mod machine;
mod own;
mod seal;
mod second;
mod store;
mod totp;

pub use machine::{Beginning, PendingState, SecondOutcome, SecondProof, Standing, begin, present};
pub use own::{Enrolment, Factor, NewCodes};
pub use seal::{SealBroken, SealKey};
pub use second::{Pending, SecondAnswer, SecondFactor, SecondMethods, SecondStep, SecondStepError};
pub use store::{
    Answered, FactorId, FactorStore, InvalidFactorId, KeptFactor, KeptPending, PendingDigest, Presented,
};
pub use totp::TotpSecret;
