//! Every request is seen twice: when it comes, and when its answer goes.
//!
//! In between it has a name ([`RequestId`]), which the answer says in `X-Request-Id` and which stands in every line that is
//! logged on its account; one that a proxy of the operator's gave is kept. What is told of it afterwards, to the log and to
//! whoever counts, is its method, the template of its route, its status and how long it took, and nothing that it brought:
//! no path, no query, no cookie, no body.

use std::sync::Arc;
use std::time::Duration;

use rocket::fairing::{Fairing, Info, Kind};
use rocket::route::{Handler, Outcome};
use rocket::{Data, Request, Response, Route};

use crate::auth::{Clock, RequestId, RequestIds, TrustedProxies};

/// Hears of every answer.
pub(crate) trait ExchangeListener: Send + Sync + 'static {
    /// This was answered.
    fn hear(&self, observation: &Observation<'_>);
}

/// What is told of a request once it was answered.
#[derive(Debug)]
pub(crate) struct Observation<'r> {
    pub(crate) method: &'static str,
    /// The template of the route, as in `/people/<name>`; `-` where there is none.
    pub(crate) route: &'r str,
    pub(crate) status: u16,
    /// Until its answer began to go.
    pub(crate) took: Duration,
}

/// RequestNames requests and tells of their answers.
pub(crate) struct Observed {
    pub(crate) clock: Arc<dyn Clock>,
    /// Whether each answer is a line in the log.
    pub(crate) is_logged: bool,
    pub(crate) audience: Option<Arc<dyn ExchangeListener>>,
}

/// Where names come from.
#[derive(Debug, Clone)]
pub(crate) struct RequestNames {
    own: Arc<RequestIds>,
    /// Who may give one.
    proxies: TrustedProxies,
}

/// When a request came.
struct Arrival(Duration);

/// A route whose work is done under the name of its request.
#[derive(Clone)]
struct Named(Box<dyn Handler>);

impl RequestNames {
    /// Own names from this place on, and those that these proxies give.
    pub(crate) fn new(start: [u8; 8], proxies: TrustedProxies) -> Self {
        Self { own: Arc::new(RequestIds::starting_at(start)), proxies }
    }

    fn of(&self, request: &Request<'_>) -> RequestId {
        let is_proxy = request.remote().is_some_and(|peer| self.proxies.contains(peer.ip()));
        let given = is_proxy.then(|| request.headers().get_one(REQUEST_ID)).flatten();
        given.and_then(RequestId::from_text).unwrap_or_else(|| self.own.draw())
    }
}

/// The name of a request; `None` where nobody names any.
pub(crate) fn name_of<'r>(request: &'r Request<'_>) -> Option<&'r RequestId> {
    request.local_cache(|| request.rocket().state::<RequestNames>().map(|names| names.of(request))).as_ref()
}

/// The same routes, whose work is done under the names of their requests.
pub(crate) fn named(mut routes: Vec<Route>) -> Vec<Route> {
    for route in &mut routes {
        route.handler = Box::new(Named(route.handler.clone()));
    }
    routes
}

#[rocket::async_trait]
impl Handler for Named {
    async fn handle<'r>(&self, request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r> {
        let (name, work) = (name_of(request), self.0.handle(request, data));
        #[cfg(feature = "otel")]
        let work = super::traced::traced(request, name, work);
        match name {
            Some(name) => name.clone().named(work).await,
            None => work.await,
        }
    }
}

#[rocket::async_trait]
impl Fairing for Observed {
    fn info(&self) -> Info {
        Info { name: "Observed", kind: Kind::Request | Kind::Response }
    }

    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        request.local_cache(|| Arrival(self.clock.monotonic()));
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        self.tell(request, response.status().code);
    }
}

impl Observed {
    /// Whether anybody wants to hear of requests; without, nobody needs to see them.
    pub(crate) fn is_wanted(&self) -> bool {
        self.is_logged || self.audience.is_some()
    }

    fn tell(&self, request: &Request<'_>, status: u16) {
        let now = self.clock.monotonic();
        let Arrival(since) = request.local_cache(|| Arrival(now));
        let observation = Observation {
            method: request.method().as_str(),
            route: request.route().map_or("-", |route| route.uri.path()),
            status,
            took: now.saturating_sub(*since),
        };
        if let Some(audience) = &self.audience {
            audience.hear(&observation);
        }
        if self.is_logged {
            let Observation { method, route, status, took } = observation;
            let milliseconds = f64::from(u32::try_from(took.as_micros()).unwrap_or(u32::MAX)) / 1000.0;
            let name = name_of(request).map_or("-", RequestId::as_str);
            tracing::info!(target: TARGET, method, route, status, milliseconds, request = name, "answered");
        }
    }
}

/// In which answers say the name of their request.
pub(crate) const REQUEST_ID: &str = "X-Request-Id";
/// The `tracing` target of the lines about answers.
const TARGET: &str = "portcullis::access";
