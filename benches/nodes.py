"""Several nodes on one PostgreSQL: how soon a sign-out at one is refused at the others, and what the nodes do in a second.

The delay runs from the answered sign-out to the first refusal at another node, which is asked without a pause; so it holds
the time of one answer, too.
"""

import http.client
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import threading
import time

import server
from server import SERVING, Portcullis

BUCKETS = [1, 2, 3, 5, 10, 20, 50, 100, 150, 200, 250, 300, 500, 1000]


class Database:
    """A PostgreSQL on a free port, with its usual settings, whose data is thrown away."""

    def __init__(self):
        homes = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
        if not homes:
            server.need("postgresql")
            homes = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
        self.programs, self.folder, self.port = homes[-1], tempfile.mkdtemp(), server.free_port()
        self.user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self.user:
            shutil.chown(self.folder, "postgres")
        self.run("initdb", "-A", "trust", "-U", "postgres", "--locale=C", "-E", "UTF8")
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c max_connections=500"
        self.run("pg_ctl", "-l", f"{self.folder}/log", "-w", "-o", options, "start")
        self.count = 0

    def run(self, program, *arguments):
        command = [*SERVING, *self.user, str(self.programs / program), "-D", f"{self.folder}/data", *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")

    def fresh(self):
        """The URL of a database in which nothing is."""
        self.count += 1
        self.sql("postgres", f"CREATE DATABASE bench_{self.count}")
        return f"postgres://postgres@127.0.0.1:{self.port}/bench_{self.count}"

    def sql(self, database, statement):
        command = ["psql", "-qXAt", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", database, "-c", statement]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def stop(self):
        self.run("pg_ctl", "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)


class Asker:
    """A connection that is kept."""

    def __init__(self, node):
        self.node = node
        self.connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=30)

    def ask(self, method, path, cookies):
        self.connection.request(method, path, headers={"Cookie": "; ".join(cookies), "Accept": "*/*"})
        answer = self.connection.getresponse()
        answer.read()
        return answer.status


def delays(url, number, rounds, listen):
    """How long each sign-out took to reach two other nodes, in milliseconds."""
    folders = [tempfile.mkdtemp() for _ in range(number)]
    extra = {"PORTCULLIS_APP__STORE_LISTEN": "direct"} if listen else {}
    nodes = [Portcullis(folder, store=url, more=extra) for folder in folders]
    time.sleep(2)
    found = []
    try:
        leaving = Asker(nodes[0])
        for turn in range(rounds):
            cookies = nodes[0].cookies()
            others = [Asker(nodes[1 + (turn + step) % (number - 1)]) for step in range(2)]
            for other in others:
                assert other.ask("GET", "/protected", cookies) == 200
            answered, seen = [], []

            def watch(other):
                while other.ask("GET", "/protected", cookies) != 401:
                    # Whoever spins does it at the cost of the node that is to answer.
                    time.sleep(0.0005)
                seen.append(time.monotonic())

            watchers = [threading.Thread(target=watch, args=(other,)) for other in others]
            for watcher in watchers:
                watcher.start()
            # At no fixed place between two polls.
            time.sleep(0.05 + 0.25 * ((turn * 0.618) % 1))
            assert leaving.ask("POST", "/logout", cookies) == 200
            answered = time.monotonic()
            for watcher in watchers:
                watcher.join()
            found += [max(0.0, (moment - answered) * 1e3) for moment in seen]
    finally:
        for node in nodes:
            node.stop()
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
    return sorted(found)


def histogram(found):
    low = 0
    for high in BUCKETS:
        count = sum(low <= delay < high for delay in found)
        if count:
            print(f"    {low:>4} to {high:>4} ms  {count:>5}  {'#' * max(1, round(60 * count / len(found)))}")
        low = high
    rest = sum(delay >= low for delay in found)
    if rest:
        print(f"    {low:>4} ms and more  {rest:>5}")


def report(database, rounds):
    """The histograms, and a line of the table for each."""
    rows = []
    for number, listen in ((3, True), (10, True), (30, True), (3, False), (30, False)):
        found = delays(database.fresh(), number, rounds, listen)
        way = "told by NOTIFY" if listen else "by the poll alone"
        print(f"\nFrom the answered sign-out to the refusal at another node, {number} nodes, {way}, {len(found)} times:")
        histogram(found)
        late = found[min(len(found) - 1, int(len(found) * 0.99))]
        rows.append(f"| {number} | {way} | {statistics.median(found):.1f} ms | {late:.1f} ms | {found[-1]:.1f} ms |")
    print("\n| nodes | | median | 99th percentile | slowest |\n|---|---|---|---|---|")
    print("\n".join(rows))


def growth_of(database, url, at, seconds):
    """Bytes that a sign-in leaves in the database."""
    name = url.rsplit("/", 1)[1]
    size = lambda: int(database.sql(name, "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"))
    count = lambda: int(database.sql(name, "SELECT count(*) FROM events WHERE what = 'signed_in'"))
    before, first = size(), count()
    at.asker("sign-in", connections=4, seconds=seconds)
    time.sleep(1)
    return (size() - before) / max(1, count() - first), count() - first
