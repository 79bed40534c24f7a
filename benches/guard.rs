//! What the guard costs, from the cookie to the verdict: about a token that was seen before, about a new one, beside its
//! signature alone and `jsonwebtoken::decode`, for each algorithm, and with millions of entries in the view.
//!
//! `cargo bench` prints figures and budgets. Other work on the machine makes them larger, never smaller,
//! so the best of several runs counts, and time is the processor's, not the wall clock's.
//! How fast the whole is, is not asked here: scripts/bench asks the program from outside.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and should fail loudly")]

use std::fs;
use std::hint::black_box;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use portcullis::app::{self, World};
use portcullis::auth::{KeyFile, OsRandom, RsaKeys, Sessions, bench};
use portcullis::routes::answer::errors::Refused;
use portcullis::settings;
use portcullis::store;
use rocket::figment::Figment;
use rocket::http::Header;
use rocket::local::asynchronous::{Client, LocalRequest};
use rocket::serde::Deserialize;
use rocket::{Build, Rocket, post, routes};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let known = of_secret().await;
        println!("\n{:9} seen before       new   of HS256 (budget {ALGORITHM_BUDGET})", "algorithm");
        for algorithm in ["EdDSA", "ES256", "RS256"] {
            of_pair(algorithm, &folder.path().join(algorithm), known).await;
        }
    });
}

/// Signs in without a password, so that no hashing disturbs the figures.
#[post("/enter/<name>")]
async fn enter(sessions: Sessions<'_>, name: &str) -> Result<(), Refused> {
    sessions.sign_in(name, &["user".to_owned()], false).await.map(drop).map_err(Refused)
}

fn figment() -> Figment {
    Figment::from(settings::defaults()).merge(("auth.insecure_http", true)).select("debug")
}

fn rocket(figment: &Figment) -> Rocket<Build> {
    let world = World { stores: Some(store::memory()), ..World::default() };
    app::rocket(figment, world).unwrap().mount("/", routes![enter])
}

/// What a front end asks with the four cookies of somebody who signed in just now, and another site's cookie before them;
/// and its access token.
async fn signed_in<'c>(client: &'c Client, name: &str) -> (LocalRequest<'c>, String) {
    let answer = client.post(format!("/enter/{name}")).dispatch().await;
    let pairs: Vec<&str> =
        answer.headers().get("Set-Cookie").filter_map(|line| line.split(';').next()).collect();
    let find = |name| pairs.iter().find_map(|pair| pair.strip_prefix(name)).unwrap().to_owned();
    let (token, csrf) = (find("access_token_cookie="), find("csrf_access_token="));
    let kept: Vec<&str> = pairs.iter().copied().filter(|pair| !pair.ends_with('=')).collect();
    let agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0";
    let request = client
        .post("/protected")
        .header(Header::new("Host", "127.0.0.1:8000"))
        .header(Header::new("User-Agent", agent))
        .header(Header::new("Accept", "application/json"))
        .header(Header::new("Sec-Fetch-Site", "same-origin"))
        .header(Header::new("X-CSRF-TOKEN", csrf))
        .header(Header::new("Cookie", format!("theme=dark; {}", kept.join("; "))));
    (request, token)
}

async fn of_secret() -> f64 {
    let client = Client::untracked(rocket(&figment().merge(("auth.secret_key", SECRET)))).await.unwrap();
    let (request, token) = signed_in(&client, "testuser").await;
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (key, tag) =
        (hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), URL_SAFE_NO_PAD.decode(signature).unwrap());
    let mac = best(|count| {
        for _ in 0..count {
            assert!(hmac::verify(&key, black_box(message.as_bytes()), &tag).is_ok());
        }
    });
    let decoded = best(|count| {
        let key = DecodingKey::from_secret(SECRET.as_bytes());
        let validation = Validation::new(Algorithm::HS256);
        for _ in 0..count {
            assert!(decode::<Claims>(black_box(&*token), &key, &validation).is_ok());
        }
    });
    println!("the MAC of the token ({} bytes)               {mac:6.0} ns", token.len());
    println!("jsonwebtoken::decode of it                     {decoded:6.0} ns   {:.2} MACs", decoded / mac);
    let new = judged_anew(&client).await;
    println!("the guard, about a new token                   {new:6.0} ns   {:.2} MACs", new / mac);
    let known = judged(&request).await;
    let tell = |what: &str, time: f64| {
        println!(
            "the guard, {what:34}  {time:6.0} ns   {:.2} MACs   (budgets {GUARD_BUDGET} ns and {MAC_BUDGET} MACs)",
            time / mac
        );
    };
    tell("about one that was seen before", known);
    let (before, mut random, mut there) = (resident_bytes(), Weyl(7), 0);
    for entries in [1_000, 100_000, 1_000_000, 10_000_000] {
        there = bench::revoke(client.rocket(), (there..entries).map(|_| random.next()));
        tell(&format!("the same, {there} revoked"), judged(&request).await);
    }
    let each = (resident_bytes() - before) as f64 / there as f64;
    println!("memory per revoked entry                       {each:6.1} B    (budget {ENTRY_BUDGET} B)");
    known
}

