//! Nodes whose clocks are a minute apart.

use std::path::PathBuf;

use super::fresh;
use super::nodes::time_until_refused;
use crate::binary::client::Client;
use crate::binary::server::{Installation, SECRET, Server};

/// A node whose clock is off by this much.
fn node(url: &str, offset: &str) -> Server {
    let usual = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
    let library = std::env::var_os("FAKETIME_LIBRARY").map_or_else(|| PathBuf::from(usual), PathBuf::from);
    assert!(library.exists(), "{} is missing: install faketime", library.display());
    let installation = Installation::new()
        .with("PORTCULLIS_APP__STORE", url)
        .with("PORTCULLIS_AUTH__SECRET_KEY", SECRET)
        .with("PORTCULLIS_AUTH__CLAIMS__LEEWAY", "60");
    let mut command = installation.command(env!("CARGO_BIN_EXE_portcullis"));
    command.env("LD_PRELOAD", library).env("FAKETIME", offset).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    installation.start_by(command)
}

#[test]
#[ignore = "needs PostgreSQL and libfaketime; scripts/test installs them"]
fn a_minute_between_two_clocks_signs_nobody_out_and_lets_nobody_in() {
    let url = fresh();
    let nodes = [node(&url, "+0"), node(&url, "-30s"), node(&url, "+30s")];
    for here in 0..3 {
        for there in 0..3 {
            let mut client = nodes[here].client();
            assert_eq!(client.sign_in("testuser", "testpass").status, 200);
            let mut elsewhere = Client::with(nodes[there].address(), &client.jar);
            let answer = elsewhere.protected();
            assert_eq!(answer.status, 200, "from {here} to {there}: {}", answer.body);
            assert_eq!((elsewhere.refresh().status, elsewhere.protected().status), (200, 200));
            let mut back = Client::with(nodes[here].address(), &elsewhere.jar);
            assert_eq!((back.protected().status, back.refresh().status), (200, 200));
            let copy = Client::with(nodes[here].address(), &back.jar);
            assert_eq!(Client::with(nodes[there].address(), &back.jar).logout().status, 200);
            for node in &nodes {
                assert!(time_until_refused(node, &copy).as_secs() < 1);
                assert_eq!(Client::with(node.address(), &copy.jar).refresh().status, 401);
            }
        }
    }
}
