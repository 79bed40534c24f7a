//! What the guard costs: alone, beside `jsonwebtoken::decode`, and in the throughput of a whole server.
//!
//! `cargo bench` prints figures and budgets. Other work on the machine makes them larger, never smaller,
//! so the best of several runs counts, and time is the processor's, not the wall clock's, where it can be.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark measures with the machine's clock, prints, and should fail loudly"
)]

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use portcullis::app::{self, World};
use portcullis::auth::{Sessions, bench};
use portcullis::routes::answer::errors::Refused;
use portcullis::routes::answer::reply::Reply;
use portcullis::settings;
use portcullis::store;
use rocket::figment::Figment;
use rocket::http::Header;
use rocket::local::asynchronous::Client;
use rocket::serde::Deserialize;
use rocket::{Build, Rocket, get, post, routes};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        guard_and_memory().await;
        throughput().await;
    });
}

/// `GET /unguarded`: what `/protected` answers, to anybody.
#[get("/unguarded")]
fn unguarded() -> Reply {
    Reply::Json(rocket::http::Status::Ok, json!({ "logged_in_as": "testuser" }))
}

/// Signs in without a password, so that no hashing disturbs the figures.
#[post("/enter")]
async fn enter(sessions: Sessions<'_>) -> Result<(), Refused> {
    sessions.sign_in("testuser", &["user".to_owned()], false).await.map(drop).map_err(Refused)
}

fn rocket() -> Rocket<Build> {
    let figment = Figment::from(settings::defaults())
        .merge(("address", "127.0.0.1"))
        .merge(("port", 0))
        .merge(("auth.secret_key", SECRET))
        .merge(("auth.insecure_http", true))
        .select("debug");
    let world = World { stores: Some(store::memory()), ..World::default() };
    app::rocket(&figment, world).unwrap().mount("/", routes![unguarded, enter])
}

/// The four cookies of a new session as one header line, with another site's cookie before them, and the CSRF value.
async fn signed_in(client: &Client) -> (String, String) {
    let response = client.post("/enter").dispatch().await;
    let pairs: Vec<&str> =
        response.headers().get("Set-Cookie").filter_map(|line| line.split(';').next()).collect();
    let csrf = pairs.iter().find_map(|pair| pair.strip_prefix("csrf_access_token=")).unwrap().to_owned();
    let kept: Vec<&str> = pairs.iter().copied().filter(|pair| !pair.ends_with('=')).collect();
    (format!("theme=dark; {}", kept.join("; ")), csrf)
}

async fn guard_and_memory() {
    let client = Client::untracked(rocket()).await.unwrap();
    let (cookies, csrf) = signed_in(&client).await;
    let token = cookies.split("; ").find_map(|pair| pair.strip_prefix("access_token_cookie=")).unwrap();

    let request = client
        .post("/protected")
        .header(Header::new("Host", "127.0.0.1:8000"))
        .header(Header::new(
            "User-Agent",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0",
        ))
        .header(Header::new("Accept", "application/json"))
        .header(Header::new("Sec-Fetch-Site", "same-origin"))
        .header(Header::new("X-CSRF-TOKEN", csrf))
        .header(Header::new("Cookie", cookies.clone()));
    let request = request.inner();
    assert!(bench::judge(request).await, "the request is one that is let through");

    let decoded = best(|count| {
        let key = DecodingKey::from_secret(SECRET.as_bytes());
        let validation = Validation::new(Algorithm::HS256);
        for _ in 0..count {
            assert!(decode::<Claims>(black_box(token), &key, &validation).is_ok());
        }
    });
    println!("jsonwebtoken::decode of the same token     {decoded:7.0} ns");
    let empty = judged(request).await;
    println!(
        "the guard, nothing revoked                 {empty:7.0} ns   {:.2} of decode   (budget {GUARD_BUDGET} ns)",
        empty / decoded
    );

    let before = resident_bytes();
    let mut random = Weyl(7);
    let count = bench::revoke(client.rocket(), (0..ENTRIES).map(|_| random.next()));
    let each = (resident_bytes() - before) as f64 / count as f64;
    let full = judged(request).await;
    println!(
        "the guard, {count} revoked               {full:7.0} ns   {:.2} of decode   (budget {GUARD_BUDGET} ns)",
        full / decoded
    );
    println!("memory per revoked entry                   {each:7.1} B    (budget {ENTRY_BUDGET} B)");
}

