#!/usr/bin/env python3
"""The references in docs/reference/, made from the sources, and the checks that keep the written pages true.

  generate.py           write docs/reference/*.md
  generate.py --check   exit 1 if one of them is stale, or a written page names what does not exist
"""
import json
import re
import sys

import cli_page
import config_pages
import table_pages
from cpp_tables import ROOT

PAGES = {
    "dataplane-config.md": config_pages.dataplane_config, "controlplane-config.md": config_pages.controlplane_config,
    "metrics.md": table_pages.metrics, "drops.md": table_pages.drops, "cli.md": cli_page.cli,
    "xds-support.md": table_pages.xds_support,
}
WRITTEN = ["README.md", "ARCHITECTURE.md", "STYLE.md", "docs/operations.md"]
REFERENCE = ROOT / "docs" / "reference"
# Folders of the repository: a path in a written page that begins with one of them must exist.
FOLDERS = "base|cli|cni|configs|controlplane|crypto|dataplane|docs|mesh|perf|scripts|tests"
METRIC = re.compile(r"\b(?:weft|pilot|citadel|istio|istiod|envoy)_[a-z_]+\b")
MAY_BE_MADE = ("tests/tidy_lengths.txt",)


def check_paths(name, text):
    for path in re.findall(r"`((?:" + FOLDERS + r")/[\w./*-]*)`", text):
        if not list(ROOT.glob(path.rstrip("/"))) and path not in MAY_BE_MADE:
            yield f"{name}: `{path}` does not exist"
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        if not ((ROOT / name).parent / target).exists():
            yield f"{name}: the link {target} leads nowhere"


def check_names(name, text):
    known = table_pages.metric_names()
    for metric in set(METRIC.findall(text)):
        if metric not in known and not any(k.startswith(metric) for k in known):
            yield f"{name}: there is no metric {metric}"
    verbs = cli_page.verbs()
    for verb in set(re.findall(r"`weftctl (?:-o json )?([a-z]+)", text)):
        if verb not in verbs:
            yield f"{name}: weftctl has no verb {verb}"
    keys = {**config_pages.dataplane_fields(), **config_pages.controlplane_fields()}
    sections = {key.split(".")[0] for key in keys if "." in key}
    for key in set(re.findall(r"`([a-z_]+\.[a-z_]+)(?:: [^`]*)?`", text)):
        if key.split(".")[0] in sections and key not in keys and not key.endswith((".cc", ".h", ".py", ".yaml", ".md")):
            yield f"{name}: there is no configuration key {key}"


def check_runbook(text):
    """The runbook has a line for every way a connection may end."""
    for _, reason in table_pages.end_reasons():
        if reason not in text:
            yield f"docs/operations.md: says nothing about '{reason}'"


def check_layers(text):
    """The diagram of rooms is what tests/tidy.py enforces, as far as the rooms exist."""
    sys.path.append(str(ROOT / "tests"))
    import tidy
    drawn = {room: set(may.split(", ")) for room, may in re.findall(r"^[ a-z]* ([a-z/]+): ([a-z/, ]*[a-z])(?:  .*)?$", text, re.M)}
    enforced = {room: {m for m in may if (ROOT / m).is_dir()} for room, may in tidy.ROOMS.items() if may and (ROOT / room).is_dir()}
    for room in sorted(set(drawn) ^ set(enforced)):
        yield f"ARCHITECTURE.md: the diagram and tests/tidy.py differ about {room}"
    for room in sorted(set(drawn) & set(enforced)):
        if drawn[room] != enforced[room]:
            yield f"ARCHITECTURE.md: {room} may include {', '.join(sorted(enforced[room]))}"


def check_conflist():
    """A runtime gives each plugin its own object, with the list's name and version."""
    name = "configs/cni/10-weft.conflist"
    network = json.loads((ROOT / name).read_text())
    for plugin in network["plugins"]:
        for key in {"cniVersion": network["cniVersion"], "name": network["name"], **plugin}:
            if plugin["type"] == "weft-cni" and key not in cli_page.cni_keys():
                yield f"{name}: weft-cni does not know {key}"


def check():
    for name, make in PAGES.items():
        path = REFERENCE / name
        if not path.exists() or path.read_text() != make():
            yield f"docs/reference/{name} is stale: run docs/generate.py"
    for name in WRITTEN:
        text = (ROOT / name).read_text()
        yield from check_paths(name, text)
        yield from check_names(name, text)
        if name == "docs/operations.md":
            yield from check_runbook(text)
        if name == "ARCHITECTURE.md":
            yield from check_layers(text)
    yield from check_conflist()


def main():
    if "--check" in sys.argv[1:]:
        problems = list(check())
        print("\n".join(problems) or "docs: true")
        return 1 if problems else 0
    REFERENCE.mkdir(exist_ok=True)
    for name, make in PAGES.items():
        (REFERENCE / name).write_text(make())
    return 0


if __name__ == "__main__":
    sys.exit(main())
