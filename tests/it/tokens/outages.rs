//! What the guards ask of a store, and what becomes of them when it does not answer.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use portcullis::Portcullis;
use portcullis::auth::{
    Clock, Cursor, Ending, Leniency, Proved, Revocation, Revocations, Session, SessionId, SessionStore,
    StoreError, TokenId, UnixTime, Verdict,
};

use crate::support::{FOUR, Setup, claims, names};
use crate::tokens::guards::{all_routes, library_with, person};

/// The memory store, counted, and out of reach at will.
struct Watched {
    inner: Arc<dyn SessionStore>,
    asked: AtomicUsize,
    is_out: AtomicBool,
    /// Whether it can be read and not written, as on a full disk.
    is_full: AtomicBool,
    read: AtomicUsize,
    news: tokio::sync::Notify,
    /// What the next news name.
    named: Mutex<Vec<Revocation>>,
}

impl Watched {
    fn pass(&self) -> Result<&dyn SessionStore, StoreError> {
        if self.is_out.load(Ordering::SeqCst) {
            return Err(StoreError::Unreachable("unplugged".into()));
        }
        Ok(&*self.inner)
    }
}

#[async_trait]
impl SessionStore for Watched {
    async fn ready(&self) -> Result<(), StoreError> {
        self.pass()?.ready().await
    }

    async fn create(
        &self,
        it: &Session,
        limit: usize,
        until: UnixTime,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.pass()?.create(it, limit, until).await
    }

    async fn find(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.pass()?.find(id).await
    }

    async fn present(
        &self,
        id: SessionId,
        generation: u64,
        now: UnixTime,
        leniency: Leniency,
        until: UnixTime,
    ) -> Result<Option<(Session, Verdict)>, StoreError> {
        if self.is_full.load(Ordering::SeqCst) {
            return Err(StoreError::Unreachable("full".into()));
        }
        self.pass()?.present(id, generation, now, leniency, until).await
    }

    async fn confirm(&self, seen: &[(SessionId, u64)]) -> Result<(), StoreError> {
        self.pass()?.confirm(seen).await
    }

    async fn end(&self, ending: &Ending<'_>) -> Result<Vec<SessionId>, StoreError> {
        self.pass()?.end(ending).await
    }

    async fn reauthenticated(&self, id: SessionId, proved: Proved, at: UnixTime) -> Result<bool, StoreError> {
        self.pass()?.reauthenticated(id, proved, at).await
    }

    async fn count_live(&self, users: &[&str], now: UnixTime) -> Result<Vec<u32>, StoreError> {
        self.pass()?.count_live(users, now).await
    }

    async fn live(&self, user: &str, now: UnixTime) -> Result<Vec<Session>, StoreError> {
        self.pass()?.live(user, now).await
    }

    async fn revoke(&self, id: TokenId, until: UnixTime) -> Result<(), StoreError> {
        self.pass()?.revoke(id, until).await
    }

    async fn raise_not_before(&self, moment: UnixTime) -> Result<(), StoreError> {
        self.pass()?.raise_not_before(moment).await
    }

    async fn revocations(&self, cursor: &Cursor, now: UnixTime) -> Result<Revocations, StoreError> {
        self.read.fetch_add(1, Ordering::SeqCst);
        self.pass()?.revocations(cursor, now).await
    }

    async fn changed(&self) -> Vec<Revocation> {
        self.news.notified().await;
        std::mem::take(&mut *self.named.lock().unwrap())
    }

    async fn is_revoked(&self, ids: [[u8; 16]; 2], issued_at: UnixTime) -> Result<bool, StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.pass()?.is_revoked(ids, issued_at).await
    }

    async fn purge(&self, now: UnixTime) -> Result<(), StoreError> {
        self.pass()?.purge(now).await
    }
}

fn watched(setup: &mut Setup) -> Arc<Watched> {
    let inner = setup.stores.sessions.clone();
    let (asked, read) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (is_out, news) = (AtomicBool::new(false), tokio::sync::Notify::new());
    let (is_full, named) = (AtomicBool::new(false), Mutex::default());
    let store = Arc::new(Watched { inner, asked, is_out, is_full, read, news, named });
    setup.stores.sessions = store.clone();
    store
}

