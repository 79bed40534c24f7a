//! What programs are told of a person, and of what was done to them.

use serde::Serialize;
use utoipa::ToSchema;

use super::PersonPage;
use crate::routes::account::dashboard::ShownEvent;
use crate::routes::account::sessions::Shown;
use crate::routes::answer::told::{No, Yes};
use crate::routes::people::list::ShownPerson;
use crate::routes::view::frame::Moment;

/// A person, as administrators see them.
#[derive(Serialize, ToSchema)]
#[schema(as = PersonInFull)]
pub(crate) struct ToldPerson<'a> {
    person: &'a ShownPerson,
    sessions: &'a [Shown<'a>],
    events: &'a [ShownEvent<'a>],
    /// Until when a code of theirs can be exchanged.
    #[schema(required)]
    code_until: Option<&'a Moment>,
    /// How many attempts to sign in failed in a row.
    failures: u32,
    /// How many apps and passkeys they have.
    factors: usize,
    factor_required: bool,
    /// When the next attempt is looked at, if it has to wait.
    #[schema(required)]
    next_attempt: Option<&'a Moment>,
    #[schema(required)]
    display_name: Option<&'a str>,
    #[schema(required)]
    email: Option<&'a str>,
    /// When the account is gone, if it is about to go.
    #[schema(required)]
    leaves_at: Option<&'a Moment>,
}

/// The code that was issued last is worth nothing any more.
#[derive(Serialize, ToSchema)]
pub(crate) struct CodeTakenBack {
    pub(super) withdrawn: Yes,
}

/// The next attempt to sign in need not wait.
#[derive(Serialize, ToSchema)]
pub(crate) struct FailuresForgiven {
    pub(super) failures: u32,
}

/// Somebody is kept out.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeptOut {
    pub(super) disabled: Yes,
    /// How many sessions that ended.
    pub(super) ended: usize,
}

/// Somebody is let in again.
#[derive(Serialize, ToSchema)]
pub(crate) struct LetIn {
    pub(super) disabled: No,
}

/// The roles that somebody has from now on.
#[derive(Serialize, ToSchema)]
pub(crate) struct GrantedRoles<'a> {
    pub(super) roles: &'a [String],
    /// How many sessions that ended.
    pub(super) ended: usize,
}

impl PersonPage<'_> {
    /// The same for programs.
    pub(super) fn told(&self) -> ToldPerson<'_> {
        ToldPerson {
            person: &self.person,
            sessions: &self.sessions,
            events: &self.events,
            code_until: self.code_until.as_ref().filter(|_| self.code_open),
            failures: self.failures,
            factors: self.factors,
            factor_required: self.factor_required,
            next_attempt: self.next_attempt.as_ref(),
            display_name: Some(self.display_name.as_str()).filter(|name| !name.is_empty()),
            email: self.address.as_deref(),
            leaves_at: self.leaves_at.as_ref(),
        }
    }
}
