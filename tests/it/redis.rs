//! A Redis of its own for each test, beside a program that writes there what was revoked.
//!
//! Redis is killed, stopped, emptied, restarted and filled up; nobody who signed out is let in by it, and nobody is kept from
//! signing in or out.

#![expect(clippy::disallowed_methods, reason = "how soon is measured by the machine's clock")]

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis::auth::{Blocklist, Revocation, UnixTime};
use portcullis::store::blocklist;
use serde_json::json;
use tempfile::TempDir;

use crate::binary::client::{Ask, Client};
use crate::binary::server::{Installation, SECRET, Server};
use crate::interop::peer::{Flask, with_peers};
use crate::support::claims;

/// A Redis on a free port; dropped, it is killed.
struct Redis {
    port: u16,
    child: Child,
    folder: TempDir,
}

impl Redis {
    fn start() -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let child = Self::spawn(port, &folder);
        let started = Self { port, child, folder };
        started.wait();
        started
    }

    fn spawn(port: u16, folder: &TempDir) -> Child {
        let mut command = Command::new("redis-server");
        command.args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        command.arg("--dir").arg(folder.path()).stdout(Stdio::null());
        command.spawn().expect("redis-server is not there; run scripts/test")
    }

    fn wait(&self) {
        within(|| self.try_ask(&["PING"]).as_deref() == Some("PONG"));
    }

    fn restart(&mut self) {
        self.kill();
        self.child = Self::spawn(self.port, &self.folder);
        self.wait();
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn signal(&self, signal: &str) {
        let done = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(done.unwrap().success());
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn try_ask(&self, words: &[&str]) -> Option<String> {
        let output = Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(words).output();
        let output = output.expect("redis-cli is not there; run scripts/test");
        let answer = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        output.status.success().then_some(answer)
    }

    fn ask(&self, words: &[&str]) -> String {
        self.try_ask(words).unwrap()
    }

    fn has(&self, key: &str) -> bool {
        self.ask(&["EXISTS", key]) == "1"
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until it is so.
#[track_caller]
fn within(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while !is_so() {
        assert!(Instant::now() < deadline, "it never comes to be so");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn beside(redis: &Redis) -> Installation {
    Installation::new()
        .with("PORTCULLIS_AUTH__SECRET_KEY", SECRET)
        .with("PORTCULLIS_APP__REDIS", &redis.url())
}

fn signed_in(server: &Server) -> Client {
    let mut client = server.client();
    let answer = client.sign_in("testuser", "testpass");
    assert_eq!(answer.status, 200, "{}{}", answer.body, server.said());
    client
}

/// The `jti` and the `sid` of the access token.
fn names(client: &Client) -> [String; 2] {
    let claims = claims(client.jar.get("access_token_cookie").unwrap());
    ["jti", "sid"].map(|name| claims[name].as_str().unwrap().to_owned())
}

#[test]
#[ignore = "needs Redis; scripts/test installs it"]
fn whoever_signs_out_is_on_the_list_when_the_answer_comes_and_no_longer_than_a_token_lives() {
    let redis = Redis::start();
    let installation = beside(&redis);
    let server = installation.start();
    // The list is complete once the mark of the node is there.
    within(|| !redis.ask(&["KEYS", "portcullis:node:*"]).is_empty());
    for _ in 0..5 {
        let mut client = signed_in(&server);
        let [jti, sid] = names(&client);
        assert!(!redis.has(&jti) && !redis.has(&sid));
        assert_eq!(client.logout().status, 200);
        for key in [&jti, &sid] {
            assert_eq!(redis.ask(&["GET", key]), "");
            let left: u32 = redis.ask(&["TTL", key]).parse().unwrap();
            assert!((295..=420).contains(&left), "{left}");
        }
    }
    // The command line does it without knowing of Redis; the server reads it in the log.
    let client = signed_in(&server);
    let [_, sid] = names(&client);
    let mut other = signed_in(&server);
    let ended = other.send(
        Ask::post("/sessions/end-others")
            .header("X-CSRF-TOKEN", other.jar.get("csrf_access_token").unwrap().to_owned())
            .header("Accept", "application/json"),
    );
    assert_eq!(ended.status, 200, "{}", ended.body);
    assert!(redis.has(&sid));
}

#[test]
#[ignore = "needs Redis; scripts/test installs it"]
fn what_the_command_line_ends_is_on_the_list_too_under_the_prefix_of_the_settings() {
    let redis = Redis::start();
    let installation = beside(&redis).with("PORTCULLIS_APP__REDIS_PREFIX", "blocked:");
    let server = installation.start();
    let client = signed_in(&server);
    let [_, sid] = names(&client);
    assert!(installation.run(&["session", "end", &sid], b"").status.success());
    within(|| redis.has(&format!("blocked:{sid}")));
    assert!(redis.ask(&["KEYS", "*"]).lines().all(|key| key.starts_with("blocked:")));
}

#[test]
#[ignore = "needs Redis, Python and Node packages"]
fn a_flask_service_with_the_loader_of_its_documentation_and_ours_refuse_what_the_other_revoked() {
    let redis = Redis::start();
    let installation = with_peers(beside(&redis)).with("PORTCULLIS_APP__REDIS_ASKED", "true");
    let server = installation.start();
    let flask = Flask::start(&installation, SECRET, &json!({ "BLOCKLIST": redis.port }));
    within(|| !redis.ask(&["KEYS", "portcullis:node:*"]).is_empty());

    let mut ours = signed_in(&server);
    let mut there = Client::with(flask.address(), &ours.jar);
    assert_eq!(there.protected().status, 200);
    assert_eq!(ours.logout().status, 200);
    let refused = there.protected();
    assert_eq!(refused.status, 401);
    assert!(refused.body.contains("Token has been revoked"), "{}", refused.body);

    let mut ours = signed_in(&server);
    let mut there = Client::with(flask.address(), &ours.jar);
    let proof = ours.jar.get("csrf_access_token").unwrap().to_owned();
    assert_eq!(there.send(Ask::delete("/logout").header("X-CSRF-TOKEN", proof)).status, 200);
    let refused = ours.protected();
    assert_eq!((refused.status, refused.code()), (401, "token_revoked".to_owned()));
    // The token is revoked, and not the session: the next one is good.
    assert_eq!((ours.refresh().status, ours.protected().status), (200, 200));
    // A whole session is revoked by its name.
    let [_, sid] = names(&ours);
    redis.ask(&["SET", &sid, "", "EX", "60"]);
    assert_eq!((ours.protected().status, ours.refresh().status), (401, 401));
}

#[test]
#[ignore = "needs Redis; scripts/test installs it"]
fn without_being_told_to_we_do_not_ask_what_others_put_there() {
    let redis = Redis::start();
    let installation = beside(&redis);
    let server = installation.start();
    let mut client = signed_in(&server);
    let [jti, sid] = names(&client);
    redis.ask(&["SET", &jti, "", "EX", "60"]);
    redis.ask(&["SET", &sid, "", "EX", "60"]);
    assert_eq!(client.protected().status, 200);
}

#[test]
#[ignore = "needs Redis; scripts/test installs it"]
fn while_redis_is_gone_or_silent_people_sign_in_and_out_and_afterwards_the_list_is_whole() {
    let mut redis = Redis::start();
    let installation = beside(&redis);
    let server = installation.start();
    let mut stays = signed_in(&server);
    for fault in ["killed", "stopped", "emptied", "restarted"] {
        let mut before = signed_in(&server);
        let [_, sid_before] = names(&before);
        assert_eq!(before.logout().status, 200);
        match fault {
            "killed" => redis.kill(),
            "stopped" => redis.signal("-STOP"),
            "emptied" => drop(redis.ask(&["FLUSHALL"])),
            _ => redis.restart(),
        }
        let start = Instant::now();
        let mut during = signed_in(&server);
        let copy = during.jar.clone();
        let [jti, sid] = names(&during);
        assert_eq!(during.logout().status, 200, "{fault}");
        assert_eq!(Client::with(server.address(), &copy).protected().status, 401, "{fault}");
        assert_eq!((stays.protected().status, stays.refresh().status), (200, 200), "{fault}");
        assert!(start.elapsed() < Duration::from_secs(3), "{fault}: {:?}", start.elapsed());
        match fault {
            "killed" => redis.restart(),
            "stopped" => redis.signal("-CONT"),
            _ => {}
        }
        within(|| redis.has(&sid_before) && redis.has(&sid) && redis.has(&jti));
    }
    let said = server.said();
    assert!(said.contains("the list for sibling services is out of reach"), "{said}");
    assert!(said.contains("the list for sibling services has everything"), "{said}");
}

#[test]
#[ignore = "needs Redis; scripts/test installs it"]
fn a_redis_that_evicts_is_filled_again_and_we_refuse_without_it() {
    let redis = Redis::start();
    let installation = beside(&redis);
    let server = installation.start();
    let client = signed_in(&server);
    let jar = client.jar.clone();
    let [jti, sid] = names(&client);
    let mut client = client;
    assert_eq!(client.logout().status, 200);
    let used: u64 = redis
        .ask(&["INFO", "memory"])
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:")?.trim().parse().ok())
        .unwrap();
    redis.ask(&["CONFIG", "SET", "maxmemory-policy", "allkeys-random"]);
    redis.ask(&["CONFIG", "SET", "maxmemory", &(used + 2_000_000).to_string()]);
    // Somebody else fills it until everything of ours has gone once.
    let fill = "for i = 1, 40000 do redis.call('SET', 'other:' .. i, string.rep('x', 100)) end";
    let mut rounds = 0;
    while redis.has(&jti) && redis.has(&sid) && rounds < 20 {
        redis.ask(&["EVAL", fill, "0"]);
        rounds += 1;
    }
    let stats = redis.ask(&["INFO", "stats"]);
    assert!(!stats.lines().any(|line| line.trim() == "evicted_keys:0"), "nothing was evicted");
    assert_eq!(Client::with(server.address(), &jar).protected().status, 401);
    redis.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    within(|| redis.has(&sid) && redis.has(&jti));
}

#[test]
#[ignore = "needs Redis; scripts/test installs it"]
fn who_asks_redis_about_every_token_lets_nobody_in_while_it_is_away() {
    let mut redis = Redis::start();
    let installation = beside(&redis).with("PORTCULLIS_APP__REDIS_ASKED", "true");
    let server = installation.start();
    let mut client = signed_in(&server);
    assert_eq!(client.protected().status, 200);
    for signal in [Some("-STOP"), None] {
        match signal {
            Some(signal) => redis.signal(signal),
            None => redis.kill(),
        }
        let start = Instant::now();
        assert_eq!(client.protected().status, 503);
        assert!(start.elapsed() < Duration::from_millis(2500), "{:?}", start.elapsed());
        // Whoever comes or goes is asked for no token.
        assert_eq!(signed_in(&server).logout().status, 200);
        match signal {
            Some(_) => redis.signal("-CONT"),
            None => redis.restart(),
        }
        within(|| client.protected().status == 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; scripts/test installs it"]
async fn nodes_hear_of_each_others_revocations() {
    let mut redis = Redis::start();
    let url = redis.url().parse().unwrap();
    let (here, there) = (blocklist(&url, "a:"), blocklist(&url, "a:"));
    let stranger = blocklist(&url, "b:");
    let heard = |list: Arc<dyn Blocklist>, seconds| async move {
        tokio::time::timeout(Duration::from_secs(seconds), list.changed()).await.is_ok()
    };
    // The connection itself is the first news.
    assert!(heard(there.clone(), 10).await && heard(stranger.clone(), 10).await);
    let entry = [Revocation { id: [7; 16], until: UnixTime::from_secs(4_000_000_000) }];
    for _ in 0..3 {
        here.add(&entry).await.unwrap();
        assert!(heard(there.clone(), 10).await);
    }
    here.restore(&entry).await.unwrap();
    assert!(!heard(there.clone(), 1).await, "what was known before is no news");
    assert!(!heard(stranger.clone(), 0).await);
    redis.restart();
    assert!(heard(there.clone(), 10).await, "a new connection is news by itself");
    within_async(|| here.add(&entry)).await;
    assert!(heard(there.clone(), 10).await);
}

/// Does it until it works.
async fn within_async<E: std::fmt::Debug, F: Future<Output = Result<(), E>>>(mut work: impl FnMut() -> F) {
    for _ in 0..50 {
        if work().await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    work().await.unwrap();
}