#[test]
fn news_of_the_store_are_read_at_once() {
    let mut setup = Setup::new();
    let store = watched(&mut setup);
    let _app = library_with(setup);
    let mut naps = 0;
    for round in 1..=40 {
        let before = store.read.load(Ordering::SeqCst);
        store.news.notify_one();
        while store.read.load(Ordering::SeqCst) == before {
            std::thread::sleep(Duration::from_millis(1));
            naps += 1;
            // By its own clock a node reads four times a second.
            assert!(naps < 5_000, "{round} of 40 reads");
        }
    }
}

#[test]
fn what_the_news_name_is_refused_without_a_look_at_the_log() {
    let mut setup = Setup::new();
    let store = watched(&mut setup);
    let app = library_with(setup);
    let (ada, bob) = (person(&app, "ada", "admin"), person(&app, "bob", "admin"));
    store.is_out.store(true, Ordering::SeqCst);
    let seen = claims(&ada.access_token());
    let id: SessionId = seen["sid"].as_str().unwrap().parse().unwrap();
    let until = app.clock.now() + Duration::from_secs(300);
    store.named.lock().unwrap().push(Revocation { id: *id.as_bytes(), until });
    store.news.notify_one();
    let mut naps = 0;
    while ada.get("/many").send().status != 401 {
        std::thread::sleep(Duration::from_millis(1));
        naps += 1;
        assert!(naps < 5_000, "it is never refused");
    }
    assert_eq!(bob.get("/many").send().status, 200);
}

#[test]
fn another_listener_learns_how_the_node_is_doing() {
    let mut setup = Setup::new();
    let store = watched(&mut setup);
    let portcullis = Portcullis::new(store.clone()).clock(setup.clock.clone());
    let status = portcullis.status();
    assert!(!status.is_ready() && status.follows_since().is_none(), "nothing is launched");
    let rocket = rocket::custom(setup.figment()).attach(portcullis).mount("/", all_routes());
    let setup_clock = setup.clock.clone();
    let _app = setup.launch_as(rocket);
    for is_out in [false, true, false] {
        store.is_out.store(is_out, Ordering::SeqCst);
        let mut naps = 0;
        while status.is_ready() == is_out {
            std::thread::sleep(Duration::from_millis(5));
            naps += 1;
            assert!(naps < 2_000, "out of reach: {is_out}, {status:?}");
        }
    }
    let until = setup_clock.now() + Duration::from_secs(300);
    let id = "7f3c1f0e-9a4b-4c7d-8e21-5d6f7a8b9c0d".parse().unwrap();
    rocket::execute(store.inner.revoke(id, until)).unwrap();
    let mut naps = 0;
    while status.revoked() != 1 {
        std::thread::sleep(Duration::from_millis(5));
        naps += 1;
        assert!(naps < 2_000, "{status:?}");
    }
}

#[test]
fn a_token_that_came_back_ends_its_session_or_is_told_that_it_could_not() {
    let mut setup = Setup::new();
    let store = watched(&mut setup);
    let app = setup.launch();
    let ada = app.signed_in();
    let thief = ada.copy();
    // The successor has been used, so whoever comes with its predecessor holds a copy.
    assert_eq!(ada.refresh().status, 200);
    assert_eq!(ada.get("/protected").send().status, 200);
    let seen = claims(&ada.access_token());
    let (id, generation) = (seen["sid"].as_str().unwrap().parse().unwrap(), seen["gen"].as_u64().unwrap());
    rocket::execute(store.inner.confirm(&[(id, generation)])).unwrap();
    app.pass(31);

    store.is_full.store(true, Ordering::SeqCst);
    let answer = thief.refresh();
    assert_eq!(answer.refusal(), (503, "unavailable".into()));
    assert!(answer.cookie_names().is_empty(), "{:?}", answer.cookie_names());
    assert_eq!(ada.get("/protected").send().status, 200, "it has not ended, and nobody was told that it has");

    store.is_full.store(false, Ordering::SeqCst);
    let answer = thief.refresh();
    assert_eq!((answer.refusal(), answer.cookie_names()), ((401, "token_reused".into()), names(&FOUR)));
    assert_eq!(ada.get("/protected").send().refusal(), (401, "token_revoked".into()));
}

