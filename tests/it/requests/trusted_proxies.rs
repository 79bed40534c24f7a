//! Where a caller comes from, behind proxies of the operator's and behind none.

use std::sync::Arc;

use portcullis::app::World;
use portcullis::auth::{ManualClock, OsRandom, UnixTime};
use portcullis::store::memory;
use rocket::figment::{Figment, Profile};
use rocket::http::{Accept, ContentType, Header, Status};
use rocket::local::asynchronous::Client;
use serde_json::{Value, json};

const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);
const PROXY: &str = "10.0.0.1:40000";

fn figment() -> Figment {
    portcullis::settings::defaults()
        .merge(("auth.secret_key", "a secret that only these tests know: 0123456789"))
        .select(Profile::new("debug"))
}

async fn site(figment: &Figment) -> Client {
    let clock = Arc::new(ManualClock::at(NOW));
    let world = World { clock, random: Arc::new(OsRandom), stores: Some(memory()) };
    Client::untracked(portcullis::app::rocket(figment, world).unwrap()).await.unwrap()
}

async fn behind_a_proxy() -> Client {
    site(&figment().merge(("app.trusted_proxies", ["10.0.0.0/8", "fd00::/8"]))).await
}

async fn guess(client: &Client, peer: &str, name: &str, headers: &[(&'static str, &str)]) -> Status {
    sign_in(client, peer, name, "a wrong guess", headers).await.0
}

async fn sign_in(
    client: &Client,
    peer: &str,
    name: &str,
    password: &str,
    headers: &[(&'static str, &str)],
) -> (Status, Option<String>) {
    let body = json!({ "username": name, "password": password }).to_string();
    let mut request = client.post("/login").header(ContentType::JSON).header(Accept::JSON).body(body);
    request.set_remote(peer.parse().unwrap());
    for (name, value) in headers {
        request.add_header(Header::new(*name, (*value).to_owned()));
    }
    let answer = request.dispatch().await;
    let cookie = answer.cookies().get("access_token_cookie").map(|cookie| cookie.value().to_owned());
    (answer.status(), cookie)
}

/// The address that the list of sessions shows for somebody who signs in so.
async fn shown(client: &Client, peer: &str, headers: &[(&'static str, &str)]) -> Value {
    let (status, cookie) = sign_in(client, peer, "testuser", "testpass", headers).await;
    assert_eq!(status, Status::Ok);
    let request = client.get("/sessions").header(Accept::JSON);
    let request = request.cookie(("access_token_cookie", cookie.unwrap()));
    let list: Value = serde_json::from_str(&request.dispatch().await.into_string().await.unwrap()).unwrap();
    let current = list["sessions"].as_array().unwrap().iter().find(|one| one["current"] == true).unwrap();
    current["address"].clone()
}

/// How many of so many guesses at names of their own are evaluated.
async fn evaluated(client: &Client, peer: &str, headers: impl Fn(u32) -> Vec<(&'static str, String)>) -> u32 {
    let mut evaluated = 0;
    for number in 0..80 {
        let headers = headers(number);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let status = guess(client, peer, &format!("user{number}"), &headers).await;
        assert!([Status::Unauthorized, Status::TooManyRequests].contains(&status), "{status}");
        evaluated += u32::from(status == Status::Unauthorized);
    }
    evaluated
}

#[tokio::test]
async fn the_first_address_from_the_right_that_is_no_proxy_counts() {
    let client = behind_a_proxy().await;
    for (headers, expected) in [
        (vec![("X-Forwarded-For", "192.0.2.7")], "192.0.2.7"),
        (vec![("X-Forwarded-For", "6.6.6.6, 192.0.2.8, 10.0.0.2")], "192.0.2.8"),
        (vec![("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "192.0.2.9")], "192.0.2.9"),
        (vec![("X-Forwarded-For", "192.0.2.10:4711")], "192.0.2.10"),
        (vec![("X-Forwarded-For", "[2001:db8::1]:4711, fd00::2")], "2001:db8::1"),
        (vec![("Forwarded", "for=6.6.6.6, for=\"[2001:db8::2]:47\";proto=https")], "2001:db8::2"),
        (vec![("Forwarded", "for=6.6.6.6"), ("X-Forwarded-For", "192.0.2.11")], "192.0.2.11"),
    ] {
        assert_eq!(shown(&client, PROXY, &headers).await, expected, "{headers:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_nobody_s_address_and_the_name_alone_counts() {
    let client = behind_a_proxy().await;
    for value in ["unknown", "", "192.0.2.7, unknown, 10.0.0.1", "\u{e6}"] {
        assert_eq!(shown(&client, PROXY, &[("X-Forwarded-For", value)]).await, Value::Null, "{value}");
    }
    assert_eq!(shown(&client, PROXY, &[]).await, Value::Null, "a proxy that says nothing");
    let unknown = |_| vec![("X-Forwarded-For", "unknown".to_owned())];
    assert_eq!(evaluated(&client, PROXY, unknown).await, 80, "never by the proxy's address");
    let mut waits = 0;
    for _ in 0..6 {
        let status = guess(&client, PROXY, "testuser", &[("X-Forwarded-For", "unknown")]).await;
        waits += u32::from(status == Status::TooManyRequests);
    }
    assert_eq!(waits, 1, "the name still counts");
}

#[tokio::test]
async fn guesses_of_one_caller_shut_nobody_else_behind_the_proxy_out() {
    let client = behind_a_proxy().await;
    let attacker = |number: u32| vec![("X-Forwarded-For", format!("9.9.{number}.1, 192.0.2.66"))];
    assert!(evaluated(&client, PROXY, attacker).await < 80, "what the caller writes changes nothing");
    let other = [("X-Forwarded-For", "192.0.2.77")];
    assert_eq!(sign_in(&client, PROXY, "testuser", "testpass", &other).await.0, Status::Ok);
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let claims = |number: u32| {
        let address = format!("198.51.100.{number}");
        vec![
            ("X-Forwarded-For", address.clone()),
            ("Forwarded", format!("for={address}")),
            ("X-Real-IP", address),
        ]
    };
    let header = [("X-Forwarded-For", "192.0.2.7")];
    let client = behind_a_proxy().await;
    assert_eq!(shown(&client, "192.0.2.1:1", &header).await, "192.0.2.1");
    assert!(evaluated(&client, "192.0.2.1:1", claims).await < 80);
    let client = site(&figment()).await;
    assert_eq!(shown(&client, "127.0.0.1:1", &header).await, "127.0.0.1");
    assert_eq!(shown(&client, "[::ffff:192.0.2.1]:1", &[]).await, "192.0.2.1", "IPv4 in its own spelling");
    assert!(evaluated(&client, "127.0.0.1:1", claims).await < 80);
}

#[tokio::test]
async fn rocket_s_own_setting_is_read_in_the_same_way() {
    let client = site(&figment().merge(("ip_header", "X-Real-IP"))).await;
    assert_eq!(shown(&client, "10.0.0.1:1", &[("X-Real-IP", "6.6.6.6, 192.0.2.7:80")]).await, "192.0.2.7");
    assert_eq!(shown(&client, "10.0.0.1:1", &[("X-Real-IP", "unknown")]).await, Value::Null);
    assert_eq!(shown(&client, "10.0.0.1:1", &[]).await, "10.0.0.1");
    let both = figment().merge(("ip_header", "X-Real-IP")).merge(("app.trusted_proxies", ["10.0.0.0/8"]));
    let client = site(&both).await;
    assert_eq!(shown(&client, "10.0.0.1:1", &[("X-Real-IP", "192.0.2.7")]).await, "192.0.2.7");
    assert_eq!(shown(&client, "192.0.2.1:1", &[("X-Real-IP", "6.6.6.6")]).await, "192.0.2.1");
}

#[test]
fn a_range_that_makes_no_sense_is_one_line() {
    for (range, expected) in [
        ("10.0.0.0/33", "is no address and no range of addresses, such as \"10.0.0.0/8\""),
        ("proxy.example", "is no address and no range of addresses, such as \"10.0.0.0/8\""),
        ("::/0", "takes every caller for a proxy, so that everybody could choose an address"),
    ] {
        let problems =
            portcullis::settings::load(&figment().merge(("app.trusted_proxies", [range]))).unwrap_err();
        assert_eq!(problems, [format!("app.trusted_proxies: \"{range}\" {expected}")]);
    }
}
