//! People who sign in, refresh, sign out, change passwords and use codes up, while programs are killed under them.
//!
//! Everything that was answered is written down, and held against what comes later: what was acknowledged is never lost, who
//! signed out is never let in again, nobody honest is signed out, and whatever is in doubt because no answer came is one of
//! the two things that it can be.

#![expect(
    clippy::disallowed_methods,
    reason = "how long ago something was answered is told by the machine's clock"
)]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::draw;
use crate::binary::client::{Answer, Ask, Client, Jar};
use crate::binary::server::{Installation, SECRET, Server};
use crate::postgres::{fresh, sql};

/// Programs on one store, each of which may be killed and started again at any moment.
struct Site {
    nodes: Vec<(Installation, Mutex<Option<Server>>)>,
}

impl Site {
    fn start(installations: Vec<Installation>) -> Self {
        let start = |installation: Installation| {
            let server = installation.start();
            (installation, Mutex::new(Some(server)))
        };
        Self { nodes: installations.into_iter().map(start).collect() }
    }

    /// Where one of them listens, or listened until just now.
    fn address(&self, seed: &mut u64) -> Option<SocketAddr> {
        let (_, server) = &self.nodes[pick(seed, self.nodes.len())];
        server.lock().unwrap().as_ref().map(Server::address)
    }

    fn kill_one(&self, seed: &mut u64) {
        let (installation, server) = &self.nodes[pick(seed, self.nodes.len())];
        server.lock().unwrap().take().unwrap().kill();
        let started = installation.start();
        *server.lock().unwrap() = Some(started);
    }
}

fn pick(seed: &mut u64, among: usize) -> usize {
    usize::try_from(draw(seed)).unwrap() % among
}

/// What one person did, and what was answered.
struct Person<'a> {
    site: &'a Site,
    seed: u64,
    name: String,
    /// One password, or two where a change was not answered.
    passwords: Vec<String>,
    session: Option<Jar>,
    ended: Vec<(Jar, Instant)>,
    counts: &'a Counts,
}

