//! Who is this request?
//!
//! The library wing: it knows Rocket, cookies and tokens, and nothing of accounts, pages, templates or SQL.
//! In reading order:
//!
//! - `guards`, `sign_in`, `page_context`: what a handler writes in its signature; `sessions`, `oversight`: what it may do to
//!   its own sessions and to other people's.
//! - `verdict`: the one judgement per request behind every guard; `location`, `csrf`, `caller`, `origin`, `cors`: what it
//!   looks at.
//! - `token`, `ring`, `keys`: what a token says, and who signed it; `cookies`: how it travels.
//! - `rotation`: the state machine of refreshing; `session`: the row and the store's contract.
//! - `authority`: what is attached to the Rocket; `view`, `confirmed`: what this node knows without asking the store.
//! - `error`, `refusal`: why a request is not let through, and how programs are told.
//! - `fairing`, `follow`, `config`, `key_file`: attaching it; `clock`, `random`, `id`: the ground; `bench`, `test_bench`: the ways in
//!   for the benchmark and the test kit.

mod authority;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod bench;
mod caller;
mod claims;
mod clock;
mod config;
mod confirmed;
mod cookies;
mod cors;
mod csrf;
mod current_user;
mod error;
pub mod event;
mod fairing;
mod fence;
mod follow;
#[cfg(feature = "app")]
mod form_cookie;
mod guarded;
mod guards;
mod hooks;
mod id;
mod invalid;
mod journal;
mod key_file;
mod keys;
mod location;
mod negotiate;
mod origin;
mod oversight;
mod page_context;
mod plain;
mod random;
mod refusal;
mod ring;
pub mod rotation;
mod secret;
mod session;
mod sessions;
mod sign_in;
#[cfg(feature = "testing")]
mod test_bench;
mod token;
mod token_pair;
mod unkept;
mod variants;
mod verdict;
mod view;
mod wire;

pub use caller::{TrustedProxies, UnfitProxies};
pub use claims::{Claims, CustomClaims, NoClaims, SessionClaims};
pub use clock::{Clock, ManualClock, SystemClock, UnixTime};
pub use config::{AuthConfig, AuthSettings, RawSecret};
pub use cors::Cors;
#[cfg(feature = "app")]
pub(crate) use csrf::csrf_names;
pub use current_user::CurrentUser;
pub use error::AuthError;
pub use event::{Event, EventStore, What};
pub use fairing::{Portcullis, chain};
pub use fence::Fence;
#[cfg(feature = "app")]
pub(crate) use form_cookie::{FormCookie, has_cookies, is_signed_in_elsewhere};
#[cfg(feature = "sqlite")]
pub(crate) use guarded::{Guarded, folder, judge};
pub use guards::{AccessToken, FreshToken, OptionalToken, RefreshToken, Role, RoleToken, SignedIn};
pub use hooks::HookError;
pub use id::{InvalidId, SessionId, TokenId};
pub use invalid::{Claim, Invalid};
pub use key_file::{KeyFile, ListedKey};
pub use keys::{Algorithm, RsaKeys, UnfitKey};
pub use location::{Absent, Location};
pub use negotiate::wants_page;
pub use origin::{InvalidOrigin, Origin};
pub use oversight::Oversight;
pub use page_context::PageContext;
pub use plain::plain;
pub use random::{OsRandom, Random, RandomError};
pub use refusal::{Refusal, catchers};
pub use rotation::{EndReason, Ended, Leniency, State, Verdict};
pub use secret::Secret;
pub use session::{
    Cursor, Ending, Presence, Revocation, Revocations, Session, SessionStore, StoreError, Which,
};
pub use sessions::Sessions;
pub use sign_in::{CsrfToken, SameOrigin, SignInAttempt};
#[cfg(feature = "testing")]
pub use test_bench::Sample;
#[cfg(feature = "testing")]
pub(crate) use test_bench::TestBench;
pub use token::Kind;
pub use token_pair::TokenPair;
pub use variants::{BearerToken, BodyRefreshToken, BodyToken, CookieToken, QueryToken, StatelessToken};
#[cfg(feature = "app")]
pub(crate) use verdict::still_counts;
pub use wire::CookieSameSite;
#[cfg(feature = "app")]
pub(crate) use wire::CsrfNames;