#[test]
fn several_guards_cost_one_verdict() {
    let mut setup = Setup::new().set("auth.max_staleness", 0);
    let store = watched(&mut setup);
    let app = library_with(setup);
    let ada = person(&app, "ada", "admin");
    store.asked.store(0, Ordering::SeqCst);
    assert_eq!(ada.get("/many").send().status, 200);
    assert_eq!(store.asked.load(Ordering::SeqCst), 1);
}

#[test]
fn the_store_is_not_asked_while_the_view_is_young() {
    let mut setup = Setup::new();
    let store = watched(&mut setup);
    let app = library_with(setup);
    let ada = person(&app, "ada", "admin");
    for _ in 0..10 {
        assert_eq!(ada.get("/many").send().status, 200);
    }
    assert_eq!(store.asked.load(Ordering::SeqCst), 0);
}

#[test]
fn a_store_out_of_reach_is_503_and_never_signed_out() {
    for staleness in [0, 5] {
        let mut setup = Setup::new().set("auth.max_staleness", staleness);
        let store = watched(&mut setup);
        let app = setup.launch();
        let program = app.signed_in();
        let browser = app.signed_in_browser();
        let leaving = app.signed_in();
        store.is_out.store(true, Ordering::SeqCst);
        app.pass(6);
        for path in ["/protected", "/dashboard"] {
            let answer = program.get(path).send();
            assert_eq!(answer.refusal(), (503, "unavailable".into()), "{path}");
            assert!(answer.header("Retry-After").is_some());
        }
        for path in ["/dashboard", "/", "/login"] {
            let page = browser.get(path).send();
            assert!(page.status == 503 && page.is_page(), "{path}: {}", page.status);
            assert!(page.header("Retry-After").is_some(), "{path}");
            assert!(page.cookie_names().is_disjoint(&names(&FOUR)), "{path}");
        }
        for answer in [program.refresh(), program.sign_in("admin", "adminpass")] {
            assert_eq!(answer.refusal(), (503, "unavailable".into()));
            assert_eq!(answer.all("Set-Cookie").len(), 0);
        }
        let stolen = leaving.copy();
        let left = leaving.log_out();
        assert_eq!(left.refusal(), (503, "unavailable".into()));
        assert_eq!(left.json()["msg"], "Signed out here, but that could not be written down yet");
        assert!(leaving.jar().is_empty(), "who asks to leave keeps no cookie");
        store.is_out.store(false, Ordering::SeqCst);
        assert_eq!(program.get("/protected").send().status, 200, "and all is well when it is back");
        assert_eq!(browser.get("/dashboard").send().status, 200);
        assert_eq!(program.refresh().status, 200);
        assert_eq!(program.log_out().status, 200);
        assert_eq!(stolen.get("/protected").send().refusal(), (401, "token_revoked".into()));
    }
}

#[test]
fn renewing_during_an_outage_is_503_and_keeps_the_cookies() {
    let mut setup = Setup::new();
    let store = watched(&mut setup);
    let app = library_with(setup);
    let browser = person(&app, "ada", "user").accepting("text/html");
    app.pass(301);
    store.is_out.store(true, Ordering::SeqCst);
    for path in ["/page", "/anybody", "/fresh"] {
        let answer = browser.get(path).send();
        assert_eq!((answer.status, answer.body.as_str()), (503, "unavailable"), "{path}");
        assert_eq!(answer.all("Set-Cookie").len(), 0);
    }
    store.is_out.store(false, Ordering::SeqCst);
    assert_eq!(browser.get("/anybody").send().body, "ada");
}
