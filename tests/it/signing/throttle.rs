//! Who may try how often, asked of the use case and over HTTP.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use portcullis::app::World;
use portcullis::auth::{Clock, ManualClock, OsRandom, UnixTime};
use portcullis::store::{StoreUrl, Stores, memory, open};
use portcullis::users::{
    Accounts, Attempt, ChangeError, Cost, Hasher, Password, Retention, Roles, Ruling, SignInError, Subject,
    UnfitPassword, Username,
};
use rocket::figment::Profile;
use rocket::http::{Accept, ContentType, Cookie, Header, Status};
use rocket::local::asynchronous::{Client, LocalResponse};

const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

struct People {
    accounts: Accounts,
    clock: Arc<ManualClock>,
    stores: Stores,
}

/// Alice and Bob, whose hashes are as cheap as they may be.
async fn people_in(stores: Stores) -> People {
    let clock = Arc::new(ManualClock::at(NOW));
    let accounts = reopened(&stores, &clock);
    for name in ["alice", "bob"] {
        accounts
            .create(name.parse().unwrap(), password(RIGHT), Roles::parse(["user"]).unwrap())
            .await
            .unwrap();
    }
    People { accounts, clock, stores }
}

async fn people() -> People {
    people_in(memory()).await
}

fn reopened(stores: &Stores, clock: &Arc<ManualClock>) -> Accounts {
    let workers = std::num::NonZeroUsize::new(2).unwrap();
    let hasher = Hasher::with_limits(Cost::new(7_168, 5, 1).unwrap(), workers, 1_000);
    let clock: Arc<dyn Clock> = clock.clone();
    Accounts::new(stores.accounts.clone(), stores.attempts.clone(), Arc::new(hasher), clock, [7; 32])
}

fn password(text: &str) -> Password {
    Password::new(text.to_owned()).unwrap()
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    In { failures: u32, known: bool },
    Wrong,
    Wait(u64),
    Failed(String),
}

impl People {
    async fn try_with(&self, name: &str, typed: &str, attempt: Attempt<'_>) -> Answer {
        match self.accounts.authenticate(name, password(typed), attempt).await {
            Ok(person) => Answer::In { failures: person.failures, known: person.is_known_device },
            Err(SignInError::BadCredentials) => Answer::Wrong,
            Err(SignInError::Throttled { retry_after }) => Answer::Wait(retry_after.as_secs()),
            Err(error) => Answer::Failed(error.to_string()),
        }
    }

    async fn guess(&self, name: &str) -> Answer {
        self.try_with(name, "a wrong guess", Attempt::default()).await
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn from(number: u8) -> Attempt<'static> {
    Attempt { address: Some(IpAddr::V4(Ipv4Addr::new(127, 0, 0, number))), device: None }
}

const LAPTOP: Attempt<'static> = Attempt { address: None, device: Some(SECRET) };
const SECRET: &str = "00112233445566778899aabbccddeeff";
const RIGHT: &str = "the right one";

#[tokio::test]
async fn known_and_unknown_names_wait_alike() {
    let people = people().await;
    for name in ["alice", "nobody", "not a name\0"] {
        for _ in 0..5 {
            assert_eq!(people.guess(name).await, Answer::Wrong);
        }
    }
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
        for name in ["alice", "ALICE", "nobody", "Nobody", "not a name\0"] {
            assert_eq!(people.guess(name).await, Answer::Wait(seconds), "{name}");
        }
        people.pass(seconds);
        for name in ["alice", "nobody", "not a name\0"] {
            assert_eq!(people.guess(name).await, Answer::Wrong, "{name}");
        }
    }
    people.pass(15 * 60);
    for _ in 0..5 {
        assert_eq!(people.guess("alice").await, Answer::Wrong, "the waits are forgotten");
    }
}

