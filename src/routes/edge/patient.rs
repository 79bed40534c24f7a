//! A route whose caller is told within a second that the store is out of reach, however many questions it asks.

use rocket::route::{Handler, Outcome};
use rocket::{Data, Request, Route};

use crate::auth::patience;

/// What a route does, guards included, while there is time.
#[derive(Clone)]
struct Patient(Box<dyn Handler>);

#[rocket::async_trait]
impl Handler for Patient {
    async fn handle<'r>(&self, request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r> {
        patience::in_all(self.0.handle(request, data)).await
    }
}

/// The same routes, each of which waits for the store no longer than a request may.
pub(crate) fn all(mut routes: Vec<Route>) -> Vec<Route> {
    for route in &mut routes {
        route.handler = Box::new(Patient(route.handler.clone()));
    }
    routes
}