/// Nanoseconds per verdict.
async fn judged(request: &rocket::Request<'_>) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..RUNS {
        let start = on_processor();
        for _ in 0..ITERATIONS {
            assert!(bench::judge(black_box(request)).await);
        }
        least = least.min((on_processor() - start).as_nanos() as f64 / f64::from(ITERATIONS));
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

async fn throughput() {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let sender = std::sync::Mutex::new(Some(sender));
    let server = rocket().attach(rocket::fairing::AdHoc::on_liftoff("Address", move |rocket| {
        let address = SocketAddr::new(rocket.config().address, rocket.config().port);
        sender.lock().unwrap().take().unwrap().send(address).unwrap();
        Box::pin(async {})
    }));
    let server = server.ignite().await.unwrap();
    let shutdown = server.shutdown();
    let serving = tokio::spawn(server.launch());
    let address = receiver.await.unwrap();

    tokio::task::spawn_blocking(move || {
        let cookies = cookies_over_the_wire(address);
        let request = |path: &str| {
            format!(
                "GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: bench\r\nAccept: */*\r\nCookie: {cookies}\r\n\r\n"
            )
        };
        let (guarded, bare) = (request("/protected"), request("/unguarded"));
        let mut rates = Vec::new();
        for _ in 0..ROUNDS {
            rates.push((load(address, &guarded), load(address, &bare)));
        }
        // The first round warms up.
        rates.remove(0);
        let median = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap()
        };
        let of = |value: fn(&(Load, Load)) -> f64| median(rates.iter().map(value).collect());
        println!(
            "GET /protected                             {:7.0} requests/s, {:5.1} µs of server time each",
            of(|round| round.0.rate),
            of(|round| round.0.cost)
        );
        println!(
            "the same reply without the guard           {:7.0} requests/s, {:5.1} µs of server time each",
            of(|round| round.1.rate),
            of(|round| round.1.cost)
        );
        println!(
            "throughput, guarded to bare                {:7.3}   by server time {:.3}   (budget {RATIO_BUDGET})",
            of(|round| round.0.rate / round.1.rate),
            of(|round| round.1.cost / round.0.cost)
        );
    })
    .await
    .unwrap();
    shutdown.notify();
    serving.await.unwrap().unwrap();
}

fn cookies_over_the_wire(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request =
        format!("POST /enter HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let pairs = answer.lines().filter_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next());
    pairs.filter(|pair| !pair.ends_with('=')).collect::<Vec<_>>().join("; ")
}

struct Load {
    /// Requests per second.
    rate: f64,
    /// Microseconds of processor time that the server spent on each.
    cost: f64,
}

/// Sends the request over several connections, each as soon as the last answer is there, for a while.
fn load(address: SocketAddr, request: &str) -> Load {
    let is_over = AtomicBool::new(false);
    let (process, start) = (process_time(), Instant::now());
    let callers = std::thread::scope(|scope| {
        let callers: Vec<_> =
            (0..CONNECTIONS).map(|_| scope.spawn(|| call(address, request, &is_over))).collect();
        std::thread::sleep(ROUND);
        is_over.store(true, Ordering::Relaxed);
        callers.into_iter().map(|caller| caller.join().unwrap()).collect::<Vec<_>>()
    });
    let (spent, lasted) = (process_time() - process, start.elapsed());
    let count: u32 = callers.iter().map(|(count, _)| count).sum();
    let by_callers: Duration = callers.iter().map(|(_, time)| *time).sum();
    Load {
        rate: f64::from(count) / lasted.as_secs_f64(),
        cost: spent.saturating_sub(by_callers).as_secs_f64() * 1e6 / f64::from(count),
    }
}

fn call(address: SocketAddr, request: &str, is_over: &AtomicBool) -> (u32, Duration) {
    let start = on_processor();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut buffer = [0; 8192];
    let mut count = 0;
    while !is_over.load(Ordering::Relaxed) {
        stream.write_all(request.as_bytes()).unwrap();
        let mut length = 0;
        // The reply is JSON with one pair of braces, and no header holds one.
        while buffer.get(..length).and_then(<[u8]>::last) != Some(&b'}') {
            length += stream.read(buffer.get_mut(length..).unwrap()).unwrap();
        }
        assert!(buffer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&buffer));
        count += 1;
    }
    (count, on_processor() - start)
}

/// For how long this thread was on a processor.
fn on_processor() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap()
}

/// For how long all threads of this process together were on a processor.
fn process_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap()
}

fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
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
const ENTRIES: usize = 1_000_000;
const ITERATIONS: u32 = 20_000;
const RUNS: u32 = 15;
const CONNECTIONS: usize = 8;
const ROUND: Duration = Duration::from_millis(1500);
const ROUNDS: usize = 9;
const GUARD_BUDGET: u32 = 3000;
const ENTRY_BUDGET: u32 = 64;
const RATIO_BUDGET: f64 = 0.9;
