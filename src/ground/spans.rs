//! Which work of a request took how long? Spans, for whoever collects traces.
//!
//! A span says what kind of work it is and nothing of what it was about: no name, no token, no address. What is done on account
//! of no request has none. Without the cargo feature `otel` there are none at all, and nothing is paid for them.

use std::future::Future;

/// The `tracing` target of spans, which are no lines of a log.
#[cfg(feature = "otel")]
pub const SPANS: &str = "portcullis::spans";

/// A question to the store.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) async fn asking_store<T, E>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    #[cfg(feature = "otel")]
    let work = spanned::judged(
        work,
        || tracing::info_span!(target: SPANS, "store call", otel.kind = "client", otel.status_code = tracing::field::Empty),
    );
    work.await
}

/// A password that is hashed, with its wait for a turn.
#[cfg(feature = "second-factor")]
pub(crate) async fn hashing<T, E>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    #[cfg(feature = "otel")]
    let work = spanned::judged(
        work,
        || tracing::info_span!(target: SPANS, "password hash", otel.status_code = tracing::field::Empty),
    );
    work.await
}

/// A message that is handed over, which is done on account of no request.
#[cfg(feature = "mail")]
pub(crate) async fn sending<T, E>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    #[cfg(feature = "otel")]
    let work = spanned::alone(
        work,
        tracing::info_span!(target: SPANS, "mail", otel.kind = "client", otel.status_code = tracing::field::Empty),
    );
    work.await
}

/// The same work as a task of its own, within the span of whoever begins it.
pub(crate) fn inherited<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    #[cfg(feature = "otel")]
    let work = tracing::Instrument::in_current_span(work);
    work
}

#[cfg(feature = "otel")]
mod spanned {
    use std::future::Future;

    use tracing::{Instrument, Span};

    /// The work in this span, if it is a part of something; a failure is one of the span.
    pub(super) async fn judged<T, E>(
        work: impl Future<Output = Result<T, E>>,
        span: impl FnOnce() -> Span,
    ) -> Result<T, E> {
        if Span::current().is_none() { work.await } else { alone(work, span()).await }
    }

    /// The same, whether or not it is.
    pub(super) async fn alone<T, E>(work: impl Future<Output = Result<T, E>>, span: Span) -> Result<T, E> {
        let outcome = work.instrument(span.clone()).await;
        if outcome.is_err() {
            span.record("otel.status_code", "ERROR");
        }
        outcome
    }
}
