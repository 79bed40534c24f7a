//! What does an operator see who looks at numbers?
//!
//! Counters, gauges and histograms in the OpenMetrics text, all named `portcullis_…`, and a sentence more of health than
//! strangers are told, at a port of their own (`app.metrics_address`), which only the operator's network reaches.
//!
//! Little is counted here. The library counts what happened at its node ([`NodeStatus`]), the hasher its queue, the store its
//! calls; they are read when somebody asks. No label holds what a person, a token or an address is: labels are words of closed
//! lists and templates of routes, so that there are never more series than those.

mod port;
mod reading;

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

pub(crate) use self::port::MetricsPort;
use self::reading::Reading;
use crate::auth::{Clock, NodeStatus};
use crate::routes::edge::observed::{ExchangeListener, Observation};
use crate::routes::health::Draining;
use crate::store::StoreUrl;
use crate::users::{Accounts, MailStore};

/// Whom the numbers are read from.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) node: NodeStatus,
    pub(crate) accounts: Accounts,
    /// The messages that wait, where any are sent.
    pub(crate) mail: Option<Arc<dyn MailStore>>,
    pub(crate) draining: Draining,
    pub(crate) store: StoreUrl,
    pub(crate) clock: Arc<dyn Clock>,
}

/// What is counted and what is read.
pub(crate) struct Metrics {
    sources: Sources,
    answers: Family<AnswerLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
}

/// What an answer was.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AnswerLabels {
    method: &'static str,
    route: String,
    status: u16,
}

/// To what it was one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: &'static str,
    route: String,
}

impl Metrics {
    pub(crate) fn of(sources: Sources) -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(SECONDS);
        Self { sources, answers: Family::default(), durations: Family::new_with_constructor(histogram) }
    }

    /// Everything as it is now, in OpenMetrics.
    pub(crate) async fn text(&self) -> Result<String, std::fmt::Error> {
        let reading = Reading::take(&self.sources).await;
        let mut registry = Registry::with_prefix("portcullis");
        registry.register("requests", "Requests that were answered", self.answers.clone());
        let help = "How long it took until the answer began";
        registry.register_with_unit("request_duration", help, Unit::Seconds, self.durations.clone());
        registry.register_collector(Box::new(reading));
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }
}

impl ExchangeListener for Metrics {
    fn hear(&self, observation: &Observation<'_>) {
        let (method, route) = (observation.method, observation.route.to_owned());
        let labels = RouteLabels { method, route: route.clone() };
        self.durations.get_or_create(&labels).observe(observation.took.as_secs_f64());
        let labels = AnswerLabels { method, route, status: observation.status };
        self.answers.get_or_create(&labels).inc();
    }
}

/// From a tenth of what a page takes to what nobody waits for.
const SECONDS: [f64; 12] = [0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0];