async fn of_pair(algorithm: &str, path: &Path, hs256: f64) {
    let file = KeyFile::at(path.to_owned()).taking(RsaKeys::Short);
    if algorithm == "RS256" {
        // Making one takes seconds.
        let key = include_str!("../tests/it/cases/rsa-2048.pem");
        let ring = json!({ "keys": [{ "alg": algorithm, "key": key, "state": "signing" }] });
        fs::write(path, ring.to_string()).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    } else {
        file.add(algorithm.parse().unwrap(), &OsRandom).unwrap();
    }
    let figment = figment().merge(("auth.secret_key_file", path)).merge(("auth.short_rsa_keys", true));
    let client = Client::untracked(rocket(&figment)).await.unwrap();
    let (request, _) = signed_in(&client, "testuser").await;
    let (new, known) = (judged_anew(&client).await, judged(&request).await);
    println!("{algorithm:9} {known:8.0} ns {new:8.0} ns   {:.2}", known / hs256);
}

/// Nanoseconds per verdict about a token that was seen before.
async fn judged(request: &LocalRequest<'_>) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..RUNS {
        let start = on_processor();
        for _ in 0..ITERATIONS {
            assert!(bench::judge(black_box(request.inner())).await);
        }
        least = least.min((on_processor() - start).as_nanos() as f64 / f64::from(ITERATIONS));
    }
    least
}

/// Nanoseconds per verdict about a token that nobody has seen.
async fn judged_anew(client: &Client) -> f64 {
    let mut requests = Vec::new();
    for number in 0..NEW {
        requests.push(signed_in(client, &format!("person{number}")).await.0);
    }
    let mut least = f64::INFINITY;
    for _ in 0..RUNS {
        bench::forget(client.rocket());
        let start = on_processor();
        for request in &requests {
            assert!(bench::judge(black_box(request.inner())).await);
        }
        least = least.min((on_processor() - start).as_nanos() as f64 / NEW as f64);
    }
    least
}

/// Nanoseconds per iteration of a loop that runs as often as it is told.
fn best(mut work: impl FnMut(u32)) -> f64 {
    (0..RUNS)
        .map(|_| {
            let start = on_processor();
            work(ITERATIONS);
            (on_processor() - start).as_nanos() as f64 / f64::from(ITERATIONS)
        })
        .fold(f64::INFINITY, f64::min)
}

/// For how long this thread was on a processor.
fn on_processor() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap()
}

fn resident_bytes() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

/// Ids that look random; a Weyl sequence, well mixed (Steele and others, "Fast splittable pseudorandom number generators").
struct Weyl(u64);

impl Weyl {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn next(&mut self) -> [u8; 16] {
        (u128::from(self.word()) << 64 | u128::from(self.word())).to_be_bytes()
    }
}

/// What a hand-written service would read of the token.
#[derive(Deserialize)]
#[serde(crate = "rocket::serde")]
#[expect(dead_code, reason = "decoding them is the work")]
struct Claims {
    sub: String,
    jti: String,
    #[serde(rename = "type")]
    kind: String,
    fresh: bool,
    iat: u64,
    nbf: u64,
    exp: u64,
    csrf: String,
    sid: String,
    #[serde(rename = "gen")]
    generation: u64,
    auth_time: u64,
    roles: Vec<Value>,
}

const SECRET: &str = "a secret for the benchmark that is long enough";
const ITERATIONS: u32 = 20_000;
const RUNS: u32 = 15;
const NEW: usize = 200;
const GUARD_BUDGET: u32 = 1000;
const MAC_BUDGET: f64 = 2.5;
const ALGORITHM_BUDGET: f64 = 1.2;
const ENTRY_BUDGET: u32 = 64;
