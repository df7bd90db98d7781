"""The reference of the two configuration files: comments and defaults from configs/*.yaml, types and bounds from the
code that reads them. A key that stands in one and not in the other is an error."""
import re

from cpp_tables import code, read, table

HEADER = "<!-- Made by docs/generate.py; change configs/{file} or {source} instead. -->\n"
KEY = re.compile(r"^(?P<pad> *)(?P<off># )?(?P<key>[a-z_]+):(?: (?P<value>[^#]*?))? *$")


def annotated_keys(path):
    """(dotted key, default or None when commented out or a section, comment) for each key of an annotated file.

    A comment belongs to the key below it. A key that is itself commented out ends the comment above it."""
    out, section, comment = [], "", []
    for line in read(path).split("\n"):
        match = KEY.match(line)
        commented = match and match["off"] and comment and comment[-1].endswith((".", ")"))
        if match and (not match["off"] or commented):
            pad, key, value = match["pad"], match["key"], match["value"]
            dotted = f"{section}.{key}" if pad and section else key
            if not pad and not value:
                section = key
                comment = []
                continue
            out.append((dotted, None if commented else value or "", " ".join(comment)))
            comment = []
        elif line.strip().startswith("- ") and out:
            key, value, text = out[-1]
            out[-1] = (key, f"[{', '.join([*filter(None, [value.strip('[]')]), line.strip()[2:]])}]", text)
        elif line.strip().startswith("#   "):
            continue  # an example
        elif line.strip().startswith("#"):
            comment.append(line.strip()[1:].strip())
        else:
            comment = []
    return out


# ---- dataplane/agent/bootstrap.cc

TYPES = {
    "dns_name": "DNS name", "device_name": "network device name, 15 bytes at most", "absolute_path": "absolute path",
    "socket_path": "absolute path, 107 bytes at most", "one_a_family": "list of IP addresses, one a family",
    "text": "text", "boolean": "true or false", "host_port": "HOST:PORT", "endpoint": "ADDRESS:PORT",
    "address": "IP address", "prefix": "ADDRESS/LENGTH", "interface_address": "ADDRESS/LENGTH",
    "route": "`{destination: PREFIX, via: ADDRESS or host}`",
}


def bound(text):
    """C++ bounds as a person writes them: us(0) -> 0us, 64 * kMiB -> 64MiB, h(24 * 90) -> 2160h."""
    text = text.strip()
    if match := re.fullmatch(r"(us|ms|s|h)\(([\d *]+)\)", text):
        return f"{eval(match[2])}{match[1]}"  # digits and '*' only, by the pattern
    if match := re.fullmatch(r"(?:([\d]+) \* )?k(KiB|MiB|GiB)", text):
        return f"{match[1] or 1}{match[2]}"
    if match := re.fullmatch(r"1 << (\d+)", text):
        return str(1 << int(match[1]))
    return text


def dataplane_type(reader):
    if match := re.search(r"one_of<\w+>\(\s*\{(.*)\}\)", reader, re.S):
        return " or ".join(code(word) for word in re.findall(r'\{"(\w+)"', match[1]))
    if match := re.search(r"\.(integer|duration|bytes)\(((?:[^()]|\([^()]*\))*)\)", reader):
        least, most = (bound(b) for b in match[2].split(", "))
        kind = {"integer": "number", "duration": "duration", "bytes": "size"}[match[1]]
        return ("list of numbers" if "each<" in reader else kind) + f", {least} to {most}"
    if match := re.search(r"each<\w+>\(v, (?:\[\]\(const Value& i\) \{ return i\.)?(\w+)", reader):
        return "list of " + TYPES[match[1]]
    match = re.search(r"= (?:v\.)?(\w+)\(", reader)
    return TYPES[match[1]]


