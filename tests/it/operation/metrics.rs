//! The numbers at their own port, and the alerts and the dashboard that are made of them.

#![expect(clippy::disallowed_methods, reason = "Prometheus is waited for by the machine's clock")]

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::binary::client::{Answer, Ask, Client};
use crate::binary::server::{Installation, Server};

/// A program whose numbers are served, on a port that was free.
pub(crate) fn watched() -> Installation {
    Installation::new().with("PORTCULLIS_APP__METRICS_ADDRESS", "127.0.0.1:0")
}

/// Where the program says that its numbers are.
pub(crate) fn numbers_of(server: &Server) -> Client {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let said = server.said();
        let found =
            said.split_once("metrics are at http://").and_then(|(_, rest)| rest.split_once("/metrics"));
        if let Some((address, _)) = found {
            return Client::new(address.parse().unwrap());
        }
        assert!(Instant::now() < deadline, "{said}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn numbers(client: &mut Client) -> String {
    let answer = client.send(Ask::get("/metrics"));
    let kind = answer.all("content-type").next().map(str::to_owned);
    assert_eq!(kind.as_deref(), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(answer.body.ends_with("# EOF\n"));
    answer.body
}

/// The value of this series.
pub(crate) fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

fn a_day_at(server: &Server) {
    let mut ada = server.client();
    assert_eq!(ada.sign_in("testuser", "wrong").status, 401);
    assert_eq!(ada.sign_in("testuser", "testpass").status, 200);
    assert_eq!(ada.protected().status, 200);
    let first = ada.jar.clone();
    assert_eq!(ada.refresh().status, 200);
    assert_eq!(ada.protected().status, 200);
    assert_eq!(Client::with(server.address(), &first).refresh().status, 200);
    assert_eq!(ada.logout().status, 200);
    assert_eq!(server.client().send(Ask::get("/people/nobody-in-particular?q=hidden")).status, 401);
}

#[test]
fn numbers_tell_what_happened_and_nothing_of_anybody() {
    let installation = watched();
    let server = installation.start();
    a_day_at(&server);
    let mut port = numbers_of(&server);
    let text = numbers(&mut port);
    for (series, expected) in [
        ("portcullis_ready", 1.0),
        ("portcullis_store_reachable", 1.0),
        (r#"portcullis_sign_ins_total{outcome="succeeded"}"#, 1.0),
        (r#"portcullis_sign_ins_total{outcome="failed"}"#, 1.0),
        (r#"portcullis_refreshes_total{verdict="rotated"}"#, 1.0),
        (r#"portcullis_refreshes_total{verdict="replayed"}"#, 1.0),
        (r#"portcullis_sessions_ended_total{reason="logged_out"}"#, 1.0),
        (r#"portcullis_events_total{event="sign_in_failed"}"#, 1.0),
        (r#"portcullis_requests_total{method="GET",route="/protected",status="200"}"#, 2.0),
        (r#"portcullis_requests_total{method="GET",route="/people/<name>",status="401"}"#, 1.0),
        (r#"portcullis_request_duration_seconds_count{method="POST",route="/login"}"#, 2.0),
        ("portcullis_revoked", 1.0),
        ("portcullis_outbox_dead", 0.0),
        ("portcullis_store_failures_total", 0.0),
    ] {
        assert_eq!(value(&text, series), Some(expected), "{series} in {text}");
    }
    // The demo accounts are hashed at the launch, too.
    assert!(value(&text, "portcullis_hash_wait_seconds_count").unwrap() >= 2.0);
    assert!(value(&text, "portcullis_store_call_seconds_count").unwrap() >= 5.0);
    assert!(value(&text, "portcullis_revocations_reading_seconds_count").unwrap() >= 1.0);
    assert!(value(&text, "portcullis_revocations_age_seconds").unwrap() < 5.0);
    assert!(value(&text, "portcullis_disk_free_bytes").unwrap() > 0.0);
    for hidden in ["testuser", "127.0.0.1", "hidden", "nobody-in-particular", "eyJ"] {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
    let series: BTreeSet<_> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    let more = text.lines().filter(|line| line.starts_with("portcullis_requests_total")).count();
    for number in 0..50 {
        let path = format!("/people/somebody-{number}");
        server.client().send(Ask::get(&path));
        server.client().send(Ask::get(&format!("/nothing/{number}")));
    }
    let text = numbers(&mut port);
    let after = text.lines().filter(|line| line.starts_with("portcullis_requests_total")).count();
    assert!(after <= more + 1 && series.len() > 100, "whoever asks for much makes no series: {text}");
}

#[test]
fn the_port_says_how_the_node_is_doing_and_strangers_hear_nothing_of_it() {
    let installation = watched().with("PORTCULLIS_APP__DRAIN", "2");
    let mut server = installation.start();
    let mut port = numbers_of(&server);
    let health = |port: &mut Client| {
        let Answer { status, body, .. } = port.send(Ask::get("/health"));
        (status, serde_json::from_str::<Value>(&body).unwrap())
    };
    let (status, told) = health(&mut port);
    assert_eq!((status, &told["ready"], &told["store"]["reachable"]), (200, &true.into(), &true.into()));
    assert_eq!(told["outbox"]["dead"], 0);
    for path in ["/metrics", "/health"] {
        assert_eq!(server.client().send(Ask::get(path)).status, 404, "{path}");
    }
    let process = server.process().to_string();
    assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
    let deadline = Instant::now() + Duration::from_secs(1);
    while health(&mut port).0 == 200 {
        assert!(Instant::now() < deadline, "nobody is told that it ends");
    }
    assert_eq!(health(&mut port).1["ending"], true);
    let deadline = Instant::now() + Duration::from_secs(15);
    while server.is_running() {
        assert!(Instant::now() < deadline, "the port keeps the program from ending");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_key_file_that_cannot_be_read_is_told_until_it_can() {
    let installation = watched().with("PORTCULLIS_AUTH__SECRET_KEY_FILE", "keys.json");
    assert!(installation.run(&["key", "new"], b"").status.success());
    let server = installation.start();
    let mut port = numbers_of(&server);
    let mut client = server.client();
    assert_eq!(client.sign_in("testuser", "testpass").status, 200);
    let told = |port: &mut Client| value(&numbers(port), "portcullis_keys_read");
    let until = |port: &mut Client, expected: f64| {
        let deadline = Instant::now() + Duration::from_secs(10);
        while told(port) != Some(expected) {
            assert!(Instant::now() < deadline, "{}", server.said());
            std::thread::sleep(Duration::from_millis(50));
        }
        let Answer { status, body, .. } = port.send(Ask::get("/health"));
        let body: Value = serde_json::from_str(&body).unwrap();
        // The node goes on with the keys that it has, and so do all nodes of a file that none can read.
        assert_eq!((status, &body["keys"]["read"]), (200, &Value::from(expected > 0.0)));
    };
    until(&mut port, 1.0);
    let (file, aside) = (installation.path("keys.json"), installation.path("aside.json"));
    for round in 0..2 {
        fs::rename(&file, &aside).unwrap();
        until(&mut port, 0.0);
        assert_eq!(client.protected().status, 200, "by the keys from before");
        assert_eq!(
            server.said().matches("going on with the keys from before").count(),
            round + 1,
            "each time, once"
        );
        fs::rename(&aside, &file).unwrap();
        until(&mut port, 1.0);
    }
    fs::copy(&file, &aside).unwrap();
    fs::write(&file, "half of a fi").unwrap();
    until(&mut port, 0.0);
    fs::rename(&aside, &file).unwrap();
    until(&mut port, 1.0);
    assert_eq!(client.refresh().status, 200);
}

#[test]
fn a_port_that_is_taken_stops_the_launch_with_its_name() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = Installation::new().with("PORTCULLIS_APP__METRICS_ADDRESS", &address).run(&["serve"], b"");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(said.contains("app.metrics_address: ") && said.contains("in use"), "{said}");
}

pub(crate) fn shipped(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// Every name of ours in a text, without what a kind of series adds to it.
fn names_in(text: &str) -> BTreeSet<String> {
    let parts = text.split(|sign: char| !(sign.is_ascii_alphanumeric() || sign == '_'));
    let ours = parts.filter(|part| part.starts_with("portcullis_"));
    ours.map(|name| name.trim_end_matches("_total").trim_end_matches("_bucket").to_owned()).collect()
}

#[test]
fn alerts_and_dashboard_ask_for_numbers_that_there_are() {
    let installation = watched();
    let server = installation.start();
    a_day_at(&server);
    let served = names_in(&numbers(&mut numbers_of(&server)));
    for file in ["alerts.yaml", "alerts.test.yaml", "dashboard.json"] {
        let asked = names_in(&shipped(file));
        assert!(asked.len() > 5, "{file}");
        for name in asked {
            assert!(served.contains(&name), "{file} asks for {name}");
        }
    }
}

/// Every question of the dashboard.
fn questions() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&shipped("dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().clone();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap().clone());
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

/// A Prometheus of our own.
pub(crate) struct Prometheus {
    child: Child,
    api: Client,
}

impl Prometheus {
    fn watching(server: &SocketAddr, installation: &Installation) -> Self {
        Self::ringing(server, installation, &shipped("alerts.yaml"))
    }

    /// The same with these rules.
    pub(crate) fn ringing(server: &SocketAddr, installation: &Installation, alerts: &str) -> Self {
        let rules = installation.path("alerts.yaml");
        fs::write(&rules, alerts).unwrap();
        let config = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: [{}]\nscrape_configs:\n  - job_name: portcullis\n    static_configs: [{{ targets: ['{server}'] }}]\n",
            rules.display()
        );
        fs::write(installation.path("prometheus.yaml"), config).unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", installation.path("prometheus.yaml").display()))
            .arg(format!("--storage.tsdb.path={}", installation.path("prometheus").display()))
            .arg(format!("--web.listen-address={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, api: Client::new(port) }
    }

    /// What it answers to a question, once it answers.
    pub(crate) fn asked(&mut self, question: &str) -> Option<Vec<Value>> {
        let encoded: String = question.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let path = format!("/api/v1/query?query={encoded}");
        let answer = self.api.try_send(&Ask::get(&path))?;
        let told: Value = serde_json::from_str(&answer.body).ok()?;
        assert_eq!(told["status"], "success", "{question}: {told}");
        told["data"]["result"].as_array().cloned()
    }

    /// The same once there is something to answer.
    pub(crate) fn tells(&mut self, question: &str) -> Vec<Value> {
        let deadline = Instant::now() + Duration::from_secs(40);
        loop {
            let found = self.asked(question).unwrap_or_default();
            if !found.is_empty() {
                return found;
            }
            assert!(Instant::now() < deadline, "Prometheus has no answer to {question}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "needs Prometheus"]
fn prometheus_takes_the_numbers_and_answers_every_question_of_the_dashboard() {
    let installation = watched();
    let server = installation.start();
    a_day_at(&server);
    let port = numbers_of(&server);
    let mut prometheus = Prometheus::watching(&port.address(), &installation);
    assert_eq!(prometheus.tells("up == 1").len(), 1);
    // Rates want two looks; what happens again in between is seen by them.
    prometheus.tells("count_over_time(up[1m]) > 2");
    a_day_at(&server);
    prometheus.tells("count_over_time(up[1m]) > 5");
    let all = questions();
    assert!(all.len() >= 16);
    for question in &all {
        prometheus.tells(question);
    }
    // Nothing is wrong with it, and every rule was read.
    let url = format!("http://{}/api/v1/rules", prometheus.api.address());
    let rules = Command::new("curl").args(["-s", &url]).output().unwrap();
    let told: Value = serde_json::from_slice(&rules.stdout).unwrap();
    let rules = told["data"]["groups"][0]["rules"].as_array().unwrap().clone();
    assert_eq!(rules.len(), 14);
    assert!(rules.iter().all(|rule| rule["lastError"].is_null()), "{told}");
    assert_eq!(prometheus.asked("ALERTS{alertstate=\"firing\"}").unwrap(), Vec::<Value>::new());
}

#[test]
#[ignore = "needs Prometheus"]
fn promtool_finds_the_alerts_in_order_and_they_ring_when_they_should() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus");
    for arguments in [["check", "rules", "alerts.yaml"], ["test", "rules", "alerts.test.yaml"]] {
        let output = Command::new("promtool").args(arguments).current_dir(&folder).output().unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && said.contains("SUCCESS"), "{arguments:?}: {said}");
    }
}
