//! Whether a name has an account cannot be told: not by the answer, not by the time it takes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use portcullis::app::World;
use portcullis::auth::{Clock, ManualClock, OsRandom, Random, SystemClock, UnixTime};
use portcullis::store::{StoreUrl, Stores, memory, open};
use portcullis::users::{Account, Accounts, Attempt, Cost, Creation, Hasher, Password, Roles, SignInError};
use rocket::figment::Profile;
use rocket::http::{Accept, ContentType};
use rocket::local::asynchronous::Client;

const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

/// All that an answer shows, without what is random in every one.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    status: u16,
    headers: BTreeMap<String, Vec<String>>,
    body: String,
}

async fn client(stores: &Stores) -> Client {
    let clock = Arc::new(ManualClock::at(NOW));
    let world = World { clock, random: Arc::new(OsRandom), stores: Some(stores.clone()) };
    let figment = portcullis::settings::defaults()
        .merge(("auth.secret_key", "a secret that only these tests know: 0123456789"))
        .merge(("app.demo_users", false))
        .select(Profile::new("debug"));
    Client::untracked(portcullis::app::rocket(&figment, world).unwrap()).await.unwrap()
}

/// `testuser`, a disabled `gone`, and `broken`, whose hash cannot be read.
async fn stores() -> Stores {
    let stores = memory();
    let hash = Hasher::default().hash(&password("testpass")).await.unwrap();
    let account = |name: &str| Account {
        name: name.parse().unwrap(),
        password_hash: hash.clone(),
        roles: vec!["user".to_owned()],
        disabled: false,
        created_at: NOW,
        epoch: 0,
    };
    let gone = Account { disabled: true, ..account("gone") };
    let broken = Account { password_hash: "unreadable".to_owned(), ..account("broken") };
    for account in [account("testuser"), gone, broken] {
        assert!(stores.accounts.insert(&account).await.unwrap());
    }
    stores
}

fn password(text: &str) -> Password {
    Password::new(text.to_owned()).unwrap()
}

async fn by_json(client: &Client, name: &str, typed: &str) -> Shown {
    let body = serde_json::json!({ "username": name, "password": typed }).to_string();
    let request = client.post("/login").header(ContentType::JSON).header(Accept::JSON).body(body);
    shown(request.dispatch().await, name).await
}

