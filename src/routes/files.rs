//! `/static`: style, script and pictures, under names that change with what is in them.

use rocket::{State, get};

use crate::routes::answer::reply::Reply;
use crate::routes::view::assets::{Assets, File};

/// `GET /static/<name>`: an asset under its address; anything else is not found.
#[must_use]
#[get("/static/<name>")]
pub(crate) fn asset<'r>(name: &str, assets: &'r State<Assets>) -> Option<&'r File> {
    assets.file(name)
}

/// `GET /favicon.ico`: browsers ask for it on their own; it leads to the icon's address, because this one never changes.
#[must_use]
#[get("/favicon.ico")]
pub(crate) fn favicon(assets: &State<Assets>) -> Reply {
    Reply::SeeOther(assets.icon().to_owned())
}
