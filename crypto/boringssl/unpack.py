#!/usr/bin/env python3
"""Unpack what we compile of BoringSSL from the pinned grpcio source package, which carries it whole.

  unpack.py SDIST FOLDER   nothing is done when FOLDER is of the same package already
"""
import pathlib
import shutil
import sys
import tarfile

ROOT = "third_party/boringssl-with-bazel/"
FOLDERS = ("crypto/", "gen/", "include/", "ssl/", "third_party/fiat/")
SUFFIXES = (".h", ".cc", ".inc", "-linux.S", "_mul.S", "_square.S", "_sqr.S")


def wanted(name):
    return name.startswith(FOLDERS) and name.endswith(SUFFIXES) and not name.endswith("_test.cc")


def main(sdist, folder):
    stamp = folder / "unpacked"
    if stamp.exists() and stamp.read_text() == sdist.name:
        return
    shutil.rmtree(folder, ignore_errors=True)
    with tarfile.open(sdist) as archive:
        for member in archive:
            name = member.name.partition(ROOT)[2]
            if member.isfile() and wanted(name):
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.extractfile(member).read())
    stamp.write_text(sdist.name)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
