"""What scripts/bench, scripts/growth and scripts/instructions share: the release binary as a process, and whoever asks it.

Servers run on the first core and are asked from the second.
"""

import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

HOME = pathlib.Path(__file__).resolve().parent.parent
BINARY = HOME / "target/release/portcullis"
PEERS = HOME / "target/peers/release"
SECRET = secrets.token_hex(32)
SERVING, ASKING = ["taskset", "-c", "0"], ["taskset", "-c", "1"]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def build(*, peers=("rocket", "axum", "actix", "argon2", "asker")):
    """Builds the binary with its symbols, and what it is measured beside."""
    subprocess.run(["cargo", "build", "--release", "--config", "profile.release.strip=false"], check=True, cwd=HOME)
    if peers:
        manifest = ["--manifest-path", "benches/peers/Cargo.toml", "--target-dir", "target/peers"]
        names = [word for name in peers for word in ("--bin", name)]
        subprocess.run(["cargo", "build", "--release", *manifest, *names], check=True, cwd=HOME)


def need(*programs):
    """Installs Debian's packages of these names where the programs are absent."""
    absent = [name for name in programs if not shutil.which({"binutils": "strip"}.get(name, name))]
    if absent:
        subprocess.run(["apt-get", "install", "--yes", "--no-install-recommends", *absent], check=True,
                       stdout=subprocess.DEVNULL)


class Process:
    """A server on a port of its own, which ends with whoever started it."""

    def __init__(self, folder, command, environment, *, path="/protected", patience=60):
        self.port, self.folder = free_port(), folder
        fill = lambda text: text.replace("PORT", str(self.port)) if text == "PORT" or ":PORT" in text else text
        environment = os.environ | {name: fill(value) for name, value in environment.items()}
        self.log = open(f"{folder}/log", "a")
        begun = time.monotonic()
        self.process = subprocess.Popen([fill(word) for word in command], env=environment, stdout=self.log,
                                        stderr=self.log, cwd=folder)
        while not self.answers(path):
            if self.process.poll() is not None or time.monotonic() - begun > patience:
                sys.exit(f"{command[-1]} does not serve: {open(f'{folder}/log').read()}")
            time.sleep(0.002)
        self.started_in = time.monotonic() - begun

    def answers(self, path):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30).read()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def resident_mib(self):
        status = open(f"/proc/{self.process.pid}/status").read()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def wrk(self, path, cookies, *, seconds, connections=32, accept="*/*"):
        """Requests a second, and the median, the 99th percentile and the slowest in milliseconds."""
        command = [*ASKING, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-H", f"Accept: {accept}",
                   "-H", f"Cookie: {cookies}", f"http://127.0.0.1:{self.port}{path}"]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        if "Non-2xx" in told:
            sys.exit(f"not every answer of {path} was a success: {told}")
        find = lambda pattern: re.search(pattern, told)[1]
        times = [millis(find(pattern)) for pattern in (r"\n +50% +(\S+)", r"\n +99% +(\S+)", r"Latency +\S+ +\S+ +(\S+)")]
        return float(find(r"Requests/sec:\s+(\S+)")), *times

    def asker(self, what, *, connections, seconds):
        """Answers a second, and the median and the 99th percentile in milliseconds."""
        command = [*ASKING, str(PEERS / "asker"), what, str(self.port), str(connections), str(seconds)]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return [float(word) for word in told.split()]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.log.close()


class Portcullis(Process):
    """The release binary with its default settings; of the debug profile only plain HTTP and the demo accounts."""

    def __init__(self, folder, *, store=None, wrapped=SERVING, more=None):
        environment = {
            "ROCKET_PROFILE": "debug",
            "ROCKET_PORT": "PORT",
            "ROCKET_WORKERS": "1",
            "PORTCULLIS_APP__STORE": store or f"sqlite:{folder}/portcullis.db",
            "PORTCULLIS_AUTH__SECRET_KEY": SECRET,
            "PORTCULLIS_AUTH__ACCESS_TTL": "3600",
        } | (more or {})
        super().__init__(folder, [*wrapped, str(BINARY), "serve"], environment, path="/login", patience=600)

    def cookies(self, username="testuser", password="testpass"):
        """The cookies of somebody who signs in."""
        body = json.dumps({"username": username, "password": password}).encode()
        address = f"http://127.0.0.1:{self.port}/login"
        request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            pairs = [line.split(";")[0] for line in answer.headers.get_all("Set-Cookie")]
        return [pair for pair in pairs if not pair.endswith("=")]


def access(cookies):
    """The one cookie that opens."""
    return next(pair for pair in cookies if pair.startswith("access_token_cookie="))


def millis(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]
