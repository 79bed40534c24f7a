//! What a verdict takes; instructions are counted by scripts/instructions.

use allocation_counter::measure;
use portcullis::auth::bench::judge;
use rocket::http::Header;
use rocket::local::blocking::LocalRequest;

use crate::support::{HOST, app, now_or_never};

/// How many times memory is asked for while this request is judged.
fn allocations(request: &LocalRequest<'_>) -> u64 {
    measure(|| assert!(now_or_never(judge(request.inner())), "the request is let in")).count_total
}

#[test]
fn a_verdict_about_a_token_that_was_seen_before_allocates_nothing() {
    let app = app();
    let visitor = app.signed_in();
    let cookies: Vec<_> = visitor.jar().iter().map(|(name, value)| format!("{name}={value}")).collect();
    let line = Header::new("Cookie", cookies.join("; "));
    let read = app.client.get("/protected").header(Header::new("Host", HOST)).header(line.clone());
    let write = app.client.post("/protected").header(Header::new("Host", HOST)).header(line);
    let write = write.header(Header::new("X-CSRF-TOKEN", visitor.csrf()));
    let first = allocations(&read);
    assert!((1..=FIRST).contains(&first), "{first} allocations about a new token");
    // The place of a form's proof is made by the first who asks for it.
    allocations(&write);
    for request in [&read, &write] {
        assert_eq!(allocations(request), 0);
    }
}

/// The payload, its roles, and what is remembered of them.
const FIRST: u64 = 6;
