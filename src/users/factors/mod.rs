//! What do people have besides a password?
//!
//! Codes of an authenticator app, passkeys, and recovery codes for the day when the phone is gone. A sign-in that lacks its second
//! step is no session; what becomes of it is [`machine`]'s question, what is kept of it [`store`]'s; what is
//! done with it stands in [`second`], for signing in, and in [`own`], for everything else.
//! A secret that must be read again is sealed ([`seal`]); of codes that are only compared there is a digest. What a passkey
//! signs is [`challenge`]'s, whether it did is [`webauthn`]'s, and what follows stands in [`passkeys`]. Whatever is given for
//! one of them is read in [`proof`].

#[cfg_attr(not(feature = "passkeys"), expect(dead_code, reason = "only passkeys answer challenges"))]
mod challenge;
mod id;
mod machine;
mod own;
#[cfg(feature = "passkeys")]
mod passkeys;
mod proof;
mod seal;
mod second;
mod store;
mod totp;
mod trust;
#[cfg(feature = "passkeys")]
mod webauthn;

pub use machine::{
    Beginning, Lack, PendingState, SecondOutcome, SecondProof, Standing, arrive, begin, begin_strong,
    enrolled, present,
};
pub use own::{Enrolment, Factor, FactorKind, NewCodes};
#[cfg(feature = "passkeys")]
pub use passkeys::PasskeyError;
pub use proof::{SecondAnswer, SecondFactor};
pub use seal::{SealBroken, SealKey};
pub(in crate::users) use second::NextStep;
pub use second::{Pending, SecondMethods, SecondStep, SecondStepError, Trusting, UnderWay};
pub use store::{
    Answered, Confirmation, FactorCounts, FactorId, FactorStore, InvalidFactorId, KeptFactor, KeptPasskey,
    KeptPending, PendingDigest, Presented, Removal, ShownPasskey,
};
pub use totp::TotpSecret;
pub use trust::trusted::{TrustStore, TrustedBrowser};
#[cfg(feature = "passkeys")]
pub use webauthn::PasskeySite;
