//! What an application adds: claims of its own, a last question about every token, and its own idea of a person.
//!
//! Hooks are typed and belong to one Rocket.
//! None of them can loosen anything: a hook for claims cannot write one of ours, and the last question is asked last.

use std::future::Future;
use std::pin::Pin;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::auth::sessions::record::Session;
use crate::auth::tokens::claims::Claims;
use crate::auth::wire::error::AuthError;

/// An error of the application's own; the caller is answered 503 and the log gets the rest.
pub type HookError = Box<dyn std::error::Error + Send + Sync>;

pub(crate) type HookFuture<T> = Pin<Box<dyn Future<Output = Result<T, HookError>> + Send>>;

type ClaimsHook = dyn Fn(Session) -> HookFuture<Map<String, Value>> + Send + Sync;
type VerifyHook = dyn Fn(&Claims<'_>) -> bool + Send + Sync;

/// The hooks of one Rocket.
#[derive(Default)]
pub(crate) struct Hooks {
    claims: Option<Box<ClaimsHook>>,
    verify: Option<Box<VerifyHook>>,
}

impl Hooks {
    /// Asks for claims at sign-in and at every refresh.
    pub(crate) fn set_claims<F, Fut, C>(&mut self, hook: F)
    where
        F: Fn(Session) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<C, HookError>> + Send + 'static,
        C: Serialize,
    {
        self.claims = Some(Box::new(move |session| {
            let claims = hook(session);
            Box::pin(async move {
                match serde_json::to_value(claims.await?)? {
                    Value::Object(claims) => Ok(claims),
                    _ => Err("the claims are not an object".into()),
                }
            })
        }));
    }

    /// Asks a last question about every access token.
    pub(crate) fn set_verify(&mut self, hook: impl Fn(&Claims<'_>) -> bool + Send + Sync + 'static) {
        self.verify = Some(Box::new(hook));
    }

    /// The application's claims for a session.
    pub(crate) async fn claims_for(&self, session: &Session) -> Result<Map<String, Value>, AuthError> {
        let Some(hook) = &self.claims else { return Ok(Map::new()) };
        hook(session.clone()).await.map_err(|error| {
            tracing::error!(error = &*error as &dyn std::error::Error, "the hook for claims failed");
            AuthError::Unavailable
        })
    }

    pub(crate) fn refuses(&self, claims: &Claims<'_>) -> bool {
        self.verify.as_ref().is_some_and(|hook| !hook(claims))
    }
}
