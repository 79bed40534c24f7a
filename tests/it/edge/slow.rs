//! Slow clients against each proxy, with slowhttptest; they run by themselves, because they measure whether somebody else gets in.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::edge::Site;
use crate::edge::proxy::Kind;

/// Many who send or read a little at a time, while somebody else wants to get in.
fn serves_beside_slow_clients(kind: Kind) {
    let site = Site::behind(&[kind]);
    let url = format!("https://localhost:{}", site.port);
    for (attack, path) in [("-H", "/login"), ("-B", "/login"), ("-X", "/static/nothing")] {
        let mut slow = Command::new("slowhttptest")
            .args([attack, "-c", "400", "-r", "200", "-i", "3", "-l", "8", "-p", "3"])
            .args(["-u", &format!("{url}{path}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut asked = 0;
        while slow.try_wait().unwrap().is_none() {
            let answer = site.curl(&["-o", "/dev/null", "-w", "%{http_code}"], "/login");
            assert_eq!(answer, "200", "{kind:?}, {attack}");
            asked += 1;
            std::thread::sleep(Duration::from_millis(250));
        }
        assert!(asked > 8, "{kind:?}, {attack}: it ended at once");
    }
    site.signs_in_and_out();
}

#[test]
#[ignore = "needs nginx and slowhttptest"]
fn nginx_keeps_slow_clients_from_everybody_else() {
    serves_beside_slow_clients(Kind::Nginx);
}

#[test]
#[ignore = "needs Caddy and slowhttptest"]
fn caddy_keeps_slow_clients_from_everybody_else() {
    serves_beside_slow_clients(Kind::Caddy);
}

#[test]
#[ignore = "needs HAProxy and slowhttptest"]
fn haproxy_keeps_slow_clients_from_everybody_else() {
    serves_beside_slow_clients(Kind::Haproxy);
}