def dataplane_fields():
    """{key: (type, required)} of the data plane's file."""
    source = read("dataplane/agent/bootstrap.cc")
    body = source[source.index("kFields[] = {"):source.index("std::string known_under")]
    parts = re.split(r'\n    \{"([a-z_.]+)",', body)[1:]
    return {key: (dataplane_type(reader), reader.rstrip().endswith((", true},", ", true},\n};")))
            for key, reader in zip(parts[::2], parts[1::2])}


# ---- controlplane/bootstrap.cc

def controlplane_type(name, arguments):
    bounds = {"zero": "0s", "hour": "1h", "second": "1s", "year": "8760h"}
    parts = [bounds.get(a.strip(), a.strip()) for a in arguments.split(",")]
    return {"text": "text", "texts": "list of text", "endpoint": "ADDRESS:PORT", "log_format": "`text` or `json`",
            "level": "`debug` or `info` or `warning` or `error`",
            "duration": f"duration, {parts[1]} to {parts[2]}" if len(parts) > 2 else "",
            "number": f"number, {parts[1]} to {parts[2]}" if len(parts) > 2 else ""}[name]


def controlplane_fields():
    source = read("controlplane/bootstrap.cc")
    body = source[source.index("  return {\n      {\"config\""):source.index("class Reader")]
    out, section = {}, ""
    for match in re.finditer(r'\{"(\w+)", (?:\{|(\w+)\(([^()]*)\))', body):
        if match[2] is None:
            section = match[1]
        else:
            out[f"{section}.{match[1]}"] = (controlplane_type(match[2], match[3]), False)
    return out


def rows_of(path, fields):
    keys = annotated_keys(path)
    named = [key for key, _, _ in keys]
    for missing in [k for k in fields if k not in named]:
        raise SystemExit(f"{path}: does not explain {missing}, which the code reads")
    for unknown in [k for k in named if k not in fields]:
        raise SystemExit(f"{path}: explains {unknown}, which the code does not read")
    for key, value, comment in keys:
        kind, required = fields[key]
        required = required or comment.startswith("Required.")
        derived = re.search(r"Default: ([a-z_.]+\w)", comment)
        default = "**required**" if required else derived and f"as `{derived[1]}`" or code(value) or "none"
        yield code(key), kind, default, re.sub(r"^Required\. |Default: [a-z_.]+\w(, as [^.]*)?\. ?", "", comment).strip()


def page(title, intro, file, source, fields):
    return (HEADER.format(file=file, source=source) + f"# {title}\n\n{intro}\n\n" +
            table(["key", "type", "default", "meaning"], rows_of(f"configs/{file}", fields)))


def dataplane_config():
    return page("Configuration of weft-dataplane",
                "`weft-dataplane --config FILE`, default `/etc/weft/dataplane.yaml`. Read once, at start; a change needs a "
                "restart. Read strictly:\nan unknown key, a second key of the same name, a value without unit, a wrong "
                "unit or a value out of range is an error\n`FILE:LINE:COLUMN: KEY: what is wrong`, and the program ends "
                "with exit code 2. Durations: `us`, `ms`, `s`, `m`, `h`. Sizes: `B`,\n`KiB`, `MiB`, `GiB`. Whole numbers "
                "only. `weft-dataplane --check --config FILE` reads the file and starts nothing.\nTuning profiles to start "
                "from: `configs/profiles/`.", "dataplane.yaml", "dataplane/agent/bootstrap.cc", dataplane_fields())


def controlplane_config():
    return page("Configuration of weft-controlplane",
                "`weft-controlplane --config FILE`. Without the flag the defaults hold, and `--config-directory` must be "
                "given. Flags count\nmore than the file (see [cli.md](cli.md)). SIGHUP reads `ca.workload_ttl`, "
                "`ca.max_workload_ttl`, `log.level` and `log.format`\nagain; a file that is then wrong is reported and "
                "changes nothing. The rest needs a restart. Read strictly, as the data plane's.\nDurations: `ms`, `s`, `m`, `h`.",
                "controlplane.yaml", "controlplane/bootstrap.cc", controlplane_fields())
