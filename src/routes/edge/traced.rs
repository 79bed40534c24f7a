//! The span of a request: its method, the template of its route, its status and its name, and nothing that it brought.
//!
//! Who asks may say of which trace the request is a part (`traceparent`, <https://www.w3.org/TR/trace-context/>). Anybody can say
//! so, so it is a link from our trace to theirs, and decides neither its name nor whether there is one.

use std::future::Future;

use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use rocket::Request;
use rocket::http::HeaderMap;
use rocket::route::Outcome;
use tracing::field::Empty;
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::auth::{RequestId, SPANS};

/// The work of a request in its span.
pub(super) async fn traced<'r>(
    request: &'r Request<'_>,
    name: Option<&RequestId>,
    work: impl Future<Output = Outcome<'r>>,
) -> Outcome<'r> {
    let span = span_of(request, name);
    if span.is_none() {
        return work.await;
    }
    let outcome = work.instrument(span.clone()).await;
    let status = match &outcome {
        Outcome::Success(response) => response.status(),
        Outcome::Error(status) | Outcome::Forward((_, status)) => *status,
    };
    span.record("http.response.status_code", status.code);
    if status.code >= 500 {
        span.record("otel.status_code", "ERROR");
    }
    outcome
}

fn span_of(request: &Request<'_>, name: Option<&RequestId>) -> Span {
    let method = request.method().as_str();
    let route = request.route().map_or("-", |route| route.uri.path());
    let span = tracing::info_span!(
        target: SPANS,
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        portcullis.request = name.map(RequestId::as_str),
    );
    if !span.is_none() {
        let told = TraceContextPropagator::new().extract(&TheirTrace(request.headers()));
        let elsewhere = told.span().span_context().clone();
        if elsewhere.is_valid() {
            span.add_link(elsewhere);
        }
    }
    span
}

struct TheirTrace<'r>(&'r HeaderMap<'r>);

impl Extractor for TheirTrace<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        // What stands beside the identifiers is a stranger's text, which has no place in our traces.
        (key == "traceparent").then(|| self.0.get_one(key)).flatten()
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}