#[tokio::test]
async fn whoever_waits_gets_nothing_for_the_right_password() {
    let people = people().await;
    for _ in 0..5 {
        people.guess("alice").await;
    }
    assert_eq!(people.try_with("alice", RIGHT, Attempt::default()).await, Answer::Wait(1));
    people.pass(1);
    let signed_in = people.try_with("alice", RIGHT, Attempt::default()).await;
    assert_eq!(signed_in, Answer::In { failures: 5, known: false }, "the caller learns of the failures");
    for _ in 0..5 {
        assert_eq!(people.guess("alice").await, Answer::Wrong, "a success forgets the failures");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_parallel_guesses_five_are_evaluated() {
    let people = Arc::new(people().await);
    let guesses = (0..200_u8).map(|number| {
        let people = Arc::clone(&people);
        tokio::spawn(async move { people.try_with("alice", "a wrong guess", from(number)).await })
    });
    let mut evaluated = 0;
    for guess in guesses.collect::<Vec<_>>() {
        evaluated += u32::from(guess.await.unwrap() == Answer::Wrong);
    }
    assert_eq!(evaluated, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_windows_of_one_person_sign_in_together() {
    let folder = tempfile::tempdir().unwrap();
    let stores = open(&StoreUrl::SqliteFile(folder.path().join("a.db")));
    for stores in [memory(), stores] {
        let people = Arc::new(people_in(stores).await);
        let tries = (0..20).map(|_| {
            let people = Arc::clone(&people);
            tokio::spawn(async move { people.try_with("alice", RIGHT, from(1)).await })
        });
        for one in tries.collect::<Vec<_>>() {
            let answer = one.await.unwrap();
            assert!(matches!(answer, Answer::In { known: false, .. }), "{answer:?}");
        }
        assert_eq!(people.guess("alice").await, Answer::Wrong, "nothing is left of them");
    }
}

#[tokio::test]
async fn an_attempt_for_which_nobody_has_time_is_not_counted() {
    let stores = memory();
    let clock = Arc::new(ManualClock::at(NOW));
    let hasher = Arc::new(Hasher::with_limits(Cost::default(), std::num::NonZeroUsize::MIN, 0));
    let accounts =
        Accounts::new(stores.accounts.clone(), stores.attempts.clone(), hasher.clone(), clock, [7; 32]);
    let secret = password("x");
    let mut busy = Box::pin(hasher.hash(&secret));
    let started = std::future::poll_fn(|context| std::task::Poll::Ready(busy.as_mut().poll(context))).await;
    assert!(started.is_pending());
    for _ in 0..20 {
        let answer = accounts.authenticate("alice", password("x"), from(1)).await;
        assert!(matches!(answer, Err(SignInError::Busy)), "{answer:?}");
    }
    busy.await.unwrap();
    let answer = accounts.authenticate("alice", password("x"), from(1)).await;
    assert!(matches!(answer, Err(SignInError::BadCredentials)), "{answer:?}");
}

#[tokio::test]
async fn a_known_device_is_not_locked_out_by_an_attack() {
    let people = people().await;
    let alice: Username = "alice".parse().unwrap();
    people.accounts.remember_device(&alice, SECRET).await.unwrap();
    for round in 0..300_u32 {
        let address = Some(IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + round)));
        people.try_with("alice", "a wrong guess", Attempt { address, device: None }).await;
        people.pass(60);
    }
    let waits = |answer: &Answer| matches!(answer, Answer::Wait(61..=3600));
    let stranger = people.try_with("alice", RIGHT, from(1)).await;
    assert!(waits(&stranger), "the ceiling: {stranger:?}");
    let stolen = Attempt { address: None, device: Some("ffeeddccbbaa99887766554433221100") };
    let unknown = people.try_with("alice", RIGHT, stolen).await;
    assert!(waits(&unknown), "an unknown device: {unknown:?}");

    let signed_in = people.try_with("alice", RIGHT, LAPTOP).await;
    // A hundred in the first hundred minutes, then one in each of the next three hours.
    assert_eq!(signed_in, Answer::In { failures: 103, known: true });
    assert_eq!(people.try_with("bob", "a wrong guess", LAPTOP).await, Answer::Wrong);
    assert_eq!(people.try_with("bob", RIGHT, LAPTOP).await, Answer::In { failures: 1, known: false });
}

#[tokio::test]
async fn a_known_device_waits_for_its_own_failures_and_not_for_its_neighbours() {
    let people = people().await;
    people.accounts.remember_device(&"alice".parse().unwrap(), SECRET).await.unwrap();
    let at_work = Attempt { device: Some(SECRET), ..from(1) };
    for number in 0..50 {
        let name = format!("user{number}");
        assert_eq!(people.try_with(&name, "a wrong guess", from(1)).await, Answer::Wrong);
    }
    assert_eq!(people.try_with("f", "a wrong guess", from(1)).await, Answer::Wait(30));
    for _ in 0..5 {
        assert_eq!(people.try_with("alice", "a wrong guess", at_work).await, Answer::Wrong);
    }
    assert_eq!(people.try_with("alice", RIGHT, at_work).await, Answer::Wait(1));
    assert_eq!(people.try_with("alice", RIGHT, from(2)).await, Answer::In { failures: 0, known: false });
}

#[tokio::test]
async fn beyond_a_hundred_guesses_in_a_row_one_an_hour_is_evaluated() {
    let people = people().await;
    for name in ["alice", "nobody"] {
        let mut evaluated = 0;
        for _ in 0..130 {
            evaluated += u32::from(people.guess(name).await == Answer::Wrong);
            people.pass(60);
        }
        assert_eq!((evaluated, people.guess(name).await), (100, Answer::Wait(3600 - 31 * 60)), "{name}");
        people.pass(29 * 60);
        assert_eq!(people.guess(name).await, Answer::Wrong, "one an hour: {name}");
        assert_eq!(people.guess(name).await, Answer::Wait(3600), "{name}");
    }
    people.accounts.set_password(&"alice".parse().unwrap(), password(NEW)).await.unwrap();
    let signed_in = people.try_with("alice", NEW, Attempt::default()).await;
    assert_eq!(signed_in, Answer::In { failures: 0, known: false }, "the operator frees the name");
}

const NEW: &str = "a heron stands on the weir";

#[tokio::test]
async fn spraying_many_accounts_from_one_address_is_caught() {
    let people = people().await;
    let mut evaluated = 0;
    for number in 0..1_000 {
        let answer = people.try_with(&format!("user{number}"), "Winter2025!", from(9)).await;
        evaluated += u32::from(answer == Answer::Wrong);
    }
    assert_eq!(evaluated, 50);
    let elsewhere = people.try_with("alice", RIGHT, from(8)).await;
    assert_eq!(elsewhere, Answer::In { failures: 0, known: false });
    assert_eq!(people.try_with("user999", RIGHT, from(8)).await, Answer::Wrong, "only an address was caught");
}

#[tokio::test]
async fn counters_and_devices_outlive_the_process_and_are_shared() {
    let folder = tempfile::tempdir().unwrap();
    let url = StoreUrl::SqliteFile(folder.path().join("a.db"));
    let mut people = people_in(open(&url)).await;
    people.accounts.remember_device(&"alice".parse().unwrap(), SECRET).await.unwrap();
    for _ in 0..5 {
        people.guess("alice").await;
    }
    let other_node = reopened(&open(&url), &people.clock);
    let there = other_node.authenticate("alice", password(RIGHT), Attempt::default()).await;
    assert!(matches!(there, Err(SignInError::Throttled { .. })), "{there:?}");

    people.stores = open(&url);
    people.accounts = reopened(&people.stores, &people.clock);
    assert_eq!(people.guess("alice").await, Answer::Wait(1));
    let signed_in = people.try_with("alice", RIGHT, LAPTOP).await;
    assert_eq!(signed_in, Answer::In { failures: 5, known: true });
}

#[tokio::test]
async fn a_million_names_neither_grow_the_table_nor_free_the_one_under_attack() {
    let stores = memory();
    let name = |number: u128| Subject { account: number.to_be_bytes(), device: None };
    let retention = Retention { attempts_since: NOW, at_most: 1_000, devices_since: NOW };
    for _ in 0..5 {
        stores.attempts.attempt(name(0), NOW).await.unwrap();
    }
    for number in 1..=1_000_000_u128 {
        stores.attempts.attempt(name(number), NOW).await.unwrap();
        if number % 5_000 == 0 {
            stores.attempts.purge_attempts(retention).await.unwrap();
        }
    }
    let attacked = stores.attempts.attempt(name(0), NOW).await.unwrap();
    assert_eq!(attacked.ruling, Ruling::Wait(Duration::from_secs(1)));
    let mut kept = 0;
    for number in (1..=10_000).chain(990_001..=1_000_000) {
        kept += u32::from(stores.attempts.attempt(name(number), NOW).await.unwrap().failures > 0);
    }
    assert!(kept < 1_000, "{kept} of a million are kept");
}

#[tokio::test]
async fn old_counters_are_purged_by_the_attempts_themselves() {
    let people = people().await;
    let subject = Subject { account: [1; 16], device: None };
    people.stores.attempts.attempt(subject, NOW + Duration::from_secs(60)).await.unwrap();
    people.pass(31 * 24 * 3600);
    // The first attempt of a process purges, and then every thousandth.
    people.guess("nobody").await;
    let again = people.stores.attempts.attempt(subject, NOW + Duration::from_secs(60)).await.unwrap();
    assert_eq!(again.failures, 0);
}

#[tokio::test]
async fn changing_a_password_needs_the_current_one_and_a_fit_new_one() {
    let people = people().await;
    let alice: Username = "alice".parse().unwrap();
    let change = async |current: &str, new: &str| {
        let attempt = Attempt::default();
        people.accounts.change_password(&alice, password(current), password(new), None, attempt).await
    };
    let unfit = |answer| match answer {
        Err(ChangeError::Unfit(unfit)) => Some(unfit),
        _ => None,
    };
    assert_eq!(unfit(change(RIGHT, "too short").await), Some(UnfitPassword::TooShort { min: 15 }));
    assert_eq!(unfit(change(RIGHT, "passwordpassword").await), Some(UnfitPassword::Common));
    assert_eq!(unfit(change(RIGHT, "I am Alice, let me in").await), Some(UnfitPassword::ContainsName));
    assert_eq!(unfit(change(RIGHT, "my portcullis login").await), Some(UnfitPassword::ContainsService));
    for _ in 0..5 {
        let answer = change("a wrong guess", NEW).await;
        assert!(matches!(answer, Err(ChangeError::SignIn(SignInError::BadCredentials))), "{answer:?}");
    }
    let answer = change(RIGHT, NEW).await;
    assert!(matches!(answer, Err(ChangeError::SignIn(SignInError::Throttled { .. }))), "{answer:?}");
    people.pass(1);
    assert_eq!(change(RIGHT, NEW).await.unwrap(), [[0; 16]; 0]);
    assert_eq!(people.guess("alice").await, Answer::Wrong);
    let signed_in = people.try_with("alice", NEW, Attempt::default()).await;
    assert_eq!(signed_in, Answer::In { failures: 1, known: false });
}

/// The application with the demo accounts, spoken to over HTTP.
async fn http() -> (Client, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(NOW));
    let world = World { clock: clock.clone(), random: Arc::new(OsRandom), stores: Some(memory()) };
    let figment = portcullis::settings::defaults()
        .merge(("auth.secret_key", "a secret that only these tests know: 0123456789"))
        .select(Profile::new("debug"));
    let rocket = portcullis::app::rocket(&figment, world).unwrap();
    (Client::untracked(rocket).await.unwrap(), clock)
}

struct Login<'a> {
    name: &'a str,
    password: &'a str,
    address: [u8; 4],
    headers: &'a [(&'static str, String)],
    device: Option<&'a str>,
}

