//! A request names exactly one host (RFC 9112 §3.2).
//!
//! Two let a proxy and us think of different sites, and none leaves nothing to hold an `Origin` against.
//! Rocket does not refuse them, and a request fairing cannot answer, so the request is pointed at nothing and the catcher
//! reads why. Only what a listening server gets has a host at all, so this is attached where the program listens.

use rocket::fairing::{Fairing, Info, Kind};
use rocket::{Data, Request, uri};

/// Refuses requests with no host or several.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OneHost;

struct Unhosted(bool);

#[rocket::async_trait]
impl Fairing for OneHost {
    fn info(&self) -> Info {
        Info { name: "One host", kind: Kind::Request }
    }

    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        let hosts = request.headers().get("Host").count();
        if hosts != 1 || request.host().is_none() {
            request.local_cache(|| Unhosted(true));
            // No route is called so.
            request.set_uri(uri!("/-"));
        }
    }
}

/// Whether this request, which found nothing, was refused for its hosts.
pub(crate) fn is_unhosted(request: &Request<'_>) -> bool {
    request.local_cache(|| Unhosted(false)).0
}
