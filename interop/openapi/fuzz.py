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
    parser.add_argument("--work", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    problems = []
    with site.demo() as (url, folder):
        phone = site.Phone(folder, url, "PNOEE-40504040001")
        client = scenario.Client(url)
        world = {
            "relying_parties": [site.RELYING_PARTY],
            "names": [site.RELYING_PARTY_NAME],
            "people": [phone.person],
            "documents": [phone.document],
        }
        for name in DOCUMENTS:
            # They can be signed after as long as the phone waits, which begins now.
            world["choices"] = [scenario.choice_by_link(client, phone, f"choice {number}") for number in range(5)]
            problems += generate(name, url, world, arguments.seconds // len(DOCUMENTS), arguments.work)
            problems += [
                f"{name}: nothing was found although the document lied about {lie}"
                for lie in ("statuses", "bodies", "requests")
                if schemathesis(name, url, world | {"lie": lie}, 20, arguments.work, "--phases", "examples", quiet=True)
            ]
    print("\n".join(problems), end="\n" if problems else "")
    sys.exit(1 if problems else 0)


def generate(name, url, world, seconds, work):
    """What is wrong with one interface."""
    report = work / f"{name}.ndjson"
    report.unlink(missing_ok=True)
    passed = schemathesis(
        name, url, world, seconds, work, "--report", "ndjson", "--report-ndjson-path", str(report)
    )
    answers = answers_by_operation(report)
    operations = json.loads((site.ROOT / f"docs/openapi/{name}.json").read_text())["paths"]
    statuses = collections.Counter()
    for (_, status), count in answers.items():
        statuses[status] += count
    listed = ", ".join(f"{count} of {status}" for status, count in sorted(statuses.items()))
    print(f"{name}: {len(operations)} operations, {sum(statuses.values())} requests answered: {listed}")
    # Accounts have no private identifiers: 404 is the best that these can give.
    expected = [path for path in operations if "/private/" not in path]
    silent = [path for path in expected if not any(key[0].endswith(f" {path}") and key[1] == 200 for key in answers)]
    problems = [] if passed else [f"{name}: see above"]
    return problems + [f"{name}: no success at {path}" for path in silent]


def schemathesis(name, url, world, seconds, work, *more, quiet=False):
    """Whether nothing was found."""
    environment = dict(
        os.environ, OPENAPI_WORLD=json.dumps(world), SCHEMATHESIS_HOOKS="hooks", PYTHONPATH=str(pathlib.Path(__file__).parent)
    )
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
            *more,
        ],
        env=environment,
        # It leaves a cache there.
        cwd=work,
        stdout=subprocess.DEVNULL if quiet else None,
        stderr=subprocess.DEVNULL if quiet else None,
    )
    # Findings are 1; anything else is trouble of its own.
    if done.returncode not in (0, 1):
        raise RuntimeError(f"schemathesis ended with {done.returncode}")
    return done.returncode == 0


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
