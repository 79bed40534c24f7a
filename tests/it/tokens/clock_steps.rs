//! A clock that is set back, or another node whose clock is ahead, signs nobody out; nothing lives longer by it than it says.

use portcullis::auth::UnixTime;

use crate::support::{NOW, Setup};

/// The time of day, so many seconds from when everybody signed in.
fn at(seconds: i64) -> UnixTime {
    UnixTime::from_secs(NOW + seconds)
}

#[test]
fn a_clock_set_back_by_less_than_a_minute_signs_nobody_out() {
    for seconds in [1, 2, 30, 60] {
        let app = Setup::new().launch();
        let visitor = app.signed_in();
        app.clock.set(at(-seconds));
        assert_eq!(visitor.get("/protected").send().status, 200, "{seconds} s back");
        assert_eq!(visitor.refresh().status, 200, "{seconds} s back");
        assert_eq!(visitor.get("/protected").send().status, 200, "{seconds} s back");
        app.clock.set(at(0));
        assert_eq!(visitor.refresh().status, 200, "and forth again");
        assert_eq!(visitor.get("/protected").send().status, 200);
    }
}

#[test]
fn what_was_signed_more_than_a_minute_ahead_is_refused_until_its_time_comes() {
    let app = Setup::new().launch();
    let visitor = app.signed_in();
    for seconds in [61, 3600] {
        app.clock.set(at(-seconds));
        let refused = visitor.get("/protected").send();
        assert_eq!(refused.refusal(), (401, "invalid_token".into()), "{seconds} s back");
    }
    app.clock.set(at(0));
    assert_eq!(visitor.get("/protected").send().status, 200);
}

#[test]
fn expiry_knows_no_allowance_whatever_the_clock_did() {
    let app = Setup::new().launch();
    let visitor = app.signed_in();
    app.clock.set(at(400));
    assert_eq!(visitor.get("/protected").send().refusal(), (401, "token_expired".into()));
    app.clock.set(at(300));
    assert_eq!(visitor.get("/protected").send().refusal(), (401, "token_expired".into()));
    app.clock.set(at(0));
    assert_eq!(visitor.get("/protected").send().status, 200);
}

#[test]
fn what_was_ended_stays_ended_when_the_clock_is_set_back() {
    let app = Setup::new().launch();
    let visitor = app.signed_in();
    let old = visitor.copy();
    assert_eq!(visitor.log_out().status, 200);
    for seconds in [2, 30, 60] {
        app.clock.set(at(-seconds));
        assert_eq!(old.get("/protected").send().refusal(), (401, "token_revoked".into()));
        assert_eq!(old.refresh().status, 401);
    }
}

#[test]
fn a_node_whose_clock_is_behind_accepts_what_another_signed() {
    let (ahead, behind) = (Setup::new(), Setup::new());
    let stores = portcullis::store::memory();
    let (ahead, behind) = (ahead.on(stores.clone()).launch(), behind.on(stores).launch());
    ahead.clock.set(at(45));
    let visitor = ahead.signed_in();
    let there = behind.visitor("application/json", visitor.jar());
    assert_eq!(there.get("/protected").send().status, 200);
    assert_eq!(there.refresh().status, 200);
    let back = ahead.visitor("application/json", there.jar());
    assert_eq!(back.get("/protected").send().status, 200);
    assert_eq!(back.refresh().status, 200);
}