/// How often each thing was answered, so that a test shows that it did something.
#[derive(Default)]
struct Counts(Mutex<HashMap<&'static str, u64>>);

impl Counts {
    fn add(&self, what: &'static str) {
        *self.0.lock().unwrap().entry(what).or_default() += 1;
    }

    fn of(&self, what: &str) -> u64 {
        self.0.lock().unwrap().get(what).copied().unwrap_or_default()
    }
}

impl Person<'_> {
    fn ask(&mut self, jar: &Jar, ask: &Ask<'_>) -> Option<(Answer, Jar)> {
        let mut client = Client::with(self.site.address(&mut self.seed)?, jar);
        let answer = client.try_send(ask)?;
        assert!(
            [200, 401, 429, 503].contains(&answer.status),
            "{}: {} {}",
            self.name,
            answer.status,
            answer.body
        );
        Some((answer, client.jar))
    }

    fn act(&mut self) {
        match pick(&mut self.seed, 10) {
            0 => self.leave(),
            1 => self.change_password(),
            2..=4 => self.look_back(),
            5..=7 => self.renew(),
            _ => self.look(),
        }
    }

    fn sign_in(&mut self) -> Option<Jar> {
        if let Some(jar) = self.session.clone() {
            return Some(jar);
        }
        let tried = self.passwords[0].clone();
        let body = serde_json::json!({ "username": self.name, "password": tried }).to_string();
        let (answer, jar) = self.ask(&Jar::default(), &Ask::json("/login", &body))?;
        match answer.status {
            200 => {
                self.passwords = vec![tried];
                self.session = Some(jar.clone());
                self.counts.add("signed in");
                return Some(jar);
            }
            401 => {
                self.passwords.remove(0);
                assert!(
                    !self.passwords.is_empty(),
                    "{}: the password that was acknowledged is refused",
                    self.name
                );
                self.counts.add("the change had not happened");
            }
            // A sign-in that died with its program counts as one that failed, until the next that succeeds.
            429 => self.counts.add("throttled"),
            _ => self.counts.add("503"),
        }
        None
    }

    fn look(&mut self) {
        let Some(jar) = self.sign_in() else { return };
        if let Some((answer, _)) = self.ask(&jar, &Ask::get("/protected")) {
            assert_ne!(answer.status, 401, "{} was signed out: {}", self.name, answer.body);
            self.counts.add("looked");
        }
    }

    fn renew(&mut self) {
        let Some(jar) = self.sign_in() else { return };
        let proof = jar.get("csrf_refresh_token").unwrap().to_owned();
        let Some((answer, next)) = self.ask(&jar, &Ask::post("/refresh").header("X-CSRF-TOKEN", proof))
        else {
            self.counts.add("a refresh without an answer");
            return;
        };
        assert_ne!(answer.status, 401, "{} was signed out: {}", self.name, answer.body);
        // Every fourth answer is lost on the way.
        if answer.status == 200 && pick(&mut self.seed, 4) > 0 {
            self.session = Some(next);
            self.counts.add("refreshed");
        }
    }

    fn leave(&mut self) {
        let Some(jar) = self.session.take() else { return };
        // Whether an unanswered one was kept, nobody knows; nothing is asked of it.
        if let Some((answer, _)) = self.ask(&jar, &Ask::post("/logout"))
            && answer.status == 200
        {
            self.ended.push((jar, Instant::now()));
            self.counts.add("signed out");
        }
    }

    fn look_back(&mut self) {
        if self.ended.is_empty() {
            return;
        }
        let (jar, at) = self.ended[pick(&mut self.seed, self.ended.len())].clone();
        let proof = jar.get("csrf_refresh_token").unwrap().to_owned();
        if let Some((answer, _)) = self.ask(&jar, &Ask::post("/refresh").header("X-CSRF-TOKEN", proof)) {
            assert_ne!(answer.status, 200, "{} had signed out, and is renewed", self.name);
        }
        let is_old = at.elapsed() > Duration::from_secs(2);
        if let Some((answer, _)) = self.ask(&jar, &Ask::get("/protected")) {
            assert!(answer.status != 200 || !is_old, "{} had signed out, and is let in", self.name);
            self.counts.add("looked back");
        }
    }

    fn change_password(&mut self) {
        let Some(jar) = self.sign_in() else { return };
        let [current] = &self.passwords[..] else { return };
        let new = format!("a phrase that was drawn as {}", draw(&mut self.seed));
        let body = serde_json::json!({ "current_password": current, "new_password": new }).to_string();
        let proof = jar.get("csrf_access_token").unwrap().to_owned();
        let ask = Ask::json("/account/password", &body).header("X-CSRF-TOKEN", proof);
        match self.ask(&jar, &ask) {
            Some((answer, next)) if answer.status == 200 => {
                self.passwords = vec![new];
                self.session = Some(next);
                self.counts.add("changed the password");
            }
            // The old one of this session may be stale; a new sign-in makes it fresh.
            Some((answer, _)) if answer.status == 401 && answer.code() == "fresh_required" => self.leave(),
            Some((answer, _)) => {
                assert!([429, 503].contains(&answer.status), "{}: {}", self.name, answer.body);
            }
            None => {
                self.passwords.push(new);
                self.session = None;
            }
        }
    }
}

/// Codes are made and used up, each at most once.
fn use_codes(site: &Site, counts: &Counts, is_over: &AtomicBool) {
    let (mut seed, mut number) = (99, 0);
    let mut admin = Jar::default();
    while !is_over.load(Ordering::Relaxed) {
        let Some(address) = site.address(&mut seed) else { continue };
        let mut client = Client::with(address, &admin);
        if admin == Jar::default() {
            let body = r#"{"username":"admin","password":"adminpass"}"#;
            if client.try_send(&Ask::json("/login", body)).is_some_and(|answer| answer.status == 200) {
                admin = client.jar;
            }
            continue;
        }
        number += 1;
        let name = format!("new-{number}");
        let proof = admin.get("csrf_access_token").unwrap().to_owned();
        let body = serde_json::json!({ "username": name }).to_string();
        let Some(made) = client.try_send(&Ask::json("/people", &body).header("X-CSRF-TOKEN", proof)) else {
            continue;
        };
        if made.status != 200 {
            // Only a store that is away for a moment, or a name that an unanswered call made.
            assert!([503, 409].contains(&made.status), "{} {}", made.status, made.body);
            continue;
        }
        let made: serde_json::Value = serde_json::from_str(&made.body).unwrap();
        let password = format!("a phrase that is the first, number {number}");
        let body = serde_json::json!({ "username": name, "code": made["code"], "new_password": password })
            .to_string();
        let (taken, doubtful) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for turn in 0..3 {
                let (body, taken, doubtful) = (&body, &taken, &doubtful);
                scope.spawn(move || {
                    let Some(address) = site.address(&mut (turn + number)) else { return };
                    match Client::new(address).try_send(&Ask::json("/account/code", body)) {
                        Some(answer) if answer.status == 200 => taken.fetch_add(1, Ordering::Relaxed),
                        Some(_) => 0,
                        None => doubtful.fetch_add(1, Ordering::Relaxed),
                    };
                });
            }
        });
        let taken = taken.into_inner();
        assert!(taken <= 1, "a code was used {taken} times");
        if taken == 1 {
            counts.add("used a code");
            let Some(address) = site.address(&mut seed) else { continue };
            let body = serde_json::json!({ "username": name, "password": password }).to_string();
            if let Some(answer) = Client::new(address).try_send(&Ask::json("/login", &body)) {
                assert!([200, 429, 503].contains(&answer.status), "{name} has a password: {}", answer.body);
            }
        }
    }
}

