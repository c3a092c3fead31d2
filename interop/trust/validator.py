"""libdigidocpp, the Estonian reference library, with one trusted list as its only trust.

Every use is a process of its own: the library keeps the first list that it reads, and holds Python's lock while it waits
for a server."""

import multiprocessing
import os
import pathlib
import shutil
import sys
import tempfile
import traceback
from dataclasses import dataclass

# Profiles: long term, and with an archive time-stamp over all that.
LT, LTA = "time-stamp", "time-stamp-archive"
PKCS1 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
PSS = "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"


class Refused(Exception):
    """What the library has against it, and what it logged about the lists."""


@dataclass(frozen=True)
class Trust:
    """All that the library is told to trust, and where the time-stamps are."""

    list_url: str
    signer: bytes
    time_stamps: str
    schemas: str


def sign(trust, account, container, method=PKCS1, profile=LT):
    """Makes a container with one document in it and a signature."""
    return _alone(_sign, trust, account, str(container), method, profile)


def validate(trust, container, policy="POLv2"):
    """Returns the signature's profile, signer, time-stamp's time and OCSP answer's time."""
    return _alone(_validate, trust, str(container), policy)


def _sign(library, account, container, method, profile):
    document = pathlib.Path(container).with_suffix(".txt")
    document.write_text("I owe you 10 euros.\n")
    signer = library.ExternalSigner(account.certificate)
    signer.set_profile(profile)
    signer.set_method(method)
    made = library.Container.create(container)
    made.add_data_file(str(document), "text/plain")
    signature = made.prepare_signature(signer)
    signature.set_signature_value(account.sign(signature.data_to_sign(), signature.signature_method()))
    signature.extend_signature_profile(signer)
    made.save()


def _validate(library, container, policy):
    opened = library.Container.open(container)
    (signature,) = opened.signatures()
    signature.validate(policy)
    profile = signature.profile().removeprefix("BES/")
    return profile, signature.signing_certificate(), signature.time_stamp_time(), signature.ocspproduced_at()


def _alone(function, trust, *arguments):
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_child, args=(theirs, function, trust, arguments))
    process.start()
    theirs.close()
    try:
        if not ours.poll(60):
            raise RuntimeError(f"libdigidocpp did not finish {function.__name__}")
        outcome, value = ours.recv()
    except EOFError:
        raise RuntimeError(f"libdigidocpp crashed in {function.__name__}") from None
    finally:
        process.kill()
        process.join()
    if outcome == "refused":
        raise Refused(value)
    if outcome == "failed":
        raise RuntimeError(value)
    return value


def _child(pipe, function, trust, arguments):
    with tempfile.TemporaryDirectory() as folder:
        # No settings of the person who runs this.
        os.environ["HOME"] = folder
        log = pathlib.Path(folder, "log")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
        try:
            try:
                value = "done", function(_library(trust, folder, log), *arguments)
            # The binding has no exception of its own, and nothing else here raises this one.
            except RuntimeError as error:
                value = "refused", f"{error}\n{_about_lists(log)}"
        except BaseException:
            value = "failed", traceback.format_exc()
        pipe.send(value)


def _library(trust, folder, log):
    import pydigidoc
    from pydigidoc import digidoc

    for source in pathlib.Path(pydigidoc.__file__).parent / "schema", trust.schemas:
        shutil.copytree(source, folder, dirs_exist_ok=True)
    settings = digidoc.DigiDocConf(folder)
    settings.thisown = False
    digidoc.Conf.init(settings)
    settings.set_log_level(4)
    settings.set_log_file(str(log))
    settings.set_tslurl(trust.list_url)
    settings.set_tslcert(trust.signer)
    settings.set_tsurl(trust.time_stamps)
    digidoc.initialize_lib("trust", folder)
    return digidoc


def _about_lists(log):
    return "\n".join(line for line in log.read_text().splitlines() if "[TSL.cpp" in line)
