#!/usr/bin/env python3
"""Every test that dataplane/net/CONFORMANCE.md names exists.

  check_table.py  exit 1 with a line for each name that no source has

A test cell reads: `file.cc` Name, Name; `other_test.cc` Name. Names are those of SCRIPT(Name) or of TEST(Suite, Name).
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TABLE = ROOT / "dataplane" / "net" / "CONFORMANCE.md"
FOLDERS = [ROOT / "tests" / "conformance" / "scripts", ROOT / "dataplane" / "net", ROOT / "tests" / "sim"]
DEFINITION = re.compile(r"\b(?:SCRIPT\((\w+)\)|TEST(?:_F|_P)?\(\w+,\s*(\w+)\))")


def names_in(file):
    for folder in FOLDERS:
        if (folder / file).exists():
            return {script or test for script, test in DEFINITION.findall((folder / file).read_text())}
    return None


def test_cells():
    """(line number, cell) of each row whose last column names tests."""
    for number, line in enumerate(TABLE.read_text().splitlines(), 1):
        if line.startswith("|") and ".cc`" in line:
            yield number, line.rstrip("|").rsplit("|", 1)[1]


def problems():
    rows = 0
    for number, cell in test_cells():
        rows += 1
        for file, rest in re.findall(r"`(\w+\.cc)`([^`]*)", cell):
            known = names_in(file)
            if known is None:
                yield f"{TABLE.name}:{number}: no file {file}"
                continue
            wanted = re.findall(r"\w+", rest)
            if not wanted:
                yield f"{TABLE.name}:{number}: no test of {file} is named"
            for name in wanted:
                if name not in known:
                    yield f"{TABLE.name}:{number}: {file} has no {name}"
    if rows == 0:
        yield f"{TABLE.name}: no row names a test"


def main():
    found = list(problems())
    print("\n".join(found) or "every test named exists")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