const GUESS: Login<'static> = Login {
    name: "testuser",
    password: "a wrong guess",
    address: [127, 0, 0, 1],
    headers: &[],
    device: None,
};

async fn log_in<'a>(client: &'a Client, login: &Login<'_>) -> LocalResponse<'a> {
    let body = serde_json::json!({ "username": login.name, "password": login.password });
    let mut request =
        client.post("/login").header(ContentType::JSON).header(Accept::JSON).body(body.to_string());
    request.set_remote(std::net::SocketAddr::from((login.address, 4711)));
    for (name, value) in login.headers {
        request.add_header(Header::new(*name, value.clone()));
    }
    if let Some(device) = login.device {
        request = request.cookie(Cookie::new("portcullis_device", device.to_owned()));
    }
    request.dispatch().await
}

#[tokio::test]
async fn a_throttled_program_reads_429_and_when_to_come_back() {
    let (client, clock) = http().await;
    for _ in 0..5 {
        assert_eq!(log_in(&client, &GUESS).await.status(), Status::Unauthorized);
    }
    let right = Login { password: "testpass", address: [127, 0, 0, 2], ..GUESS };
    let refused = log_in(&client, &right).await;
    assert_eq!(refused.status(), Status::TooManyRequests);
    assert_eq!(refused.headers().get_one("Retry-After"), Some("1"));
    assert!(!refused.headers().get("Set-Cookie").any(|line| line.contains("device")));
    let body: serde_json::Value = serde_json::from_str(&refused.into_string().await.unwrap()).unwrap();
    assert_eq!(body, serde_json::json!({ "msg": "Too many attempts", "code": "throttled" }));
    clock.advance(Duration::from_secs(1));
    assert_eq!(log_in(&client, &right).await.status(), Status::Ok);
}

