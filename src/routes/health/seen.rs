//! `/health/seen`: what a request looks like by the time it arrives here, for `portcullis doctor`, which asks for it at
//! `app.base_url` and learns what the proxy in between has changed.
//!
//! It is answered to whoever proves to have this installation's key, for a minute; for everybody else nothing is here.

use std::net::IpAddr;
use std::sync::Arc;

use rocket::request::{FromRequest, Outcome};
use rocket::{Request, State, get};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::{Clock, Sessions};
use crate::routes::answer::reply::Reply;
use crate::users::SealKey;

/// In which the doctor proves who asks.
pub const PROOF_HEADER: &str = "X-Portcullis-Doctor";

/// What a request was when it arrived.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct SeenRequest {
    /// Which host it named.
    pub host: Option<String>,
    /// From whom the connection came.
    #[schema(value_type = Option<String>)]
    pub peer: Option<IpAddr>,
    /// Whose request it is taken for.
    #[schema(value_type = Option<String>)]
    pub caller: Option<IpAddr>,
    /// What was said of that.
    pub forwarded_for: Option<String>,
    /// What stood behind the path.
    pub query: Option<String>,
    /// The cookies.
    pub cookie: Option<String>,
}

/// With which proofs are judged; `None` where there is no key.
pub(crate) struct DoctorKey {
    pub(crate) key: Option<SealKey>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The request as it arrived.
#[derive(Clone, Copy)]
pub(crate) struct Arrived<'r>(&'r Request<'r>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Arrived<'r> {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        Outcome::Success(Self(request))
    }
}

/// `GET /health/seen`.
#[get("/health/seen")]
pub(crate) fn seen(arrived: Arrived<'_>, sessions: Sessions<'_>, doctor: &State<DoctorKey>) -> Reply {
    let Arrived(request) = arrived;
    let header = |name: &str| request.headers().get_one(name);
    let is_proved = header(PROOF_HEADER)
        .zip(doctor.key.as_ref())
        .is_some_and(|(proof, key)| key.proves(proof, doctor.clock.now()));
    if !is_proved {
        return Reply::Missing;
    }
    let owned = |name: &str| header(name).map(str::to_owned);
    Reply::written(&SeenRequest {
        host: owned("Host"),
        peer: request.remote().map(|peer| peer.ip()),
        caller: sessions.address(),
        forwarded_for: owned("X-Forwarded-For").or_else(|| owned("Forwarded")),
        query: request.uri().query().map(|query| query.as_str().to_owned()),
        cookie: owned("Cookie"),
    })
}
