//! Who is this request?
//!
//! The library wing: it knows Rocket, cookies and tokens, and nothing of accounts, pages, templates or SQL.
//! Five rooms, each with a question of its own:
//!
//! - `guards`: what does a handler name in its signature?
//! - `request`: what does a request say, and what does it prove?
//! - `sessions`: what may become of a session?
//! - `tokens`: what was signed, and by whom?
//! - `wire`: the words on the wire.
//!
//! `fairing` attaches it all, `config` reads the settings and `plain` tells their mistakes, `id` names sessions and tokens, `status` says how the node is doing;
//! `bench` and `test_bench` are the ways in for the benchmark and the test kit.

#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod bench;
mod config;
mod fairing;
mod guards;
mod id;
mod plain;
mod request;
mod sessions;
mod status;
#[cfg(feature = "testing")]
mod test_bench;
mod tokens;
mod wire;

pub use crate::ground::clock::{Clock, ManualClock, SystemClock, UnixTime};
#[cfg(any(feature = "app", feature = "sqlite", feature = "postgres"))]
pub(crate) use crate::ground::patience;
pub use crate::ground::random::{OsRandom, Random, RandomError};
pub use crate::ground::request::RequestId;
#[cfg(feature = "app")]
pub(crate) use crate::ground::request::RequestIds;
#[cfg(any(feature = "mail", feature = "sqlite", feature = "postgres"))]
pub(crate) use crate::ground::spans;
#[cfg(feature = "otel")]
pub use crate::ground::spans::SPANS;
pub use crate::ground::timings::Distribution;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use crate::ground::timings::Timings;
pub use config::claims::ClaimsConfig;
pub use config::names::NamesConfig;
pub use config::proxies::{TrustedProxies, UnfitProxies};
pub use config::{AuthConfig, AuthSettings, RawSecret};
pub use fairing::{Portcullis, chain};
pub use guards::fence::Fence;
#[cfg(feature = "app")]
pub(crate) use guards::form_cookie::{FormCookie, has_cookies, is_signed_in_elsewhere};
pub use guards::forms::{CsrfToken, SameOrigin, SignInAttempt};
pub use guards::oversight::{Oversight, Presence};
pub use guards::page_context::PageContext;
pub use guards::places::{BearerToken, BodyRefreshToken, BodyToken, CookieToken, QueryToken, StatelessToken};
pub use guards::refusal::{Refusal, catchers};
pub use guards::sessions::Sessions;
pub use guards::token_pair::TokenPair;
pub use guards::tokens::strong::StrongToken;
pub use guards::tokens::{AccessToken, FreshToken, OptionalToken, RefreshToken, Role, RoleToken, SignedIn};
pub use guards::user::CurrentUser;
pub use id::{InvalidId, SessionId, TokenId};
pub use plain::plain;
pub use request::cors::Cors;
#[cfg(feature = "app")]
pub(crate) use request::csrf::csrf_names;
pub use request::negotiate::wants_page;
#[cfg(feature = "app")]
pub(crate) use request::verdict::still_counts;
pub use sessions::event::{Event, EventSpan, EventStore, JournalEntry, What};
pub use sessions::hooks::HookError;
pub use sessions::record::{Cursor, Ending, Revocation, Revocations, Session, SessionStore, Voucher, Which};
pub use sessions::rotation::{EndReason, Ended, Leniency, State, Verdict};
pub use sessions::store_error::StoreError;
pub use sessions::waiting::blocklist::Blocklist;
pub use sessions::{event, rotation};
pub use status::NodeStatus;
#[cfg(feature = "testing")]
pub use test_bench::Sample;
#[cfg(feature = "testing")]
pub(crate) use test_bench::TestBench;
pub use tokens::algorithm::{Algorithm, UnfitKey};
pub use tokens::claims::{Claims, CustomClaims, NoClaims, SessionClaims};
#[cfg(feature = "sqlite")]
pub(crate) use tokens::guarded::{Guarded, folder, judge};
pub use tokens::key_file::{KeyFile, ListedKey};
pub use tokens::keys::RsaKeys;
pub use tokens::secret::Secret;
pub use wire::error::AuthError;
pub use wire::invalid::{Claim, Invalid};
pub use wire::kind::Kind;
pub use wire::names::CookieSameSite;
#[cfg(feature = "app")]
pub(crate) use wire::names::CsrfNames;
pub use wire::origin::{InvalidOrigin, Origin};
pub use wire::place::{Absent, Location};
pub use wire::proved::{AuthLevel, Proved};
