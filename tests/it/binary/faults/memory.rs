//! What a flood of sign-ins takes of the machine's memory, and whether it is given back.

use crate::binary::client::Ask;
use crate::binary::server::{Installation, Server};

/// The resident memory of a server, and the most it has ever had, in KiB.
fn resident(server: &Server) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process())).unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    (field("VmRSS:"), field("VmHWM:"))
}

/// Wrong sign-ins from as many addresses, so that each password is hashed; how many were answered 401.
fn flood(server: &Server, callers: u8, rounds: u8) -> usize {
    let guess = |caller: u8, round: u8| {
        let body = r#"{"username": "nobody-NUMBER", "password": "wrong password"}"#;
        let body = body.replace("NUMBER", &format!("{caller}-{round}"));
        let ask = Ask::json("/login", &body).header("X-Real-IP", format!("10.9.{caller}.{round}"));
        usize::from(server.client().send(ask).status == 401)
    };
    std::thread::scope(|scope| {
        let guess = &guess;
        let callers = (0..callers)
            .map(|caller| scope.spawn(move || (0..rounds).map(|round| guess(caller, round)).sum::<usize>()));
        let callers: Vec<_> = callers.collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).sum()
    })
}

#[test]
fn hashing_takes_no_more_memory_than_its_threads_at_any_time() {
    const THREADS: u64 = 2;
    let installation = Installation::new()
        .with("ROCKET_IP_HEADER", "X-Real-IP")
        .with("PORTCULLIS_APP__HASH_THREADS", &THREADS.to_string());
    let server = installation.start();
    let (base, _) = resident(&server);
    let hashed = flood(&server, 1, 20) + flood(&server, 24, 12);
    assert!(hashed >= 250, "{hashed} were hashed");
    let (_, most) = resident(&server);
    let limit = base + (THREADS + 1) * 20 * 1024;
    assert!(most < limit, "{most} KiB after {base} KiB; at most {limit}");
}
