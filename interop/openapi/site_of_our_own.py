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
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        data = folder / "data"
        log = open(folder / "log", "w")
        server = subprocess.Popen(
            [BINARY, "--log-format", "json", "demo", "--listen", "127.0.0.1:0", "--data", str(data)],
            stdout=subprocess.PIPE, stderr=log, text=True,
        )
        try:
            url = None
            for line in server.stdout:
                if line.startswith("ready"):
                    url = re.search(r"http://127\.0\.0\.1:\d+", line).group()
                    break
            if url is None:
                raise RuntimeError("the demo did not start:\n" + (folder / "log").read_text())
            subprocess.run(
                [
                    BINARY, "rp", "add", "--data", str(data), "--uuid", PLAIN_RELYING_PARTY, "--name", "Plain",
                    "--prompts-per-minute", "2",
                ],
                check=True, capture_output=True,
            )
            yield url, folder
            if server.poll() is not None:
                raise RuntimeError(f"the demo ended by itself: {server.returncode}")
        finally:
            server.terminate()
            server.wait(30)
        for line in (folder / "log").read_text().splitlines():
            if json.loads(line).get("level") == "ERROR":
                raise RuntimeError(f"the server logged an error: {line}")
