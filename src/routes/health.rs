//! `/health/live` and `/health/ready`: for whoever decides where requests go, and whether to start the program anew.
//!
//! These two are open to everybody and say yes or no, from memory, so that asking costs nothing and tells nothing. Live is a
//! program whose event loop turns. Ready is one whose store answered the last time and that follows what others revoke
//! ([`NodeStatus`]), and that is not about to end.

pub mod seen;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rocket::http::Status;
use rocket::{State, get};
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::NodeStatus;
use crate::routes::answer::reply::Reply;
use crate::routes::answer::told::Yes;

/// Whether the program is about to end: it serves on, and whoever asks is told to send nobody else.
#[derive(Debug, Clone, Default)]
pub struct Draining(Arc<AtomicBool>);

impl Draining {
    /// From now on nobody is sent here any more.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The program's event loop turns.
#[derive(Serialize, ToSchema)]
pub(crate) struct Live {
    live: Yes,
}

/// Whether people may be sent here.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ready {
    ready: bool,
}

/// `GET /health/live`.
#[get("/health/live")]
pub(crate) fn live() -> Reply {
    Reply::written(&Live { live: Yes })
}

/// `GET /health/ready`: 503 otherwise.
#[get("/health/ready")]
pub(crate) fn ready(node: &State<NodeStatus>, draining: &State<Draining>) -> Reply {
    let is_ready = node.is_ready() && !draining.has_begun();
    let status = if is_ready { Status::Ok } else { Status::ServiceUnavailable };
    Reply::written_as(status, &Ready { ready: is_ready })
}
