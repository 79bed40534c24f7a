//! `docs/operating.md`, followed by somebody who reads nothing else, on a machine of their own.
//!
//! The machine is this one in namespaces of its own: what is written to `/etc`, `/usr` and `/var` is thrown away, nobody else's
//! ports are in the way, and everything that was started ends with it. `systemctl` does there what the unit file says, because
//! nothing else of systemd would run.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The blocks of commands of the guide, each with the bold words or the heading before it.
fn blocks() -> Vec<(String, String)> {
    let page = include_str!("../../../docs/operating.md");
    let mut found = Vec::new();
    let mut title = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(rest) = line.strip_prefix("**") {
            title = rest.split("**").next().unwrap().trim_end_matches(['.', ',', '?']).to_owned();
        } else if line == "```sh" {
            let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            found.push((title.clone(), block.join("\n")));
        }
    }
    found
}

/// What has to be so after a block, a line each: of several in one line the shell minds only the last.
fn afterwards(title: &str) -> &'static str {
    match title {
        "Install it" => "id portcullis\nportcullis --version",
        "Set it up" => {
            "test \"$(stat -c '%a %U' /etc/portcullis/Rocket.toml)\" = '600 portcullis'
curl -sS http://127.0.0.1:8000/health/ready | grep -q true"
        }
        "Put HTTPS in front" => {
            "test \"$(status /login)\" = 200
as_portcullis user list | grep -q '^ada .*admin'"
        }
        "Look whether it fits together" => "as_portcullis doctor | grep -q 'arrives as it was sent'",
        "People" => {
            // Somebody without a role needs no second factor, and sees the dashboard.
            "echo 'nine purple lamps sleep' | as_portcullis user password grace
sign_in
test \"$(status /protected -b /tmp/jar)\" = 200
curl -sS -b /tmp/jar -H 'Accept: text/html' https://login.example.org/protected | grep -q grace"
        }
        "When somebody loses an account" => {
            "echo 'nine purple lamps sleep' | as_portcullis user password grace
sign_in
test \"$(status /protected -b /tmp/jar)\" = 200"
        }
        "Rotate the key" => {
            "sleep 4
test \"$(status /protected -b /tmp/jar)\" = 200
test \"$(as_portcullis --json key list | wc -l)\" = 2"
        }
        "When a key leaks" => {
            "sleep 4
test \"$(status /protected -b /tmp/jar)\" = 401
test \"$(as_portcullis --json key list | wc -l)\" = 1
sign_in"
        }
        "Back up" => {
            "test \"$(stat -c %a /var/lib/portcullis/copy.db)\" = 600
test -s /root/portcullis-keys/portcullis.keys"
        }
        "Upgrade" => {
            "dpkg -s portcullis | grep -q '^Version: 9.9.9$'
test \"$(status /protected -b /tmp/jar)\" = 200"
        }
        "Restore" => {
            "test \"$(status /protected -b /tmp/jar)\" = 401
sign_in
test \"$(status /protected -b /tmp/jar)\" = 200"
        }
        _ => "false # nobody has said what this block is for",
    }
}

/// What systemd would do with these units.
const SYSTEMCTL: &str = r#"#!/bin/bash
set -eu
unit=/usr/lib/systemd/system/portcullis.service
of() { sed -n "s/^$1=//p" $unit; }
start_portcullis() {
  mapfile -t environment < <(of Environment)
  cd "$(of WorkingDirectory)"
  setsid runuser -u "$(of User)" -- env "${environment[@]}" $(of ExecStart) >>/var/log/portcullis.log 2>&1 </dev/null &
  for _ in $(seq 200); do
    curl -s http://127.0.0.1:8000/health/ready | grep -q true && return
    sleep 0.1
  done
  cat /var/log/portcullis.log >&2
  exit 1
}
stop_portcullis() {
  pkill -TERM -x portcullis || true
  for _ in $(seq 200); do pgrep -x portcullis >/dev/null || return 0; sleep 0.1; done
  exit 1
}
case "$*" in
  "enable --now portcullis" | "start portcullis") start_portcullis ;;
  "stop portcullis") stop_portcullis ;;
  "restart portcullis") stop_portcullis; start_portcullis ;;
  "restart nginx") nginx -s stop 2>/dev/null || true; nginx ;;
  *) echo "systemctl $*: not here" >&2; exit 1 ;;
