//! An application's own sign-in page with a passkey, on its own routes, over its own table of people: the ceremonies, the
//! passkeys and the session are Portcullis's; the page, the addresses and the passwords are not.
//!
//! ```text
//! cargo run --example passkey_login --no-default-features --features passkeys
//! ```
//!
//! Open <http://localhost:8000>, sign in once as `ada` with `correct horse battery`, make a passkey, and sign in with it.

use std::collections::HashMap;
use std::sync::Arc;

use portcullis::auth::{Clock, OsRandom, Proved, Random, SystemClock, Voucher};
use portcullis::store::Stores;
use portcullis::users::{AccountStoreError, Accounts, Attempt, Hasher, Password, Roles, Step, Trusting};
use portcullis::users::{PasskeyError, PasskeySite, SealKey, SecondFactor, SignInError};
use portcullis::{FreshToken, Portcullis, Refusal, Sessions, SignInAttempt, catchers, store};
use rocket::fairing::AdHoc;
use rocket::figment::Figment;
use rocket::http::Status;
use rocket::response::content::{RawHtml, RawJson};
use rocket::{Build, Rocket, State, get, post, routes};
use serde_json::Value;

// The sign-in page: 60 lines, its script included.

#[get("/")]
const fn page() -> RawHtml<&'static str> {
    RawHtml(PAGE)
}

const PAGE: &str = r#"<!doctype html><title>Sign in</title>
<input id="password" type="password" autocomplete="current-password"> <button id="typed">With the password</button>
<button id="make">Make a passkey</button> <button id="passkey">With a passkey</button> <p id="told"></p>
<script type="module">
const csrf = () => document.cookie.match(/csrf_access_token=([^;]*)/)?.[1] ?? "";
const send = (path, body = {}) => fetch(path, { method: "POST", body: JSON.stringify(body),
  headers: { "Content-Type": "application/json", "X-CSRF-TOKEN": csrf() } });
const tell = (answer) => (told.textContent = answer.ok ? "Welcome" : "That did not work");
const read = async (path) => (await send(path)).json();
typed.onclick = async () => tell(await send("/login", { password: password.value }));
passkey.onclick = async () => {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(await read("/passkey/options"));
  tell(await send("/passkey", await navigator.credentials.get({ publicKey })));
};
make.onclick = async () => {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(await read("/passkeys/options"));
  tell(await send("/passkeys", await navigator.credentials.create({ publicKey })));
};
</script>"#;

/// `SignInAttempt` refuses what another site makes a browser send.
#[post("/passkey/options")]
fn options(_attempt: SignInAttempt, accounts: &State<Accounts>) -> Result<RawJson<String>, Refusal> {
    offered(accounts.passkey_request().map_err(|_| Refusal::unavailable())?)
}

#[post("/passkey", format = "json", data = "<shown>")]
async fn sign_in(
    _attempt: SignInAttempt,
    accounts: &State<Accounts>,
    sessions: Sessions<'_>,
    shown: &str,
) -> Result<(), Refusal> {
    let step = accounts.sign_in_by_passkey(shown, false, sessions.address()).await;
    let step = step.map_err(|error| match error {
        PasskeyError::SignIn(error) => refusal(&error),
        _ => Refusal::bad_credentials(),
    })?;
    let (account, voucher) = (&step.person.account, Some(Voucher::from_bytes(step.voucher)));
    sessions.sign_in_having(Proved::Passkey, voucher, account.name.as_str(), &account.roles, false).await?;
    Ok(())
}

fn offered(options: Option<Value>) -> Result<RawJson<String>, Refusal> {
    options.map(|options| RawJson(options.to_string())).ok_or_else(|| Refusal::of_status(Status::Conflict))
}

// That was the page. A first sign-in with the password, and making a passkey:

#[post("/login", format = "json", data = "<body>")]
async fn login(
    _attempt: SignInAttempt,
    members: &State<Members>,
    accounts: &State<Accounts>,
    sessions: Sessions<'_>,
    body: &str,
) -> Result<(), Refusal> {
    let typed = serde_json::from_str::<Value>(body)
        .ok()
        .and_then(|body| Some(body.get("password")?.as_str()?.to_owned()));
    let typed = typed.ok_or_else(|| Refusal::of_status(Status::UnprocessableEntity))?;
    let password = Password::new(typed).map_err(|_| Refusal::bad_credentials())?;
    let attempt = Attempt { address: sessions.address(), device: None };
    let comparison = members.compare("ada", &password);
    match accounts.sign_in_with("ada", comparison, false, Trusting::default(), attempt).await {
        Ok(Step::Done(person) | Step::Trusted(person)) => {
            sessions.sign_in(person.account.name.as_str(), &person.account.roles, false).await?;
            Ok(())
        }
        // Whoever has a passkey is asked for it.
        Ok(Step::Next(_)) => {
            Err(Refusal::new(Status::Unauthorized, "Use your passkey", "second_factor_required"))
        }
        Err(error) => Err(refusal(&error)),
    }
}

