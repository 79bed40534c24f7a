//! An application that stands under a path of its origin (`app.base_path`).
//!
//! A proxy either takes the path off or leaves it on; both are taken, so that nobody has to say which. Pages go out with the
//! path before every address in them; redirects have it from where they are written.

use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::uri::Origin;
use rocket::{Data, Request, Response};

use crate::settings::base_path::BasePath;

/// Attached where the base path is not the root.
#[derive(Debug, Clone)]
pub(crate) struct Under(pub(crate) BasePath);

#[rocket::async_trait]
impl Fairing for Under {
    fn info(&self) -> Info {
        Info { name: "Under a path", kind: Kind::Request | Kind::Response }
    }

    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        let came = request.uri().to_string();
        let Some(inside) = self.0.inside(&came) else { return };
        let inside = if inside.starts_with('/') { inside.to_owned() } else { format!("/{inside}") };
        if let Ok(inside) = Origin::parse_owned(inside) {
            request.set_uri(inside);
        }
    }

    async fn on_response<'r>(&self, _: &'r Request<'_>, response: &mut Response<'r>) {
        if !response.content_type().is_some_and(|kind| kind.is_html()) {
            return;
        }
        // It is in memory already; one that cannot be read was sent to nobody.
        if let Ok(page) = response.body_mut().to_string().await {
            let page = self.0.page(&page);
            response.set_sized_body(page.len(), std::io::Cursor::new(page));
        }
    }
}
