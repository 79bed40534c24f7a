//! Calls that everybody may make, and the two with which programs begin.

use super::Call;
use super::call::Caller::{Anybody, Person};
use super::call::get;
use crate::routes::health::{Live, Ready};
use crate::routes::protected::LoggedIn;

pub(super) fn calls() -> Vec<Call> {
    vec![
        get(Anybody, "/", "Leads to the dashboard, or to the page for signing in").leads_on(),
        get(Anybody, "/openapi.json", "This document").gives("application/json"),
        get(Anybody, "/health/live", "Whether the program runs").answers::<Live>(),
        get(Anybody, "/health/ready", "Whether people may be sent here")
            .answers::<Ready>()
            .answers_with::<Ready>(503),
        get(Anybody, "/health/seen", "For the program's own doctor; nothing is here for others")
            .refuses(&[404]),
        get(Anybody, "/.well-known/jwks.json", "The public keys (RFC 7517)")
            .gives("application/jwk-set+json"),
        get(Anybody, "/.well-known/change-password", "Leads to the page of the password").leads_on(),
        get(Person, "/protected", "Who asks").answers::<LoggedIn<'_>>(),
        get(Person, "/dashboard", "The page of whoever asks").query("notice", NOTICE).page(),
    ]
}

pub(super) const NOTICE: &str = "A word for which the page says that something was done";
