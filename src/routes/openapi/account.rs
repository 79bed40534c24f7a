//! What somebody sees and does of their own.

use super::Call;
use super::call::Caller::{Fresh, Person};
use super::call::{get, post};
use super::open::NOTICE;
use crate::routes::account::activity::{Activity, Export};
use crate::routes::account::apps::FirstCode;
use crate::routes::account::factors::OwnFactors;
use crate::routes::account::own::{NewProfile, ToldAccount};
use crate::routes::account::passkeys::NewPasskey;
use crate::routes::account::password::NewPassword;
use crate::routes::account::sessions::OwnSessions;
use crate::routes::answer::told::{
    AccountLeaves, AppConfirmed, AppSecret, OwnAddress, PasskeyAdded, PasswordChanged, RecoveryCodes,
    Removed, Sent, SessionsEnded,
};
use crate::routes::mail::address::NewAddress;

pub(super) fn calls() -> Vec<Call> {
    let mut calls = vec![
        get(Person, "/sessions", "Where one is signed in")
            .query("notice", NOTICE)
            .answers::<OwnSessions<'_>>(),
        post(Fresh, "/sessions/<id>/end", "Ends one of one's own sessions").answers::<SessionsEnded>(),
        post(Fresh, "/sessions/end-others", "Ends all but this one").answers::<SessionsEnded>(),
        get(Person, "/account", "One's own account").query("notice", NOTICE).answers::<ToldAccount<'_>>(),
        post(
            Person,
            "/account",
            "What one says of oneself; what is not there stays, what is empty is taken away",
        )
        .takes::<NewProfile>()
        .answers::<ToldAccount<'_>>()
        .refuses(&[404]),
        get(Person, "/account/activity", "What happened, newest first, fifty at a time")
            .number("until", "Not after this second since 1970")
            .number("skip", "Without so many of the newest")
            .answers::<Activity<'_>>()
            .refuses(&[404]),
        get(Fresh, "/account/export", "Everything that is kept of whoever asks").answers::<Export<'_>>(),
        get(Fresh, "/account/password", "The page of the password").query("notice", NOTICE).page(),
        post(Fresh, "/account/password", "Another password; every other session ends")
            .takes::<NewPassword>()
            .answers::<PasswordChanged>(),
        get(Fresh, "/account/email", "The address for messages")
            .query("notice", NOTICE)
            .answers::<OwnAddress>()
            .refuses(&[404]),
        post(Fresh, "/account/email", "A link to another address, by which it becomes the address")
            .takes::<NewAddress>()
            .accepts::<Sent>()
            .refuses(&[404]),
        get(Fresh, "/account/delete", "The page for leaving").query("notice", NOTICE).page(),
        post(Fresh, "/account/delete", "Leaves; a link in a message takes it back for a while")
            .answers::<AccountLeaves>()
            .refuses(&[404, 409]),
    ];
    calls.extend(factors());
    calls
}

fn factors() -> [Call; 9] {
    [
        get(Person, "/account/factors", "What one has besides a password")
            .query("notice", NOTICE)
            .answers::<OwnFactors<'_>>(),
        post(Fresh, "/account/factors/totp", "The secret of an authenticator app")
            .answers::<AppSecret>()
            .refuses(&[409]),
        get(Fresh, "/account/factors/totp/<id>", "The page with its picture").page(),
        get(Fresh, "/account/factors/totp/<id>/picture", "Its picture").gives("image/svg+xml"),
        post(Fresh, "/account/factors/totp/confirm", "Its first code, by which it is taken into use")
            .takes::<FirstCode>()
            .answers::<AppConfirmed>(),
        post(Fresh, "/account/factors/passkey/options", "What a browser is asked to make a passkey by")
            .gives("application/json")
            .refuses(&[409]),
        post(Fresh, "/account/factors/passkey", "A passkey that a browser made")
            .takes::<NewPasskey>()
            .answers::<PasskeyAdded>(),
        post(Fresh, "/account/factors/recovery", "New recovery codes in place of all")
            .answers::<RecoveryCodes>()
            .refuses(&[409]),
        post(Fresh, "/account/factors/<id>/remove", "Takes a factor away")
            .answers::<Removed>()
            .refuses(&[409]),
    ]
}
