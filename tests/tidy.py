#!/usr/bin/env python3
"""The architecture as a unit test: who includes whom, no dead header, lengths that may only shrink, words that stay out.

  tidy.py            check; exit 1 with file:line for each finding
  tidy.py --ratchet  rewrite tests/tidy_lengths.txt with today's lengths, where they shrank or are new
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LENGTHS = ROOT / "tests" / "tidy_lengths.txt"
FILE_LINES, FUNCTION_LINES = 300, 70

# A room and the rooms it may include besides itself; in layer order, nothing points up.
ROOMS = {
    "base": set(),
    "mesh": {"base"},
    "crypto": {"base"},
    "dataplane/net": {"base"},
    "dataplane/tls": {"base", "crypto"},
    "dataplane/proxy": {"base", "mesh", "crypto", "dataplane/net", "dataplane/tls"},
    "dataplane/worker": {"base", "mesh", "crypto", "dataplane/net", "dataplane/tls",
                         "dataplane/proxy"},
    "dataplane/nic": {"base", "dataplane/net"},
    "dataplane/agent": {"base", "mesh", "crypto"},
    "controlplane/config": {"base", "mesh", "crypto"},
    "controlplane/registry": {"base", "mesh", "crypto", "controlplane/config"},
    "controlplane/ca": {"base", "mesh", "crypto", "controlplane/config", "controlplane/registry"},
    "controlplane/xds": {"base", "mesh", "crypto", "controlplane/config", "controlplane/registry", "controlplane/ca"},
    "cni": {"base", "mesh"},
    "cli": {"base", "mesh", "crypto"},
}
MAINS = {"dataplane", "controlplane", "tests", "perf"}  # glue: may include every room

# A library and where its headers may be seen: (pattern, rooms, only in .cc files).
LIBRARIES = [
    (r"rte_", {"dataplane/nic"}, False),
    (r"openssl/", {"crypto"}, True),  # BoringSSL too: its headers have the same names
    (r"(intel-)?ipsec-mb", {"crypto"}, True),
    (r"grpcpp?/", {"dataplane/agent", "controlplane/xds", "controlplane/ca", "controlplane", "cni", "cli"}, False),
    (r"google/protobuf|envoy/|xds/|(\w+/)*\w+\.pb\.h", {"mesh", "dataplane/agent", "controlplane/config",
        "controlplane/registry", "controlplane/xds", "controlplane/ca", "controlplane", "cni", "cli"}, False),
    (r"re2/", {"mesh", "controlplane/config"}, False),
    (r"yaml-cpp", {"dataplane/agent", "controlplane/config", "controlplane"}, False),
    (r"spdlog|CLI/", {"dataplane", "controlplane", "cni", "cli"}, False),
]


PRIVATE_HEADERS = {"openssl_support", "boringssl_support"}  # of one room's .cc files only


def sources():
    for path in sorted(ROOT.rglob("*")):
        relative = path.relative_to(ROOT)
        if path.suffix in (".h", ".cc") and not relative.parts[0].startswith((".", "build")):
            yield path, relative


def room_of(relative):
    folder = str(relative.parent)
    while folder not in ROOMS and "/" in folder:
        folder = folder.rsplit("/", 1)[0]
    return folder if folder in ROOMS or folder in MAINS else folder.split("/")[0]


def is_test(relative):
    return relative.stem.endswith(("_test", "_fuzz", "_bench")) or relative.parts[0] in ("tests", "perf")


def check_include(room, relative, target):
    """Why this include is wrong, or None."""
    for pattern, rooms, only_cc in LIBRARIES:
        if re.match(pattern, target):
            if is_test(relative):
                return None
            if room not in rooms:
                return f"{target}: {room}/ may not include it"
            if only_cc and relative.suffix == ".h" and relative.stem not in PRIVATE_HEADERS:
                return f"{target}: only .cc files may include it"
            if room == "mesh" and "google/protobuf" in pattern and not relative.stem.startswith("xds_"):
                return f"{target}: in mesh/ only xds_* may include protobuf"
            return None
    target_room = room_of(pathlib.PurePosixPath(target))
    if target_room not in ROOMS or target_room == room or room in MAINS or is_test(relative):
        return None
    if target_room not in ROOMS.get(room, set()):
        return f"{target}: {room}/ is not above {target_room}/"
    return None


FUNCTION = re.compile(r"^(?!namespace|class|struct|enum|union|extern|using|static_assert|TEST|#|//|\})\w.*\(.*[^;]$")


def long_functions(lines):
    """(first line, length) of each function that begins at column 0, up to its closing brace there."""
    start = None
    for number, line in enumerate(lines, 1):
        if line.startswith("}"):
            if start is not None:
                yield start, number - start + 1
            start = None
        elif start is None and FUNCTION.match(line):
            start = number


def measure():
    """{key: length} of what is longer than the limits."""
    found = {}
    for path, relative in sources():
        lines = path.read_text().split("\n")
        if len(lines) > FILE_LINES:
            found[f"{relative}"] = len(lines)
        for start, length in long_functions(lines):
            if length > FUNCTION_LINES:
                name = re.sub(r"\s+", " ", lines[start - 1]).strip(" {")[:60]
                found[f"{relative}: {name}"] = length
    return found


def allowed_lengths():
    if not LENGTHS.exists():
        return {}
    rows = (line.rsplit(" = ", 1) for line in LENGTHS.read_text().splitlines() if line and not line.startswith("#"))
    return {key: int(value) for key, value in rows}


def check_text(relative, lines):
    for number, line in enumerate(lines, 1):
        if re.search(r"\b(TODO|FIXME|XXX)\b", line) and relative.name != "tidy.py":
            yield f"{relative}:{number}: unfinished: {line.strip()[:80]}"
        if len(line) > 120:
            yield f"{relative}:{number}: {len(line)} columns"


def check_sources():
    included, headers = set(), set()
    for path, relative in sources():
        lines = path.read_text().split("\n")
        room = room_of(relative)
        if relative.suffix == ".h":
            headers.add(str(relative))
            if "#pragma once" not in lines:
                yield f"{relative}:1: no #pragma once"
        for number, line in enumerate(lines, 1):
            match = re.match(r'#include [<"]([^>"]+)[>"]', line)
            if match:
                included.add(match.group(1))
                problem = check_include(room, relative, match.group(1))
                if problem:
                    yield f"{relative}:{number}: {problem}"
        yield from check_text(relative, lines)
    for header in sorted(headers - included):
        yield f"{header}:1: nobody includes it"


def check_built():
    """Every .cc is named by a meson.build of its folder or above."""
    texts = {}
    for _, relative in sources():
        if relative.suffix != ".cc":
            continue
        names = []
        for folder in [relative.parent, *relative.parent.parents]:
            build = ROOT / folder / "meson.build"
            if build not in texts:
                texts[build] = build.read_text() if build.exists() else ""
            names.append(texts[build])
        if not any(relative.stem in text for text in names):
            yield f"{relative}:1: no meson.build names it"


def main():
    measured, allowed = measure(), allowed_lengths()
    if "--ratchet" in sys.argv:
        keep = {key: min(length, allowed.get(key, length)) for key, length in measured.items()}
        LENGTHS.write_text("# Longer than a screen or two, and why not longer: these may only shrink (tidy.py --ratchet).\n" +
                           "".join(f"{key} = {length}\n" for key, length in sorted(keep.items())))
        return 0
    problems = [*check_sources(), *check_built()]
    problems += [f"{key}: {length} lines, at most {allowed.get(key, FILE_LINES if ': ' not in key else FUNCTION_LINES)}"
                 for key, length in measured.items() if length > allowed.get(key, 0)]
    print("\n".join(problems) or "tidy")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
