"""A demo of our own with a relying party and phones, for as long as a `with` block runs."""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import tempfile

BINARY = os.environ["SMART_ID_BIN"]
ROOT = pathlib.Path(__file__).resolve().parents[2]

# The demo's relying party, which may ask for the phone's address.
RELYING_PARTY = "00000000-0000-4000-8000-000000000000"
RELYING_PARTY_NAME = "DEMO"
# One that may ask for nothing special, and the same person twice a minute only.
PLAIN_RELYING_PARTY = "00000000-0000-4000-8000-00000000f522"

PIN1, PIN2 = "4826", "73915"


class Phone:
    """`smart-id device` on a file."""

    def __init__(self, folder, url, person, level="qualified"):
        self.file = str(folder / f"{person}.phone")
        self.person = person
        arguments = ["--given-name", "OK", "--surname", "TESTNUMBER", "--date-of-birth", "1905-04-04"]
        registered = self.run("register", "--url", url, "--pin1", PIN1, "--pin2", PIN2, "--person", person, *arguments)
        self.document = re.search(rf"{person}-[A-Z0-9]{{4}}-N?Q", registered).group()

    def run(self, command, *arguments, codes=(0,)):
        done = subprocess.run(
            [BINARY, "device", "--file", self.file, "--json", command, *arguments],
            capture_output=True, text=True, timeout=120,
        )
        if done.returncode not in codes:
            raise RuntimeError(f"smart-id device {command}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def approve(self, session):
        self.run("approve", session, "--pin1", PIN1, "--pin2", PIN2)

    def refuse(self, session):
        self.run("refuse", session, codes=(0, 3))

    def scan(self, link):
        self.run("scan", link, "--pin1", PIN1, "--pin2", PIN2)


@contextlib.contextmanager
def demo():
    """Yields address, folder of the data."""
    with running() as server:
        subprocess.run(
            [
                BINARY, "rp", "add", "--data", str(server.data), "--uuid", PLAIN_RELYING_PARTY, "--name", "Plain",
                "--prompts-per-minute", "2",
            ],
            check=True, capture_output=True,
        )
        yield server.url, server.folder


@contextlib.contextmanager
def running():
    """Yields a server that runs, and may be stopped and started again on its data. It must log no error."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(pathlib.Path(folder))
        server.start()
        try:
            yield server
            if server.process.poll() is not None:
                raise RuntimeError(f"the demo ended by itself: {server.process.returncode}")
        finally:
            server.stop()
        for line in server.log.read_text().splitlines():
            if json.loads(line).get("level") == "ERROR":
                raise RuntimeError(f"the server logged an error: {line}")


class Server:
    """`smart-id demo` on a folder. What it has once published names its address, so it comes back to the same port."""

    def __init__(self, folder):
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "log"
        self.url = None
        self.process = None

    def start(self):
        listen = self.url.removeprefix("http://") if self.url else "127.0.0.1:0"
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(
                [BINARY, "--log-format", "json", "demo", "--listen", listen, "--data", str(self.data)],
                stdout=subprocess.PIPE, stderr=log, text=True,
            )
        for line in self.process.stdout:
            if line.startswith("ready"):
                self.url = re.search(r"http://127\.0\.0\.1:\d+", line).group()
                return
        raise RuntimeError("the demo did not start:\n" + self.log.read_text())

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
