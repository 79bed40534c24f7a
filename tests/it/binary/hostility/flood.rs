//! A flood of sign-ins from many addresses: devices that signed in before come in all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::binary::client::{Ask, Client};
use crate::binary::server::Installation;

/// Signs in with wrong passwords, each time from another network, until told to stop.
fn flood(mut caller: Client, number: u32, is_over: &AtomicBool, busy: &AtomicU32) {
    let mut round = 0;
    while !is_over.load(Ordering::Relaxed) {
        round += 1;
        let address = format!("2001:db8:{number:x}:{round:x}::1");
        let body = format!(r#"{{"username": "user{number}-{round}", "password": "a wrong guess"}}"#);
        let answer = caller.send(Ask::json("/login", &body).header("X-Forwarded-For", address));
        assert!([401, 429, 503].contains(&answer.status), "{answer:?}");
        busy.fetch_add(u32::from(answer.status == 503), Ordering::Relaxed);
    }
}

#[test]
fn a_known_device_signs_in_twenty_times_of_twenty_during_a_flood() {
    let installation = Installation::new()
        .with("PORTCULLIS_APP__TRUSTED_PROXIES", r#"["127.0.0.1"]"#)
        .with("PORTCULLIS_APP__HASH_THREADS", "1");
    let server = installation.start();
    let mut known = server.client();
    assert_eq!(known.sign_in("testuser", "testpass").status, 200);
    let (is_over, busy) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let callers: Vec<_> = (0..48)
        .map(|number| {
            let (caller, is_over, busy) = (server.client(), Arc::clone(&is_over), Arc::clone(&busy));
            std::thread::spawn(move || flood(caller, number, &is_over, &busy))
        })
        .collect();
    while busy.load(Ordering::Relaxed) < 20 {
        std::thread::yield_now();
    }
    let answers: Vec<_> = (0..20).map(|_| known.sign_in("testuser", "testpass").status).collect();
    is_over.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.join().unwrap();
    }
    assert_eq!(answers, [200; 20]);
    assert_eq!(server.client().sign_in("admin", "adminpass").status, 200, "and afterwards everybody does");
}
