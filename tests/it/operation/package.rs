//! What is given away: a Debian package and an image of a container.

#![expect(clippy::disallowed_methods, reason = "a container is waited for by the machine's clock")]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::client::{Ask, Client};

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
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", &setup, "sh"])
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("ROCKET_PROFILE", "release")
            .env("ROCKET_CONFIG", "/data/Rocket.toml")
            .env("ROCKET_PORT", port.to_string());
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
    std::os::unix::fs::chown(&data, Some(10_001), Some(10_001)).unwrap();
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
    assert!(data.join("portcullis.db").exists());
    server.kill().unwrap();
    server.wait().unwrap();
}
