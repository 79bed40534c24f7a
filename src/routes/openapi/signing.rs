//! Signing in, going on, and signing out.

use super::Call;
use super::call::Caller::{Anybody, Person, Refresher, SigningIn};
use super::call::{get, post};
use super::open::NOTICE;
use crate::routes::answer::told::{AppSecret, CookiesCleared, PasswordChosen, Reauthenticated, SignedOut};
use crate::routes::signing::begin::{Begun, SignInAnswer};
use crate::routes::signing::code::Exchange;
use crate::routes::signing::enrol::{EnrolledApp, EnrolledPasskey};
use crate::routes::signing::factor::SecondCode;
use crate::routes::signing::login::Credentials;
use crate::routes::signing::passkey::Passkey;
use crate::routes::signing::reauthenticate::Again;
use crate::routes::signing::refresh::NewTokens;

pub(super) fn calls() -> Vec<Call> {
    let mut calls = vec![
        get(Anybody, "/login", "The page for signing in").query("next", NEXT).query("notice", NOTICE).page(),
        post(SigningIn, "/login", "Signs in by a password").takes::<Credentials>().answers::<SignInAnswer>(),
        post(SigningIn, "/login/passkey/options", "What a browser is asked to show any passkey by")
            .gives("application/json")
            .refuses(&[409]),
        post(SigningIn, "/login/passkey", "Signs in by a passkey").takes::<Passkey>().answers::<Begun>(),
        get(Anybody, "/login/factor", "The page for the second step").query("next", NEXT).page(),
        post(SigningIn, "/login/factor", "The second step of signing in")
            .takes::<SecondCode>()
            .answers::<Begun>(),
        post(
            SigningIn,
            "/login/factor/options",
            "What a browser is asked to show a passkey of the person's by",
        )
        .gives("application/json"),
    ];
    calls.extend(enrolment());
    calls.extend([
        post(Refresher, "/refresh", "The next pair of tokens").answers::<NewTokens>(),
        post(Anybody, "/logout", "Ends the session, everywhere and at once")
            .answers::<SignedOut>()
            .refuses(&[403]),
        post(Anybody, "/cookies/clear", "The same, and the browser forgets every cookie of this host")
            .answers::<CookiesCleared>()
            .refuses(&[403]),
        get(Person, "/reauthenticate", "The page that asks for the password again")
            .query("next", NEXT)
            .page(),
        post(
            Person,
            "/reauthenticate",
            "The password or a factor again, for what a stolen session must not do",
        )
        .takes::<Again>()
        .answers::<Reauthenticated>(),
        post(Person, "/reauthenticate/options", "What a browser is asked to show a passkey of one's own by")
            .gives("application/json")
            .refuses(&[409]),
        get(Anybody, "/account/code", "The page on which a one-time code is exchanged").page(),
        post(SigningIn, "/account/code", "A password for a one-time code")
            .takes::<Exchange>()
            .answers::<PasswordChosen>(),
    ]);
    calls
}

/// Taking a first factor into use in the middle of signing in.
fn enrolment() -> [Call; 7] {
    [
        get(Anybody, "/login/enrol", "The page for a first factor").page(),
        post(SigningIn, "/login/enrol/totp", "The secret of an authenticator app").answers::<AppSecret>(),
        get(Anybody, "/login/enrol/totp/<id>", "The page with its picture").page(),
        get(Anybody, "/login/enrol/totp/<id>/picture", "Its picture").gives("image/svg+xml"),
        post(SigningIn, "/login/enrol/totp/confirm", "Its first code, by which the session begins")
            .takes::<EnrolledApp>()
            .answers::<Begun>(),
        post(SigningIn, "/login/enrol/passkey/options", "What a browser is asked to make a passkey by")
            .gives("application/json"),
        post(SigningIn, "/login/enrol/passkey", "The passkey, by which the session begins")
            .takes::<EnrolledPasskey>()
            .answers::<Begun>(),
    ]
}

const NEXT: &str = "Where to go afterwards, here";
