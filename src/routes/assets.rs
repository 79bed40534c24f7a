//! Style, script and pictures: part of the program, named by their content, cached for a year.

use std::fmt;

use rocket::http::{ContentType, Header, Status};
use rocket::request::Request;
use rocket::response::{self, Responder, Response};
use rocket::{State, get};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::routes::reply::Reply;

/// Where a page finds its assets.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Assets {
    css: String,
    js: String,
    icon: String,
    logo: String,
}

impl Assets {
    /// The addresses of the assets that are part of the program.
    #[must_use]
    pub(crate) fn embedded() -> Self {
        let address = |name: &str| {
            FILES.iter().find(|file| file.name == name).map_or_else(String::new, |file| file.address())
        };
        Self {
            css: address("portcullis.css"),
            js: address("portcullis.js"),
            icon: address("icon.svg"),
            logo: address("portcullis.svg"),
        }
    }
}

/// For a page that is shown when everything else is broken.
pub(crate) static NONE: Assets =
    Assets { css: String::new(), js: String::new(), icon: String::new(), logo: String::new() };

/// A file that is part of the program.
pub struct File {
    name: &'static str,
    bytes: &'static [u8],
}

impl File {
    /// Its address changes with its content, so that a browser may keep it.
    fn address(&self) -> String {
        let (stem, extension) = self.name.split_once('.').unwrap_or((self.name, ""));
        format!("/static/{stem}.{}.{extension}", self.digest())
    }

    fn digest(&self) -> String {
        Sha256::digest(self.bytes).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("name", &self.name).finish_non_exhaustive()
    }
}

/// `GET /static/<name>`: an asset under its address; anything else is not found.
#[must_use]
#[get("/static/<name>")]
pub(crate) fn asset(name: &str, assets: &State<Assets>) -> Option<&'static File> {
    let known = [&assets.css, &assets.js, &assets.icon, &assets.logo];
    let address = known.iter().find(|address| address.strip_prefix("/static/") == Some(name))?;
    FILES.iter().find(|file| file.address() == ***address)
}

/// `GET /favicon.ico`: browsers ask for it on their own; it leads to the icon's address, because this one never changes.
#[must_use]
#[get("/favicon.ico")]
pub(crate) fn favicon(assets: &State<Assets>) -> Reply {
    Reply::SeeOther(assets.icon.clone())
}

impl<'r> Responder<'r, 'static> for &'static File {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        let kind = match self.name.rsplit('.').next() {
            Some("css") => ContentType::CSS,
            Some("js") => ContentType::JavaScript,
            _ => ContentType::SVG,
        };
        Response::build()
            .status(Status::Ok)
            .header(kind)
            .header(Header::new("Cache-Control", "public, max-age=31536000, immutable"))
            .sized_body(self.bytes.len(), std::io::Cursor::new(self.bytes))
            .ok()
    }
}

const FILES: [File; 4] = [
    File { name: "portcullis.css", bytes: include_bytes!("../../static/portcullis.css") },
    File { name: "portcullis.js", bytes: include_bytes!("../../static/portcullis.js") },
    File { name: "icon.svg", bytes: include_bytes!("../../static/icon.svg") },
    File { name: "portcullis.svg", bytes: include_bytes!("../../static/portcullis.svg") },
];