async fn by_form(client: &Client, name: &str, typed: &str) -> Shown {
    let form = client.get("/login").header(Accept::HTML).dispatch().await;
    let line = form.headers().get_one("Set-Cookie").unwrap().split(';').next().unwrap().to_owned();
    let page = form.into_string().await.unwrap();
    let (_, rest) = page.split_once(r#"name="csrf_token" value=""#).unwrap();
    let proof = rest.split('"').next().unwrap();
    let (cookie, nonce) = line.split_once('=').unwrap();
    let cookie = rocket::http::Cookie::new(cookie.to_owned(), nonce.to_owned());
    let body = format!("csrf_token={proof}&username={name}&password={typed}");
    let request = client.post("/login").header(ContentType::Form).header(Accept::HTML).cookie(cookie);
    let mut shown = shown(request.body(body).dispatch().await, name).await;
    shown.body = shown.body.replace(proof, "PROOF");
    shown
}

async fn shown(response: rocket::local::asynchronous::LocalResponse<'_>, name: &str) -> Shown {
    let mut headers = BTreeMap::<String, Vec<String>>::new();
    // Each answer has a name of its own.
    for header in response.headers().iter().filter(|header| header.name() != "X-Request-Id") {
        let is_cookie = header.name().as_str().eq_ignore_ascii_case("set-cookie");
        // Of a cookie everything but its random value counts.
        let value = header.value();
        let value = match value.split_once('=').zip(value.split_once(';')) {
            Some(((cookie, _), (_, attributes))) if is_cookie => format!("{cookie};{attributes}"),
            _ => value.to_owned(),
        };
        headers.entry(header.name().to_string()).or_default().push(value);
    }
    let status = response.status().code;
    let body = response.into_string().await.unwrap().replace(name, "NAME");
    if let Some(length) = headers.get_mut("Content-Length") {
        *length = vec![body.len().to_string()];
    }
    Shown { status, headers, body }
}

const NAMES: [&str; 4] = ["testuser", "nobody", "gone", "broken"];

#[tokio::test]
async fn known_unknown_and_disabled_names_get_the_same_answers() {
    let stores = stores().await;
    let client = client(&stores).await;
    for round in 0..8 {
        let expected = by_json(&client, "testuser", "a wrong guess").await;
        assert_eq!(expected.status, if round < 5 { 401 } else { 429 });
        for name in &NAMES[1..] {
            assert_eq!(by_json(&client, name, "a wrong guess").await, expected, "{name} in round {round}");
        }
    }
}

#[tokio::test]
async fn known_unknown_and_disabled_names_get_the_same_pages() {
    let stores = stores().await;
    let client = client(&stores).await;
    for round in 0..6 {
        let expected = by_form(&client, "testuser", "a+wrong+guess").await;
        assert_eq!(expected.status, if round < 5 { 401 } else { 429 });
        for name in &NAMES[1..] {
            assert_eq!(by_form(&client, name, "a+wrong+guess").await, expected, "{name} in round {round}");
        }
    }
}

#[tokio::test]
async fn the_right_password_of_a_disabled_account_is_a_wrong_one() {
    let stores = stores().await;
    let client = client(&stores).await;
    let wrong = by_json(&client, "nobody", "testpass").await;
    assert_eq!(by_json(&client, "gone", "testpass").await, wrong);
}

#[tokio::test]
async fn what_is_too_long_is_refused_alike_and_not_counted() {
    let stores = stores().await;
    let client = client(&stores).await;
    let long = "x".repeat(257);
    for _ in 0..10 {
        let expected = by_json(&client, "testuser", &long).await;
        assert_eq!((expected.status, by_json(&client, "nobody", &long).await), (422, expected));
    }
    assert_eq!(by_json(&client, "testuser", "a wrong guess").await.status, 401);
}

/// 400 pairs of a known and an unknown name, on a real file and with real hashes.
///
/// A coin decides which of a pair comes first: a fixed order would fall in step with whatever alternates beneath, such
/// as the two threads that hash in turn, and their difference would be taken for one between the names.
/// The Mann-Whitney test asks how often an unknown name took longer than a known one; with no difference that is half of
/// all pairs of measurements.
/// One time in a hundred chance alone says otherwise, so whoever looks suspicious is measured again: what is really there is
/// seen three times, and on the same side.
#[tokio::test]
#[ignore = "takes a minute"]
async fn known_and_unknown_names_take_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let stores = open(&StoreUrl::SqliteFile(folder.path().join("a.db")));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let hasher = Hasher::new(Cost::new(7_168, 5, 1).unwrap());
    let accounts =
        Accounts::new(stores.accounts.clone(), stores.attempts.clone(), Arc::new(hasher), clock, [7; 32]);
    accounts.prepare().await.unwrap();
    let mut reports = Vec::new();
    let mut sides = Vec::new();
    for turn in 0..3 {
        let (mut known, mut unknown) = measure(&accounts, turn).await;
        let (known_median, unknown_median) = (median(&mut known), median(&mut unknown));
        let z = mann_whitney(&known, &unknown);
        reports.push(format!("medians {known_median:?} and {unknown_median:?}, z = {z:.2}"));
        sides.push(z > 0.0);
        // |z| = 2.58 is p = 0.01.
        let is_alike = known_median.abs_diff(unknown_median) < known_median / 20 && z.abs() < 2.58;
        if is_alike || sides.iter().any(|side| *side != sides[0]) {
            say(&reports.join("; "));
            return;
        }
    }
    unreachable!("known and unknown names take different times: {}", reports.join("; "));
}

#[expect(clippy::disallowed_methods, reason = "time itself is measured here")]
async fn measure(accounts: &Accounts, turn: u32) -> (Vec<Duration>, Vec<Duration>) {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for round in 0..(WARM_UP + PAIRS) {
        // A fresh name each time: none of them has to wait.
        let (somebody, nobody) = (format!("somebody{turn}{round}"), format!("nobodyat{turn}{round}"));
        let made =
            accounts.create(somebody.parse().unwrap(), password("testpass"), Roles::default()).await.unwrap();
        assert!(matches!(made, Creation::Created(_)));
        let mut pair = [(somebody, &mut known), (nobody, &mut unknown)];
        let mut coin = [0];
        OsRandom.fill(&mut coin).unwrap();
        if coin[0] % 2 == 1 {
            pair.reverse();
        }
        for (name, times) in pair {
            let begun = std::time::Instant::now();
            let answer = accounts.authenticate(&name, password("a wrong guess"), Attempt::default()).await;
            let taken = begun.elapsed();
            assert!(matches!(answer, Err(SignInError::BadCredentials)), "{answer:?}");
            if round >= WARM_UP {
                times.push(taken);
            }
        }
    }
    (known, unknown)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// How many standard deviations the rank sum lies from what it would be without a difference.
fn mann_whitney(one: &[Duration], other: &[Duration]) -> f64 {
    let (m, n) = (one.len() as f64, other.len() as f64);
    let wins = |a: &Duration| {
        other
            .iter()
            .map(|b| {
                if a > b {
                    1.0
                } else if a == b {
                    0.5
                } else {
                    0.0
                }
            })
            .sum::<f64>()
    };
    let u: f64 = one.iter().map(wins).sum();
    (u - m * n / 2.0) / (m * n * (m + n + 1.0) / 12.0).sqrt()
}

#[expect(clippy::print_stderr, reason = "the figure is what one runs this test for")]
fn say(report: &str) {
    eprintln!("{report}");
}

const WARM_UP: usize = 40;
const PAIRS: usize = 400;