#[post("/passkeys/options")]
async fn creation(person: FreshToken<'_>, accounts: &State<Accounts>) -> Result<RawJson<String>, Refusal> {
    let name = person.subject().parse().map_err(|_| Refusal::bad_credentials())?;
    offered(accounts.passkey_creation(&name).await.map_err(|_| Refusal::unavailable())?)
}

#[post("/passkeys", format = "json", data = "<made>")]
async fn make(person: FreshToken<'_>, accounts: &State<Accounts>, made: &str) -> Result<(), Refusal> {
    let name = person.subject().parse().map_err(|_| Refusal::bad_credentials())?;
    let added = accounts.add_passkey(&name, made, "").await;
    added.map(drop).map_err(|_| Refusal::of_status(Status::UnprocessableEntity))
}

#[get("/me")]
fn me(token: portcullis::StrongToken<'_>) -> String {
    token.subject().to_owned()
}

fn refusal(error: &SignInError) -> Refusal {
    match *error {
        SignInError::BadCredentials | SignInError::CounterFell { .. } => Refusal::bad_credentials(),
        SignInError::Throttled { retry_after } => Refusal::throttled(retry_after),
        SignInError::Busy | SignInError::Unavailable(_) => Refusal::unavailable(),
    }
}

/// The application's own people: names and hashes; a table of its database in a real application.
struct Members {
    hashes: HashMap<&'static str, String>,
    hasher: Hasher,
}

impl Members {
    /// The roles of whoever has this name and this password.
    async fn compare(&self, name: &str, password: &Password) -> Result<Option<Roles>, AccountStoreError> {
        // An unknown name costs one hash too, so that the answer's time does not tell who is a member.
        let hash = self.hashes.get(name).map(String::as_str);
        let is_right = self.hasher.verify(password, hash).await;
        let is_right = is_right.map_err(|error| AccountStoreError(Box::new(error)))?;
        Ok(is_right.then(Roles::default))
    }
}

/// One member, who may have passkeys. A real application opens a store that lasts, and keeps the key apart from it.
fn people(stores: Stores, clock: Arc<dyn Clock>) -> AdHoc {
    AdHoc::try_on_ignite("People", |rocket| async {
        let (mut random, mut key) = ([0; 32], [0; 32]);
        let drawn = OsRandom.fill(&mut random).and_then(|()| OsRandom.fill(&mut key));
        let password = Password::new("correct horse battery".to_owned());
        let (Ok(()), Ok(password)) = (drawn, password) else { return Err(rocket) };
        let hasher = Hasher::default();
        let Ok(hash) = hasher.hash(&password).await else { return Err(rocket) };
        let second = SecondFactor::new(stores.factors, Arc::new(OsRandom), SERVICE)
            .sealed_by(Some(SealKey::derive(&key)))
            .on_site(PasskeySite::of("http://localhost:8000", SERVICE));
        let accounts = Accounts::new(stores.accounts, stores.attempts, Arc::default(), clock, random);
        let members = Members { hashes: HashMap::from([("ada", hash)]), hasher };
        Ok(rocket.manage(accounts.with_second_factor(second)).manage(members))
    })
}

const SERVICE: &str = "An application";

/// The sessions stand in the same store as the passkeys, so that one transaction spends the one and begins the other.
pub(crate) fn application(settings: Figment, stores: Stores, clock: Arc<dyn Clock>) -> Rocket<Build> {
    rocket::custom(settings)
        .attach(Portcullis::new(Arc::clone(&stores.sessions)).clock(Arc::clone(&clock)))
        .attach(people(stores, clock))
        .mount("/", routes![page, options, sign_in, login, creation, make, me])
        .register("/", catchers())
}

#[rocket::launch]
fn rocket() -> _ {
    application(rocket::Config::figment(), store::memory(), Arc::new(SystemClock::new()))
}
