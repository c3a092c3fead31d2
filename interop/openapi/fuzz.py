"""schemathesis against our documents and a demo of our own.

It is asked for more than the absence of undocumented answers: what the document calls valid has to be accepted, and
what it calls invalid refused. A run that reached no success at some operation has proved little, so it fails as well.
"""

import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys

import scenario
import site_of_our_own as site

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
    "unsupported_method",
]

DOCUMENTS = sorted(path.stem for path in (site.ROOT / "docs/openapi").glob("rp-api-*.json"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--reports", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    failed = False
    with site.demo() as (url, folder):
        phone = site.Phone(folder, url, "PNOEE-40504040001")
        client = scenario.Client(url)
        world = {
            "relying_parties": [site.RELYING_PARTY],
            "names": [site.RELYING_PARTY_NAME],
            "people": [phone.person],
            "documents": [phone.document],
            # Each can be signed after once.
            "choices": [scenario.choice_by_link(client, phone, f"choice {number}") for number in range(5)],
        }
        for name in DOCUMENTS:
            failed |= not run(name, url, world, arguments.seconds // len(DOCUMENTS), arguments.reports)
    sys.exit(1 if failed else 0)


def run(name, url, world, seconds, reports):
    report = reports / f"{name}.ndjson"
    report.unlink(missing_ok=True)
    environment = dict(os.environ, OPENAPI_WORLD=json.dumps(world), SCHEMATHESIS_HOOKS="hooks")
    done = subprocess.run(
        [
            "schemathesis", "run", f"{url}/openapi/{name}.json",
            "--checks", ",".join(CHECKS),
            "--max-time", str(seconds),
            # ast.parse of Python 3.11 fails now and then in two threads at once, and Hypothesis uses it.
            "--workers", "1",
            "--request-timeout", "10",
            "--seed", "522",
            "--continue-on-failure",
            "--no-shrink",
            "--warnings", "off",
            "--report", "ndjson", "--report-ndjson-path", str(report),
        ],
        env=environment,
    )
    answers = answers_by_operation(report)
    operations = json.loads((site.ROOT / f"docs/openapi/{name}.json").read_text())["paths"]
    silent = [path for path in operations if not any(key[0].endswith(f" {path}") and key[1] == 200 for key in answers)]
    statuses = collections.Counter()
    for (_, status), count in answers.items():
        statuses[status] += count
    listed = ", ".join(f"{count} of {status}" for status, count in sorted(statuses.items()))
    print(f"{name}: {len(operations)} operations, {sum(statuses.values())} requests answered: {listed}")
    for path in silent:
        print(f"{name}: no success at {path}")
    return done.returncode == 0 and not silent


def answers_by_operation(report):
    """How often each operation gave each status, to requests with its own method."""
    answers = collections.Counter()
    for line in report.open():
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder")
        if recorder is None:
            continue
        for case, interaction in recorder.get("interactions", {}).items():
            value = recorder["cases"][case]["value"]
            if interaction.get("response"):
                answers[f"{value['method']} {value['path']}", interaction["response"]["status_code"]] += 1
    return answers


if __name__ == "__main__":
    main()
