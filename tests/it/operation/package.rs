//! What is given away: a Debian package and an image of a container.

#![expect(clippy::disallowed_methods, reason = "a container is waited for by the machine's clock")]

mod release;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::client::{Ask, Client};
use crate::operation::guide::{PATH, as_root};

fn packaged(kind: &str, folder: &Path) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/package");
    let made =
        Command::new(script).args([kind, env!("CARGO_BIN_EXE_portcullis")]).arg(folder).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    PathBuf::from(String::from_utf8(made.stdout).unwrap().trim())
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn done(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    said(&output)
}

#[test]
#[ignore = "needs dpkg"]
fn two_runs_make_the_same_package() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = ["one", "other"].map(|name| packaged("deb", &folder.path().join(name)));
    assert!(fs::read(&one).unwrap() == fs::read(&other).unwrap(), "they differ");
    let listed = done(Command::new("dpkg-deb").arg("-c").arg(&one));
    for file in [
        "./usr/bin/portcullis\n",
        "./usr/lib/systemd/system/portcullis.service\n",
        "./usr/share/man/man1/portcullis-doctor.1.gz\n",
        "./usr/share/portcullis/nginx.conf\n",
        "./usr/share/portcullis/prometheus/alerts.yaml\n",
        "./usr/share/portcullis/sbom.cdx.json\n",
    ] {
        assert!(listed.contains(file), "{file} in {listed}");
    }
    assert!(listed.lines().all(|line| line.contains(" root/root ")), "{listed}");
}

/// A container of the image, in namespaces of its own on a root that nobody writes.
struct Container {
    folder: TempDir,
}

impl Container {
    fn unpacked() -> (Self, Value) {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let archive = packaged("image", folder.path());
        let at = |name: &str| folder.path().join(name);
        for name in ["archive", "root"] {
            fs::create_dir(at(name)).unwrap();
        }
        done(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(at("archive")));
        let read = |name: &str| -> Value {
            serde_json::from_slice(&fs::read(at("archive").join(name)).unwrap()).unwrap()
        };
        let manifest = read("manifest.json");
        let layers = manifest[0]["Layers"].as_array().unwrap().clone();
        for layer in &layers {
            let layer = at("archive").join(layer.as_str().unwrap());
            done(Command::new("tar").arg("-xf").arg(layer).arg("-C").arg(at("root")));
        }
        let config = read(manifest[0]["Config"].as_str().unwrap());
        (Self { folder }, config["config"].clone())
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// The program in it with these arguments, as whoever runs containers would start it.
    fn command(&self, port: u16, arguments: &[&str]) -> Command {
        let root = self.root();
        let setup = format!(
            "mount --bind -o ro {0} {0} && mount -o remount,bind,ro {0} && mount --bind {0}/../data {0}/data && \
             mount -t proc proc {0}/proc && exec chroot --userspec=10001:10001 {0} /usr/bin/portcullis \"$@\"",
            root.display()
        );
        let port = port.to_string();
        let environment = [
            ("PATH", PATH),
            ("ROCKET_PROFILE", "release"),
            ("ROCKET_CONFIG", "/data/Rocket.toml"),
            ("ROCKET_PORT", &port),
        ];
        let mut command = as_root(&environment, "unshare");
        command
            .args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", &setup, "sh"])
            .args(arguments);
        command
    }
}

fn files_of(folder: &Path) -> Vec<String> {
    let found = done(Command::new("find").arg(folder).args(["-type", "f", "-printf", "%P\n"]));
    found.lines().map(str::to_owned).collect()
}

#[test]
#[ignore = "needs root, namespaces and buildah"]
fn the_image_is_the_program_and_serves_on_a_root_that_nobody_writes() {
    let (container, config) = Container::unpacked();
    let files = files_of(&container.root());
    assert!(files.contains(&"usr/bin/portcullis".to_owned()) && files.len() <= 7, "{files:?}");
    let is_expected = |file: &String| {
        file == "usr/bin/portcullis"
            || file == "etc/passwd"
            || file.contains("/lib")
            || file.contains("ld-linux")
    };
    assert!(files.iter().all(is_expected), "{files:?}");
    assert_eq!(config["User"], "10001:10001");
    assert_eq!(config["Entrypoint"][0], "/usr/bin/portcullis");
    assert_eq!(config["Healthcheck"]["Test"][2], "health");
    assert!(config["Volumes"]["/data"].is_object());

    let root = container.root();
    let data = container.folder.path().join("data");
    fs::create_dir(&data).unwrap();
    // Whoever runs containers brings it.
    let _ = fs::create_dir(root.join("proc"));
    done(as_root(&[("PATH", PATH)], "chown").arg("10001:10001").arg(&data));
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let url = "https://login.example.org";
    let mut init = container
        .command(port, &["init", "--base-url", url, "--admin", "ada"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut init.stdin.take().unwrap(), b"seven green kettles sing\n").unwrap();
    assert!(init.wait().unwrap().success());

    let mut server =
        container.command(port, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while !container.command(port, &["health"]).output().unwrap().status.success() {
        assert!(Instant::now() < deadline, "it does not serve: {:?}", server.try_wait());
        std::thread::sleep(Duration::from_millis(100));
    }
    let mut client = Client::new(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    assert_eq!(client.send(Ask::get("/login").header("Accept", "text/html")).status, 200);
    assert_eq!(client.sign_in("ada", "seven green kettles sing").status, 200);
    assert!(!root.join("data/portcullis.db").exists(), "everything is in the volume");
    done(as_root(&[("PATH", PATH)], "test").arg("-e").arg(data.join("portcullis.db")));
    server.kill().unwrap();
    server.wait().unwrap();
}

/// Names and versions of what the bill lists, with the digests of each.
fn listed(bill: &Value) -> BTreeMap<(String, String), String> {
    let components = bill["components"].as_array().unwrap().iter();
    components
        .map(|it| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            ((text(&it["name"]), text(&it["version"])), text(&it["hashes"][0]["content"]))
        })
        .collect()
}

#[test]
#[ignore = "needs Python"]
fn the_bill_of_materials_is_what_the_lock_file_links_in() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let bill = Command::new(home.join("scripts/sbom")).output().unwrap();
    let bill: Value = serde_json::from_slice(&bill.stdout).unwrap();
    let listed = listed(&bill);

    let lock = fs::read_to_string(home.join("Cargo.lock")).unwrap();
    let locked: BTreeMap<_, _> = lock
        .split("[[package]]")
        .filter_map(|entry| {
            let value = |key: &str| {
                entry.split(&format!("\n{key} = \"")).nth(1)?.split('"').next().map(str::to_owned)
            };
            Some(((value("name")?, value("version")?), value("checksum")?))
        })
        .collect();
    for (package, digest) in &listed {
        assert_eq!(locked.get(package), Some(digest), "{package:?}");
    }

    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "-e",
            "normal",
            "--prefix",
            "none",
            "--target",
            "x86_64-unknown-linux-gnu",
        ])
        .current_dir(home)
        .output()
        .unwrap();
    let linked: BTreeSet<_> = String::from_utf8(tree.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.split_once(" v")?;
            Some((name.to_owned(), rest.split(' ').next()?.to_owned()))
        })
        .filter(|(name, _)| name != "portcullis")
        .collect();
    assert!(linked.len() > 200);
    assert_eq!(listed.keys().cloned().collect::<BTreeSet<_>>(), linked);
    assert!(!linked.iter().any(|(name, _)| name == "thirtyfour"), "nothing of the tests");
}
