#!/usr/bin/python3
"""Runs a program on the captures of tcpdump's own tests, which come from Debian's source package.

Usage: tcpdump_corpus.py --cache FOLDER PROGRAM [ARGS]

The program finds the folder of captures in TAPLOOM_TCPDUMP_CORPUS. What was fetched once stays in --cache. Exit: the
program's, or 77 (skipped, for ctest) when the package cannot be had: no apt, no network. Nothing of the host's apt is
changed; no root is needed.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile

SKIPPED = 77
PACKAGE = "tcpdump"
PATIENCE_SECONDS = 60  # for each of apt's two steps
CAPTURE = re.compile(r"[^/]+/tests/[^/]+\.(pcap|pcapng|cap|dmp)$")


class Unavailable(Exception):
    """Why the corpus cannot be had."""


def source_lists(folder):
    """The host's Debian sources, asked for source packages instead of binary ones, as files in `folder`."""
    found = 0
    for file in sorted(pathlib.Path("/etc/apt/sources.list.d").glob("*.sources")):
        text = file.read_text()
        if re.search(r"^URIs:.*debian", text, re.MULTILINE | re.IGNORECASE):
            (folder / file.name).write_text(re.sub(r"^Types:.*$", "Types: deb-src", text, flags=re.MULTILINE))
            found += 1
    main = pathlib.Path("/etc/apt/sources.list")
    lines = re.findall(r"^deb(\s.*\bdebian\b.*)$", main.read_text() if main.exists() else "", re.MULTILINE)
    if lines:
        (folder / "main.list").write_text("".join(f"deb-src{line}\n" for line in lines))
        found += 1
    if not found:
        raise Unavailable("/etc/apt names no Debian sources")


def apt(folder, *words):
    """apt-get with lists, cache and sources of its own, in `folder`."""
    for name in ("lists/partial", "cache/archives/partial", "sources"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    options = {"Dir::Etc::sourcelist": "/dev/null", "Dir::Etc::sourceparts": folder / "sources",
               "Dir::State::lists": folder / "lists", "Dir::Cache": folder / "cache",
               "APT::Sandbox::User": "", "Acquire::Retries": "0", "Acquire::http::Timeout": "20"}  # fmt: skip
    command = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in options.items()), *words]
    try:
        result = subprocess.run(command, cwd=folder, text=True, capture_output=True, timeout=PATIENCE_SECONDS)
    except FileNotFoundError as error:
        raise Unavailable("there is no apt-get") from error
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"apt-get {words[0]} does not end") from error
    if result.returncode != 0:
        raise Unavailable(f"apt-get {words[0]}: {result.stderr.strip() or result.stdout.strip()}")


def fetch(corpus):
    """Makes the folder `corpus`: complete, or not at all."""
    corpus.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=corpus.parent) as name:
        folder = pathlib.Path(name)
        (folder / "sources").mkdir()
        source_lists(folder / "sources")
        apt(folder, "update")
        apt(folder, "source", "--download-only", PACKAGE)
        archives = list(folder.glob(f"{PACKAGE}_*.orig.tar.*"))
        if not archives:
            raise Unavailable(f"the source package of {PACKAGE} has no upstream archive")
        captures = folder / "captures"
        captures.mkdir()
        with tarfile.open(archives[0]) as archive:
            for member in archive:
                if member.isfile() and CAPTURE.fullmatch(member.name):
                    (captures / pathlib.PurePath(member.name).name).write_bytes(archive.extractfile(member).read())
        if not corpus.exists():  # another test may have been faster
            captures.rename(corpus)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=pathlib.Path, required=True, help="where the captures are kept")
    parser.add_argument("program", nargs=argparse.REMAINDER, help="what reads them")
    arguments = parser.parse_args()
    corpus = arguments.cache / f"{PACKAGE}-captures"
    try:
        if not corpus.exists():
            fetch(corpus)
    except (Unavailable, OSError, tarfile.TarError) as error:
        print(f"SKIPPED: the captures of {PACKAGE}'s tests cannot be had: {error}", file=sys.stderr)
        return SKIPPED
    return subprocess.run(arguments.program, env=os.environ | {"TAPLOOM_TCPDUMP_CORPUS": corpus}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
