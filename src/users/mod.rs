//! Who may log in?
//!
//! Accounts, their passwords, and the use case that answers the question.
//! This wing knows no request and no store: it owns the contract of whoever keeps accounts, and takes the time from
//! `auth`'s clock.

mod account;
mod accounts;
mod code;
mod codes;
mod factors;
mod mail;
pub mod password;
mod policy;
mod roles;
mod sign_in;
mod sign_in_error;
mod store_error;
mod throttle;
mod username;

pub use account::{
    Account, AccountStore, Change, DisplayName, Effective, InvalidDisplayName, NewHash, Profile,
    ProfileStore, SessionName, Warrant,
};
pub use accounts::{Accounts, ChangeError, Creation, Departure, LeakedPasswords};
pub use code::{BYTES as CODE_BYTES, CodeDigest, InvalidCode, KeptCode, OneTimeCode};
pub use codes::{Invitation, Redeemed};
pub use factors::{
    Answered, Beginning, Confirmation, Enrolment, Factor, FactorCounts, FactorId, FactorKind, FactorStore,
    InvalidFactorId, KeptFactor, KeptPasskey, KeptPending, Lack, NewCodes, Pending, PendingDigest,
    PendingState, Presented, Removal, SealBroken, SealKey, SecondAnswer, SecondFactor, SecondMethods,
    SecondOutcome, SecondProof, SecondStep, SecondStepError, ShownPasskey, Standing, TotpSecret, TrustStore,
    TrustedBrowser, Trusting, UnderWay, arrive, begin, begin_strong, enrolled, present,
};
#[cfg(feature = "passkeys")]
pub use factors::{PasskeyError, PasskeySite};
pub use mail::{
    EmailAddress, Followed, FollowedLink, InvalidEmailAddress, KeptLink, KnownAddress, Letter, LinkError,
    LinkForm, LinkId, LinkPurpose, LinkStep, MailBacklog, MailMessage, MailStore, MessageId, Newcomer,
    OpenLink, OutboxStore, PostOffice, Posted, QueuedMessage, Registration, Setback, notice,
};
pub use password::{Cost, HashError, HashLoad, Hasher, InvalidPassword, Password, UnfitCost};
pub use policy::{PasswordPolicy, UnfitPassword};
pub use roles::{InvalidRoles, Roles};
pub use sign_in::{Authenticated, Step};
pub use sign_in_error::SignInError;
pub use store_error::AccountStoreError;
#[cfg(feature = "app")]
pub(crate) use throttle::OF_A_PROGRAM;
pub use throttle::{Admission, Attempt, AttemptStore, Failures, Key, Retention, Ruling, Subject};
pub use username::{InvalidUsername, Username};