#[tokio::test]
async fn a_throttled_browser_gets_the_form_again() {
    let (client, _) = http().await;
    for _ in 0..5 {
        log_in(&client, &GUESS).await;
    }
    let form = client.get("/login").header(Accept::HTML).dispatch().await;
    let line = form.headers().get_one("Set-Cookie").unwrap().to_owned();
    let (name, rest) = line.split_once('=').unwrap();
    let cookie = Cookie::new(name.to_owned(), rest.split(';').next().unwrap().to_owned());
    let page = form.into_string().await.unwrap();
    let (_, rest) = page.split_once(r#"name="csrf_token" value=""#).unwrap();
    let proof = rest.split('"').next().unwrap();
    let request = client.post("/login").header(ContentType::Form).header(Accept::HTML).cookie(cookie);
    let body = format!("csrf_token={proof}&username=testuser&password=testpass");
    let refused = request.body(body).dispatch().await;
    assert_eq!(refused.status(), Status::TooManyRequests);
    assert_eq!(refused.headers().get_one("Retry-After"), Some("1"));
    let page = refused.into_string().await.unwrap();
    assert!(page.contains("Too many attempts") && page.contains(r#"value="testuser""#), "{page}");
}

#[tokio::test]
async fn headers_of_the_client_change_nothing() {
    let (client, _) = http().await;
    let mut evaluated = 0;
    for number in 0..60 {
        let address = format!("198.51.100.{number}");
        let headers = [
            ("X-Real-IP", address.clone()),
            ("X-Forwarded-For", address.clone()),
            ("Forwarded", format!("for={address}")),
            ("CF-Connecting-IP", address.clone()),
            ("True-Client-IP", address),
        ];
        let name = format!("user{number}");
        let answer = log_in(&client, &Login { name: &name, headers: &headers, ..GUESS }).await;
        evaluated += u32::from(answer.status() == Status::Unauthorized);
    }
    assert_eq!(evaluated, 50);
}

#[tokio::test]
async fn a_device_that_signed_in_is_remembered_beyond_signing_out_and_survives_an_attack() {
    let (client, _) = http().await;
    let right = Login { password: "testpass", address: [127, 0, 0, 9], ..GUESS };
    let signed_in = sign_in_on_the_page(&client).await;
    let device = |response: &LocalResponse<'_>| {
        let mut lines = response.headers().get("Set-Cookie");
        lines.find(|line| line.starts_with("portcullis_device=")).map(str::to_owned)
    };
    let line = device(&signed_in).unwrap();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=15552000"] {
        assert!(line.contains(attribute), "{line}");
    }
    let secret = line.split_once('=').unwrap().1.split(';').next().unwrap();
    let signed_out = client.post("/logout").cookie(Cookie::new("portcullis_device", secret.to_owned()));
    assert_eq!(device(&signed_out.dispatch().await), None);

    for number in 0..200 {
        log_in(&client, &Login { address: [127, 0, 1, number], ..GUESS }).await;
    }
    let stranger = log_in(&client, &right).await;
    assert_eq!(stranger.status(), Status::TooManyRequests);
    let back = log_in(&client, &Login { device: Some(secret), ..right }).await;
    assert_eq!(back.status(), Status::Ok);
    assert_eq!(device(&back).unwrap(), line, "the same device, for another half year");

    let planted = "00112233445566778899aabbccddeeff";
    let other = log_in(&client, &Login { device: Some(planted), ..right }).await;
    assert_eq!(device(&other), None, "a secret that somebody else may know is not kept up");
}

#[tokio::test]
async fn programs_push_no_browser_out_of_the_known_devices() {
    let (client, _) = http().await;
    let device =
        sign_in_on_the_page(&client).await.cookies().get("portcullis_device").unwrap().value().to_owned();
    for _ in 0..12 {
        assert_eq!(log_in(&client, &Login { password: "testpass", ..GUESS }).await.status(), Status::Ok);
    }
    for _ in 0..6 {
        log_in(&client, &GUESS).await;
    }
    let right = Login { password: "testpass", ..GUESS };
    assert_eq!(log_in(&client, &right).await.status(), Status::TooManyRequests);
    let known = Login { device: Some(&device), ..right };
    assert_eq!(log_in(&client, &known).await.status(), Status::Ok);
}

#[tokio::test]
async fn a_program_is_known_by_its_earlier_tokens_without_a_fifth_cookie() {
    let (client, _) = http().await;
    let right = Login { password: "testpass", ..GUESS };
    let signed_in = log_in(&client, &right).await;
    assert_eq!(signed_in.headers().get("Set-Cookie").count(), 4);
    let carried: Vec<_> = signed_in.cookies().iter().map(|cookie| cookie.clone().into_owned()).collect();
    for number in 0..200 {
        log_in(&client, &Login { address: [127, 0, 1, number], ..GUESS }).await;
    }
    let by_address = log_in(&client, &right).await;
    assert_eq!(
        by_address.status(),
        Status::TooManyRequests,
        "an address is no device: it may be everybody's"
    );
    let elsewhere = Login { address: [127, 0, 0, 9], ..right };
    assert_eq!(log_in(&client, &elsewhere).await.status(), Status::TooManyRequests, "a stranger");
    let mut request = client.post("/login").header(ContentType::JSON).header(Accept::JSON);
    request.set_remote(std::net::SocketAddr::from((elsewhere.address, 4711)));
    let body = serde_json::json!({ "username": "testuser", "password": "testpass" }).to_string();
    let by_tokens = request.cookies(carried).body(body).dispatch().await;
    assert_eq!(by_tokens.status(), Status::Ok);
}

/// Signs testuser in as a browser does, from 127.0.0.1.
async fn sign_in_on_the_page(client: &Client) -> LocalResponse<'_> {
    let page = client.get("/login").header(Accept::HTML).dispatch().await;
    let cookies: Vec<_> = page.cookies().iter().map(|cookie| cookie.clone().into_owned()).collect();
    let page = page.into_string().await.unwrap();
    let proof = page.split("name=\"csrf_token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let form = format!("csrf_token={proof}&next=&username=testuser&password=testpass");
    let mut request = client.post("/login").header(ContentType::Form).header(Accept::HTML).cookies(cookies);
    request.set_remote(std::net::SocketAddr::from(([127, 0, 0, 1], 4711)));
    request.body(form).dispatch().await
}
