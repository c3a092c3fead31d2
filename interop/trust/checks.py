"""All rows against a demo of our own, and how many passed."""

import pathlib
import sys
import tempfile

import rows_of_clients
import rows_of_containers
import rows_of_lists
import rows_of_ocsp
import rows_of_pdf
import rows_of_pyhanko
import rows_of_rollover
import outsider
import site_of_our_own as site
from product import Product
from scene import Scene

# The last one puts another CA into the place of the first.
ROWS = (
    rows_of_lists,
    rows_of_ocsp,
    rows_of_clients,
    rows_of_pyhanko,
    rows_of_pdf,
    rows_of_containers,
    rows_of_rollover,
)


class Checks:
    """Each check has a name. The first that fails ends the run."""

    def __init__(self):
        self.passed = 0

    def accepted(self, what, function, *arguments):
        try:
            value = function(*arguments)
        except Exception as error:
            raise SystemExit(f"FAILED {what}: {type(error).__name__}: {error}") from error
        self._pass(f"ok: {what}")
        return value

    def refused(self, what, reasons, function, *arguments):
        """The function must raise, and for these reasons rather than for a mistake of ours."""
        try:
            function(*arguments)
        except Exception as error:
            missing = [reason for reason in reasons if reason not in str(error)]
            if missing:
                raise SystemExit(f"FAILED {what}: not {missing}, but {type(error).__name__}: {error}") from error
        else:
            raise SystemExit(f"FAILED {what}: accepted")
        self._pass(f"refused: {what}")

    def equal(self, what, found, expected):
        if found != expected:
            raise SystemExit(f"FAILED {what}: {found}, not {expected}")
        self._pass(f"ok: {what}")

    def _pass(self, text):
        self.passed += 1
        print(f"  {text}", flush=True)


def main(schemas):
    checks = Checks()
    with site.running() as server, tempfile.TemporaryDirectory() as served, outsider.running(served) as stranger:
        scene = Scene(Product(server), stranger, pathlib.Path(served), schemas)
        for rows in ROWS:
            rows.run(checks, scene)
    print(f"trust: {checks.passed} checks passed")


if __name__ == "__main__":
    main(sys.argv[1])
