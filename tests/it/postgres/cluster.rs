//! Three nodes behind HAProxy, as `scripts/cluster` starts them and as the compose file names them.

use std::path::Path;
use std::process::Command;

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

const LOOK: &str = r#"
# A node that was busy for a moment is asked again by the balancer, and then sent requests.
seen=
for round in $(seq 150); do
  seen="$seen
$(curl -s "$CLUSTER_URL/login" | grep -o 'Node . of three' | head -n 1)"
  [ "$(echo "$seen" | sort -u | grep -c Node)" = 3 ] && break
  sleep 0.1
done
echo "$seen" | sort -u | grep Node
jar=$(mktemp)
curl -s -c "$jar" --json '{"username":"testuser","password":"testpass"}' "$CLUSTER_URL/login"
for round in 1 2 3; do curl -s -b "$jar" "$CLUSTER_URL/protected"; done
curl -s -b "$jar" -X POST "$CLUSTER_URL/logout"
sleep 1
for round in 1 2 3; do curl -s -b "$jar" -o /dev/null -w '%{http_code}' "$CLUSTER_URL/protected"; done
rm "$jar"
"#;

#[test]
#[ignore = "needs PostgreSQL and HAProxy; scripts/test installs them"]
fn the_script_starts_three_nodes_that_are_one() {
    let mut script = Command::new(home().join("scripts/cluster"));
    script.args(["sh", "-c", LOOK]).env("CLUSTER_PROGRAM", env!("CARGO_BIN_EXE_portcullis"));
    let output = script.output().unwrap();
    let (said, complained) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let names = "Node 1 of three\nNode 2 of three\nNode 3 of three\n";
    let signed_in = "{\"login\":true}";
    let seen = "{\"logged_in_as\":\"testuser\"}".repeat(3);
    assert_eq!(said, format!("{names}{signed_in}{seen}{{\"logout\":true}}401401401"), "{complained}");
}

#[test]
#[ignore = "needs docker-compose, which reads the file and starts nothing; scripts/test installs it"]
fn the_compose_file_is_one() {
    let mut compose = Command::new("docker-compose");
    compose.args(["-f", "deploy/compose.yaml", "config"]).current_dir(home()).env("DATABASE_PASSWORD", "a");
    let output = compose.output().expect("docker-compose is not there; run scripts/test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = String::from_utf8(output.stdout).unwrap();
    for part in ["node-1:", "node-2:", "node-3:", "balancer:", "database:"] {
        assert!(read.contains(part), "{read}");
    }
}
