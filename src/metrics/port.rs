//! The port of its own: a second Rocket, which serves two addresses to whoever the network lets in.
//!
//! | address | says |
//! |---|---|
//! | `/metrics` | the numbers, in OpenMetrics |
//! | `/health` | how this node is doing and why; 503 where no requests should be sent here |

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use rocket::fairing::{AdHoc, Fairing, Info, Kind, Result as Ignition};
use rocket::figment::providers::Serialized;
use rocket::http::{ContentType, Status};
use rocket::tokio::sync::oneshot;
use rocket::{Build, Orbit, Rocket, Shutdown, State, get, routes};
use serde_json::json;

use crate::metrics::{Metrics, Reading};
use crate::settings;

/// Serves the numbers beside the application, from before it takes its first request until after its last.
pub(crate) struct MetricsPort {
    address: SocketAddr,
    metrics: Arc<Metrics>,
    open: Mutex<Option<Open>>,
}

/// The port as it is served.
struct Open {
    address: SocketAddr,
    shutdown: Shutdown,
}

impl MetricsPort {
    pub(crate) fn new(address: SocketAddr, metrics: Arc<Metrics>) -> Self {
        Self { address, metrics, open: Mutex::default() }
    }

    fn rocket(&self, opened: oneshot::Sender<Open>) -> Rocket<Build> {
        let none: [&str; 0] = [];
        let figment = settings::defaults().merge(Serialized::globals(json!({
            "address": self.address.ip(),
            "port": self.address.port(),
            "shutdown": { "ctrlc": false, "signals": none, "grace": 1, "mercy": 1 },
        })));
        let opened = AdHoc::on_liftoff("Opened", |rocket| {
            // Nobody waits any more where the application has given up meanwhile.
            let address = SocketAddr::new(rocket.config().address, rocket.config().port);
            let _ = opened.send(Open { address, shutdown: rocket.shutdown() });
            Box::pin(async {})
        });
        rocket::custom(figment)
            .manage(Arc::clone(&self.metrics))
            .mount("/", routes![metrics, health])
            .attach(opened)
    }

    async fn open(&self) -> Result<(), String> {
        let (opened, is_open) = oneshot::channel();
        let serving = rocket::tokio::spawn(self.rocket(opened).launch());
        if let Ok(open) = is_open.await {
            *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(open);
            return Ok(());
        }
        Err(match serving.await {
            Ok(Err(error)) => format!("app.metrics_address: {}", error.kind()),
            _ => "app.metrics_address: nobody listens there".to_owned(),
        })
    }
}

#[rocket::async_trait]
impl Fairing for MetricsPort {
    fn info(&self) -> Info {
        Info { name: "Metrics", kind: Kind::Ignite | Kind::Liftoff | Kind::Shutdown }
    }

    async fn on_ignite(&self, rocket: Rocket<Build>) -> Ignition {
        match self.open().await {
            Ok(()) => Ok(rocket),
            Err(problem) => {
                tracing::error!("{problem}");
                Err(rocket)
            }
        }
    }

    async fn on_liftoff(&self, _: &Rocket<Orbit>) {
        if let Some(open) = &*self.open.lock().unwrap_or_else(PoisonError::into_inner) {
            tracing::info!("metrics are at http://{}/metrics", open.address);
        }
    }

    async fn on_shutdown(&self, _: &Rocket<Orbit>) {
        if let Some(open) = self.open.lock().unwrap_or_else(PoisonError::into_inner).take() {
            open.shutdown.notify();
        }
    }
}

#[get("/metrics")]
async fn metrics(metrics: &State<Arc<Metrics>>) -> Result<(ContentType, String), Status> {
    let text = metrics.text().await.map_err(|_| Status::InternalServerError)?;
    let kind = ContentType::new("application", "openmetrics-text");
    Ok((kind.with_params([("version", "1.0.0"), ("charset", "utf-8")]), text))
}

#[get("/health")]
async fn health(metrics: &State<Arc<Metrics>>) -> (Status, (ContentType, String)) {
    let reading = Reading::take(&metrics.sources).await;
    let status = if reading.is_ready() { Status::Ok } else { Status::ServiceUnavailable };
    (status, (ContentType::JSON, reading.health().to_string()))
}
