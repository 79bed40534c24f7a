//! `/openapi.json`: what programs can ask and what they are answered, as OpenAPI 3.1 (<https://spec.openapis.org/oas/v3.1.0>).
//!
//! Bodies and answers are described by the types that handlers read and write, so a member that is new is told of here, too.
//! What a type cannot say, who may ask and what is refused, stands in a table for each room of handlers ([`call`] is its
//! language). Tests hold the tables against the routes, and let others' tools send what the document promises.
//!
//! Names on the wire are those of this installation.

mod account;
mod call;
mod mail;
mod open;
mod people;
mod signing;

use std::collections::BTreeMap;

use rocket::http::Status;
use rocket::{State, get};
use utoipa::openapi::path::PathsBuilder;
use utoipa::openapi::schema::{ComponentsBuilder, ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApiBuilder, Server};

use crate::auth::{AuthSettings, Location, Refusal};
use crate::routes::answer::reply::Reply;
use crate::settings::base_path::BasePath;

use call::Call;

/// The document, written once.
pub(crate) struct OpenApi(Option<String>);

/// `GET /openapi.json`.
#[get("/openapi.json")]
pub(crate) fn document(written: &State<OpenApi>) -> Reply {
    match &written.0 {
        Some(text) => Reply::Written(Status::Ok, text.clone()),
        None => Reply::Refused(Refusal::of_status(Status::InternalServerError)),
    }
}

impl OpenApi {
    /// For an application with these settings, under this path.
    pub(crate) fn of(auth: &AuthSettings, base: &BasePath) -> Self {
        let spoken = Spoken::of(auth);
        let calls =
            [open::calls(), signing::calls(), account::calls(), mail::calls(), people::calls()].concat();
        let mut schemas = BTreeMap::from([(call::REFUSED.to_owned(), refused(auth).into())]);
        let mut paths = PathsBuilder::new();
        for call in calls {
            let (path, item, named) = call.into_item(&spoken);
            schemas.extend(named);
            paths = paths.path(path, item);
        }
        let mut components =
            ComponentsBuilder::new().schemas_from_iter(schemas).responses_from_iter(call::refusals());
        for (name, scheme) in spoken.schemes {
            components = components.security_scheme(name, scheme);
        }
        let info = InfoBuilder::new()
            .title("Portcullis")
            // The interface's; which program serves it is nobody's business.
            .version("1")
            .description(Some(ESSAY))
            .license(Some(LicenseBuilder::new().name(env!("CARGO_PKG_LICENSE")).build()));
        let server = Server::new(if base.is_root() { "/".to_owned() } else { base.address("") });
        let document = OpenApiBuilder::new()
            .info(info)
            .servers(Some([server]))
            .paths(paths)
            .components(Some(components.build()))
            .build();
        Self(
            document
                .to_json()
                .map_err(|error| tracing::error!(%error, "no /openapi.json can be written"))
                .ok(),
        )
    }
}

/// How it is proved who asks, by the settings.
struct Spoken {
    cookies: bool,
    header: bool,
    query: bool,
    schemes: Vec<(&'static str, SecurityScheme)>,
}

impl Spoken {
    fn of(auth: &AuthSettings) -> Self {
        let (wire, has) = (&auth.wire, |location| auth.locations.contains(location));
        let key = |name: &str, says: &str| ApiKeyValue::with_description(name, says);
        let mut schemes = Vec::new();
        if has(Location::Cookies) {
            let (access, refresh) = ("The access token", "The refresh token");
            let proof = "The CSRF value of the token: its readable cookie has it, and so has the token";
            schemes.push((
                call::ACCESS_COOKIE,
                SecurityScheme::ApiKey(ApiKey::Cookie(key(&wire.access_cookie, access))),
            ));
            schemes.push((
                call::REFRESH_COOKIE,
                SecurityScheme::ApiKey(ApiKey::Cookie(key(&wire.refresh_cookie, refresh))),
            ));
            schemes.push((call::CSRF, SecurityScheme::ApiKey(ApiKey::Header(key(&wire.csrf_header, proof)))));
        }
        if has(Location::Headers) {
            let says = "The access token, and for `/refresh` the refresh token";
            let scheme = match wire.challenge() {
                Some("Bearer") => {
                    let mut bearer = Http::new(HttpAuthScheme::Bearer);
                    bearer.bearer_format = Some("JWT".to_owned());
                    bearer.description = Some(says.to_owned());
                    SecurityScheme::Http(bearer)
                }
                _ => SecurityScheme::ApiKey(ApiKey::Header(key(&wire.header, says))),
            };
            schemes.push((call::HEADER, scheme));
        }
        if has(Location::QueryString) {
            let says = "The access token, and for `/refresh` the refresh token";
            schemes.push((call::QUERY, SecurityScheme::ApiKey(ApiKey::Query(key(&wire.query, says)))));
        }
        Self {
            cookies: has(Location::Cookies),
            header: has(Location::Headers),
            query: has(Location::QueryString),
            schemes,
        }
    }
}

/// What every refusal is; how its message is called is a setting.
fn refused(auth: &AuthSettings) -> ObjectBuilder {
    let text = |says: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(says));
    let message = auth.wire.message_key.as_str();
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some("Why something was not done"))
        .property(message, text("For people"))
        .property("code", text("A stable word for programs"))
        .required(message)
        .required("code")
}

const ESSAY: &str = "Login and sessions. A body is JSON of at most 8 KiB, and a member that is unknown is refused. \
A browser's form has the same members and is answered with pages; what is told here is for programs. \
docs/interface.md has the same in prose, and the words of every refusal.";
