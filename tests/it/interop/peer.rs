//! Running the other side: `peer.py` and `peer.mjs` in the folder of an installation.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Child;

use serde_json::{Value, json};

use crate::binary::server::Installation;

/// A Flask application that runs; dropped, it is killed.
pub(crate) struct Flask {
    child: Child,
    address: SocketAddr,
}

/// Where a test may find a program that `scripts/test` has installed.
fn installed(variable: &str) -> PathBuf {
    std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set; run scripts/test")).into()
}

/// Puts both programs into the folder.
pub(crate) fn with_peers(installation: Installation) -> Installation {
    let installation = installation
        .with_file("peer.py", include_str!("peer.py"))
        .with_file("peer.mjs", include_str!("peer.mjs"));
    let modules = installed("INTEROP_NODE").join("node_modules");
    std::os::unix::fs::symlink(modules, installation.path("node_modules")).unwrap();
    installation
}

/// Puts a question to both and puts their answers together.
pub(crate) fn ask(installation: &Installation, what: &str, question: &Value) -> [Value; 2] {
    let programs = [(installed("INTEROP_PYTHON"), "peer.py"), ("node".into(), "peer.mjs")];
    programs.map(|(program, script)| {
        let mut command = installation.command(&program);
        // Older releases of Node keep the global that jose wants behind this.
        if script == "peer.mjs" {
            command.arg("--experimental-global-webcrypto");
        }
        let mut child = command.args([script, what]).stdin(std::process::Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(question.to_string().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script} {what}: {complaint}");
        serde_json::from_slice(&output.stdout).unwrap()
    })
}

impl Flask {
    /// A Flask application with these settings besides the secret.
    pub(crate) fn start(installation: &Installation, secret: &str, settings: &Value) -> Self {
        let mut settings = settings.clone();
        settings["JWT_SECRET_KEY"] = json!(secret);
        let mut command = installation.command(installed("INTEROP_PYTHON"));
        command.args(["peer.py", "serve", &settings.to_string()]).stderr(std::process::Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port: u16 = line.trim().parse().unwrap();
        Self { child, address: ([127, 0, 0, 1], port).into() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Flask {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