/// Lets people act while one program after the other is killed.
fn live_through(site: &Site, kills: u32, other_fault: impl Fn(u32)) {
    let (counts, is_over) = (Counts::default(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for number in 0..PEOPLE {
            let mut person = Person {
                site,
                seed: number + 7,
                name: format!("person-{number}"),
                passwords: vec![FIRST.to_owned()],
                session: None,
                ended: Vec::new(),
                counts: &counts,
            };
            let is_over = &is_over;
            scope.spawn(move || {
                let _end = EndsAll(is_over);
                while !is_over.load(Ordering::Relaxed) {
                    person.act();
                }
            });
        }
        scope.spawn(|| {
            let _end = EndsAll(&is_over);
            use_codes(site, &counts, &is_over);
        });
        // Also when a program does not start again: nobody goes on for ever then.
        let _end = EndsAll(&is_over);
        let mut seed = 1;
        for round in 0..kills {
            if is_over.load(Ordering::Relaxed) {
                break;
            }
            // One program alone is left the time for a few sign-ins, which count as failures when they die with it.
            let calm = if site.nodes.len() == 1 { 400 } else { 20 };
            std::thread::sleep(Duration::from_millis(calm + draw(&mut seed) % 200));
            site.kill_one(&mut seed);
            other_fault(round);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    say(&counts);
    for what in ["signed in", "refreshed", "signed out", "looked back", "changed the password", "used a code"]
    {
        assert!(counts.of(what) > 0, "nobody ever {what}");
    }
}

/// One who is surprised ends it for all, so that the surprise is told.
struct EndsAll<'a>(&'a AtomicBool);

impl Drop for EndsAll<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[expect(clippy::print_stdout, reason = "how much happened is what the test's reader asks")]
fn say(counts: &Counts) {
    println!("{:?}", counts.0.lock().unwrap());
}

fn with_people(installation: Installation) -> Installation {
    assert!(installation.start().terminate().unwrap().success());
    for number in 0..PEOPLE {
        let name = format!("person-{number}");
        let made = installation.run(&["user", "add", &name], format!("{FIRST}\n").as_bytes());
        assert!(made.status.success());
    }
    installation
}

/// More kills than a test waits for, by hand: `HISTORY_KILLS=400`.
fn kills(usual: u32) -> u32 {
    std::env::var("HISTORY_KILLS").ok().and_then(|number| number.parse().ok()).unwrap_or(usual)
}

#[test]
fn one_program_on_a_file_is_killed_again_and_again_and_nothing_acknowledged_is_lost() {
    let installation = Installation::new().with("PORTCULLIS_AUTH__MAX_SESSIONS", "100");
    live_through(&Site::start(vec![with_people(installation)]), kills(25), |_| {});
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn three_programs_on_postgresql_are_killed_again_and_again_and_nothing_acknowledged_is_lost() {
    let url = fresh();
    let node = || {
        Installation::new()
            .with("PORTCULLIS_APP__STORE", &url)
            .with("PORTCULLIS_APP__STORE_LISTEN", "direct")
            .with("PORTCULLIS_AUTH__SECRET_KEY", SECRET)
            .with("PORTCULLIS_AUTH__MAX_SESSIONS", "100")
    };
    let first = with_people(node());
    live_through(&Site::start(vec![first, node(), node()]), kills(40), |round| {
        if round % 4 == 0 {
            let others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                          WHERE datname = current_database() AND pid <> pg_backend_pid()";
            sql(&url, others);
        }
    });
}

const PEOPLE: u64 = 5;
const FIRST: &str = "the first phrase of everybody";
