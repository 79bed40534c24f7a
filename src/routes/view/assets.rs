//! Style, script and pictures: named by their content and cached for a year, and what a theme adds under its own name.
//!
//! All of it is in memory since the launch; a request's name is looked up in a table and never on disk.

use std::borrow::Cow;
use std::fmt;

use rocket::http::{ContentType, Header, Status};
use rocket::request::Request;
use rocket::response::{self, Responder, Response};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Where a page finds its assets, and what lies there.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Assets {
    css: String,
    js: String,
    icon: String,
    logo: String,
    #[serde(skip)]
    files: Vec<File>,
}

/// What every page has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asset {
    Style,
    Script,
    Icon,
    Logo,
}

/// What a file is; nothing else is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AssetKind {
    Css,
    Js,
    Svg,
    Png,
    Jpeg,
    Webp,
    Ico,
    Avif,
    Woff2,
}

/// A file under its address.
#[derive(Clone)]
pub struct File {
    address: String,
    kind: AssetKind,
    bytes: Cow<'static, [u8]>,
    is_named_by_content: bool,
}

impl<'r> Responder<'r, 'r> for &'r File {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'r> {
        let caching = if self.is_named_by_content {
            "public, max-age=31536000, immutable"
        } else {
            "public, max-age=3600"
        };
        let bytes: &'r [u8] = &self.bytes;
        Response::build()
            .status(Status::Ok)
            .header(self.kind.content_type())
            .header(Header::new("Cache-Control", caching))
            .sized_body(bytes.len(), std::io::Cursor::new(bytes))
            .ok()
    }
}

impl Assets {
    /// What lies under this name.
    pub(crate) fn file(&self, name: &str) -> Option<&File> {
        self.files.iter().find(|file| file.address.strip_prefix("/static/") == Some(name))
    }

    /// The address of the icon.
    pub(crate) fn icon(&self) -> &str {
        &self.icon
    }

    /// The assets that are part of the program.
    #[must_use]
    pub(crate) fn embedded() -> Self {
        let mut assets = NONE.clone();
        for (asset, name, bytes) in EMBEDDED {
            let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
            if let Some(kind) = AssetKind::of(extension) {
                assets.replace(asset, stem, kind, Cow::Borrowed(bytes));
            }
        }
        assets
    }

    /// Puts a theme's file in the place of the one of the same name, or beside them.
    ///
    /// # Errors
    /// A line when such a file is not served.
    pub(crate) fn put(&mut self, name: &str, bytes: Vec<u8>) -> Result<(), String> {
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        let kind = AssetKind::of(extension).ok_or_else(|| {
            format!(
                "is nothing that is served; known are {}",
                EXTENSIONS.map(|(extension, _)| extension).join(", ")
            )
        })?;
        if kind == AssetKind::Css && std::str::from_utf8(&bytes).is_err() {
            return Err("is not UTF-8".to_owned());
        }
        match Asset::named(name) {
            Some(asset) => self.replace(asset, stem, kind, bytes.into()),
            None => {
                let address = format!("/static/{name}");
                self.files.push(File { address, kind, bytes: bytes.into(), is_named_by_content: false });
            }
        }
        Ok(())
    }

    /// Puts these bytes in the place of an asset that every page has.
    pub(crate) fn replace(&mut self, asset: Asset, stem: &str, kind: AssetKind, bytes: Cow<'static, [u8]>) {
        // Its address changes with its content, so that a browser may keep it.
        let digest: String =
            Sha256::digest(&bytes).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let address = format!("/static/{stem}.{digest}.{}", kind.extension());
        let before = std::mem::replace(self.address_mut(asset), address.clone());
        self.files.retain(|file| file.address != before);
        self.files.push(File { address, kind, bytes, is_named_by_content: true });
    }

    /// What lies there now.
    pub(crate) fn bytes(&self, asset: Asset) -> &[u8] {
        let address = match asset {
            Asset::Style => &self.css,
            Asset::Script => &self.js,
            Asset::Icon => &self.icon,
            Asset::Logo => &self.logo,
        };
        self.files.iter().find(|file| file.address == *address).map_or(&[], |file| &file.bytes)
    }

    /// Where the script lies.
    pub(crate) fn script(&self) -> &str {
        &self.js
    }

    const fn address_mut(&mut self, asset: Asset) -> &mut String {
        match asset {
            Asset::Style => &mut self.css,
            Asset::Script => &mut self.js,
            Asset::Icon => &mut self.icon,
            Asset::Logo => &mut self.logo,
        }
    }
}

/// For a page that is shown when everything else is broken.
pub(crate) static NONE: Assets = Assets {
    css: String::new(),
    js: String::new(),
    icon: String::new(),
    logo: String::new(),
    files: Vec::new(),
};

impl Asset {
    /// The asset that is replaced by a file of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        EMBEDDED.iter().find(|(_, known, _)| *known == name).map(|(asset, ..)| *asset)
    }
}

impl AssetKind {
    /// The kind of files that end like this.
    pub(crate) fn of(extension: &str) -> Option<Self> {
        EXTENSIONS.iter().find(|(known, _)| *known == extension).map(|(_, kind)| *kind)
    }

    fn extension(self) -> &'static str {
        EXTENSIONS.iter().find(|(_, kind)| *kind == self).map_or("", |(extension, _)| extension)
    }

    fn content_type(self) -> ContentType {
        match self {
            Self::Css => ContentType::CSS,
            Self::Js => ContentType::JavaScript,
            Self::Svg => ContentType::SVG,
            Self::Png => ContentType::PNG,
            Self::Jpeg => ContentType::JPEG,
            Self::Webp => ContentType::WEBP,
            Self::Ico => ContentType::Icon,
            Self::Avif => ContentType::AVIF,
            Self::Woff2 => ContentType::WOFF2,
        }
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("address", &self.address).finish_non_exhaustive()
    }
}

const EXTENSIONS: [(&str, AssetKind); 10] = [
    ("css", AssetKind::Css),
    ("js", AssetKind::Js),
    ("svg", AssetKind::Svg),
    ("png", AssetKind::Png),
    ("jpg", AssetKind::Jpeg),
    ("jpeg", AssetKind::Jpeg),
    ("webp", AssetKind::Webp),
    ("ico", AssetKind::Ico),
    ("avif", AssetKind::Avif),
    ("woff2", AssetKind::Woff2),
];

const EMBEDDED: [(Asset, &str, &[u8]); 4] = [
    (Asset::Style, "portcullis.css", include_bytes!("../../../static/portcullis.css")),
    (Asset::Script, "portcullis.js", include_bytes!("../../../static/portcullis.js")),
    (Asset::Icon, "icon.svg", include_bytes!("../../../static/icon.svg")),
    (Asset::Logo, "portcullis.svg", include_bytes!("../../../static/portcullis.svg")),
];