esac
"#;

/// A machine on which nothing of ours is installed, and where `login.example.org` is this one.
const MACHINE: &str = r#"set -euo pipefail
mount -t tmpfs tmpfs /mnt
for folder in etc usr var root; do
  mkdir -p /mnt/$folder/upper /mnt/$folder/work
  mount -t overlay -o lowerdir=/$folder,upperdir=/mnt/$folder/upper,workdir=/mnt/$folder/work overlay /$folder
done
mount -t tmpfs tmpfs /run
ip link set lo up
install -m 0755 "$HERE/systemctl" /usr/bin/systemctl
echo '127.0.0.1 login.example.org' >>/etc/hosts
rm -f /etc/nginx/sites-enabled/default
openssl req -config <(printf '[req]\ndistinguished_name = dn\n[dn]\n') -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=login.example.org \
  -addext subjectAltName=DNS:login.example.org -addext basicConstraints=critical,CA:false -keyout /etc/ssl/login.example.org.key -out /etc/ssl/login.example.org.pem 2>/dev/null
export CURL_CA_BUNDLE=/etc/ssl/login.example.org.pem SSL_CERT_FILE=/etc/ssl/login.example.org.pem
export DEBIAN_FRONTEND=noninteractive
status() { local path=$1; shift; curl -sS -o /dev/null -w '%{http_code}' "$@" "https://login.example.org$path"; }
sign_in() {
  curl -sS -c /tmp/jar -o /dev/null -H 'Content-Type: application/json' \
    -d '{"username": "grace", "password": "nine purple lamps sleep"}' https://login.example.org/login
}
mount -t tmpfs tmpfs /tmp
mkdir /tmp/packages && cp "$HERE"/*.deb /tmp/packages && chmod 755 /tmp/packages
cd /tmp/packages
"#;

/// A program with this environment and no other, as root; whoever is somebody else asks for that.
pub(super) fn as_root(environment: &[(&str, &str)], program: &str) -> Command {
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let mut command = Command::new(if is_root { "env" } else { "sudo" });
    if !is_root {
        command.args(["-n", "env"]);
    }
    command.arg("-i").args(environment.iter().map(|(name, value)| format!("{name}={value}"))).arg(program);
    command
}

pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

#[test]
#[ignore = "needs root, namespaces, nginx and dpkg"]
fn whoever_follows_the_guide_has_an_installation_and_keeps_it() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let at = |name: &str| folder.path().join(name);
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let packaged = Command::new(home.join("scripts/package"))
        .args(["deb", env!("CARGO_BIN_EXE_portcullis")])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(packaged.status.success(), "{}", String::from_utf8_lossy(&packaged.stderr));
    fs::write(at("systemctl"), SYSTEMCTL).unwrap();

    let blocks = blocks();
    assert!(blocks.len() >= 11, "{blocks:?}");
    let mut script = MACHINE.to_owned();
    for (title, block) in &blocks {
        if title == "Upgrade" {
            // A newer package has come.
            script.push_str(
                "cd /tmp/packages\ndpkg-deb -R *.deb new && rm *.deb && sed -i 's/^Version: .*/Version: 9.9.9/' new/DEBIAN/control\ndpkg-deb -b -Znone new portcullis_9.9.9_amd64.deb >/dev/null\n",
            );
        }
        let after = afterwards(title);
        script.push_str(&format!("echo '== {title}'\n{block}\n{after}\n"));
    }
    script.push_str("echo '== done'\n");
    fs::write(at("guide.sh"), &script).unwrap();

    let environment = [("PATH", PATH), ("HERE", folder.path().to_str().unwrap()), ("LC_ALL", "C.UTF-8")];
    let mut command = as_root(&environment, "unshare");
    command
        .args(["--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child", "bash"])
        .arg(at("guide.sh"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"seven green kettles sing\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("== done"), "{said}");
}
