//! What somebody does who reads mail.

use super::Call;
use super::call::Caller::{Anybody, Person, SigningIn};
use super::call::{get, post};
use crate::routes::answer::told::{Removed, Sent};
use crate::routes::mail::forgotten::Forgotten;
use crate::routes::mail::link::{Following, LinkFollowed, LookedAt};
use crate::routes::mail::register::Registering;

pub(super) fn calls() -> Vec<Call> {
    vec![
        get(Anybody, "/account/forgotten", "The page of a forgotten password").page().refuses(&[404]),
        post(
            SigningIn,
            "/account/forgotten",
            "A link by which a password is chosen, to whoever has this name or address",
        )
        .takes::<Forgotten>()
        .accepts::<Sent>()
        .refuses(&[404]),
        get(Anybody, "/register", "The page for registering").page().refuses(&[404]),
        post(SigningIn, "/register", "A link to an address, by which its reader becomes somebody here")
            .takes::<Registering>()
            .accepts::<Sent>()
            .refuses(&[404]),
        get(Anybody, "/link/<text>", "What a link would do").answers::<LookedAt<'_>>().refuses(&[410]),
        post(SigningIn, "/link/<text>", "Does it, once")
            .takes::<Following>()
            .answers::<LinkFollowed<'_>>()
            .refuses(&[409, 410]),
        post(Person, "/account/factors/browsers/<id>/remove", "Takes back the trust in a browser")
            .answers::<Removed>(),
    ]
}
