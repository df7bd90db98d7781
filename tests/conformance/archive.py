#!/usr/bin/env python3
"""One self-contained static archive from an adapter and the libraries below it, with few names outside.

  archive.py OUTPUT --keep PATTERN... --whole ARCHIVE... --link ARCHIVE... --packages NAME...

Whole archives go in as they are, of the others the members that are needed; pkg-config says which static archives the
packages are. Names that match no PATTERN (of the demangled name, whole) become local: a harness may bring its own copy
of any library.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def static_archives(packages):
    """The packages' archives by path. System libraries (-lrt, -latomic) are not part of them."""
    places = run("pkg-config", "--static", "--libs-only-L", "--keep-system-libs", *packages).split()
    folders = [pathlib.Path(word[2:]) for word in places] or [pathlib.Path("/usr/lib")]
    names = dict.fromkeys(w[2:] for w in run("pkg-config", "--static", "--libs-only-l", *packages).split()
                          if w.startswith("-labsl"))
    return [path for name in names for folder in folders if (path := folder / f"lib{name}.a").exists()]


def defined_names(object_file, kinds=""):
    rows = (line.split() for line in run("nm", "--defined-only", str(object_file)).splitlines())
    return [row[-1] for row in rows if row[-2] in kinds or (not kinds and row[-2].isupper())]


def kept_names(object_file, patterns):
    names = defined_names(object_file)
    plain = run("c++filt", *names).splitlines()
    return [name for name, text in zip(names, plain) if any(re.fullmatch(p, text) for p in patterns)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("output", type=pathlib.Path)
    for list_name in ("keep", "whole", "link", "packages"):
        parser.add_argument(f"--{list_name}", nargs="+", default=[])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        whole = pathlib.Path(folder) / "all.o"
        closed = pathlib.Path(folder) / (arguments.output.stem.removeprefix("lib") + ".o")
        # Groups (COMDAT) are resolved now: a harness's copies of the same inline functions are its own affair.
        run("ld", "-r", "--force-group-allocation", "-o", str(whole),
            "--whole-archive", *arguments.whole, "--no-whole-archive",
            "--start-group", *arguments.link, *map(str, static_archives(arguments.packages)), "--end-group")
        names = kept_names(whole, arguments.keep)
        if not names:
            sys.exit(f"archive.py: nothing matches {arguments.keep}")
        # STB_GNU_UNIQUE cannot become local in one step: weak first.
        run("objcopy", *(f"--weaken-symbol={name}" for name in defined_names(whole, "u")), str(whole))
        run("objcopy", *(f"--keep-global-symbol={name}" for name in names), str(whole), str(closed))
        arguments.output.unlink(missing_ok=True)
        run("ar", "rcsD", str(arguments.output), str(closed))


if __name__ == "__main__":
    main()
