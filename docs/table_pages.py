"""The references made of tables in the code: metrics, drops and refusals, what of Envoy's API is read."""
import re

from cpp_tables import calls, code, is_raised, read, snake, split_arguments, table, text_of, tokens, x_macro

MADE = "<!-- Made by docs/generate.py from the tables in the code. -->\n"
LABELS = {"pod": "namespace, pod", "labels": "namespace, pod, type", "identity": "resource_name, identity"}


# ---- metrics

def agent_metrics():
    """out.add({"name", "help", MetricKind::kX, labels, value}) of the admin page."""
    for arguments in calls(read("dataplane/agent/admin_pages.cc"), "add"):
        if not arguments or arguments[0][:1] != [("mark", "{")]:
            continue
        name, help_text, kind, labels, *_ = split_arguments(iter(arguments[0][1:]), close="}")
        literal = ", ".join(value for (_, before), (k, value) in zip(labels, labels[1:]) if k == "text" and before == "{")
        yield (text_of(name), "counter" if "Counter" in text_of(kind) else "gauge",
               LABELS.get(text_of(labels), literal), text_of(help_text).rstrip("."))


def worker_metrics():
    """add_metric(...) and gauge(...) of the workers' introspection, and its counters by table."""
    source = read("dataplane/introspection.cc")
    for arguments in calls(source, "add_metric"):
        if len(arguments) > 3 and arguments[1][0][0] == "text" and "text" in {k for k, _ in arguments[2]}:
            if text_of(arguments[1]) in ("weft_tcp_", "weft_stack_"):
                continue
            texts = [value for kind, value in arguments[4] if kind == "text"] if len(arguments) > 4 else []
            yield text_of(arguments[1]), "counter", ", ".join(texts), text_of(arguments[2])
    for arguments in calls(source, "gauge"):
        if len(arguments) == 3 and arguments[0][0][0] == "text":
            yield text_of(arguments[0]), "gauge", "", text_of(arguments[1])
    for name, text in x_macro("dataplane/net/tcp_stats.h", "WEFT_TCP_STATS"):
        if not name.startswith("drop_"):
            yield f"weft_tcp_{name}_total", "counter", "", text
    for name, text in x_macro("dataplane/net/stack_counters.h", "WEFT_STACK_COUNTERS"):
        yield f"weft_stack_{name}_total", "counter", "", text


def control_metrics():
    for _, name, kind, text in x_macro("controlplane/xds/metrics.h", "WEFT_CONTROL_METRICS"):
        yield name, kind, "", text


def metrics():
    seen = {}
    for name, kind, labels, text in [*agent_metrics(), *worker_metrics()]:
        seen.setdefault(name, (code(name), kind, labels, text))
    return (MADE + "# Metrics\n\n## weft-dataplane\n\n`http://ADMIN/metrics` and `http://ADMIN/stats/prometheus`, where ADMIN is "
            "`admin.address` (default `127.0.0.1:15020`).\nReasons and layers of `weft_drops_total`, `weft_connection_ends_total` "
            "and `weft_connection_refusals_total`: [drops.md](drops.md).\n`type` is `cds`, `eds` or `lds`.\n\n" +
            table(["metric", "kind", "labels", "meaning"], [seen[k] for k in sorted(seen)]) +
            "\n## weft-controlplane\n\n`http://MONITORING/metrics`, where MONITORING is `listen.monitoring` (default port 15014). "
            "Names are istiod's where istiod\nhas the metric. A metric appears with its first value.\n\n" +
            table(["metric", "kind", "meaning"], [(code(n), k, t) for n, k, _, t in control_metrics()]))


def metric_names():
    return {row[0] for row in [*agent_metrics(), *worker_metrics(), *control_metrics()]}


# ---- drops

def worded(path, name):
    return [(code(text), text) for _, text in x_macro(path, name)]


def drop_sections():
    net = [(code(word), text) for _, word, text in x_macro("dataplane/net/drop_reason.h", "WEFT_NET_DROPS")]
    tcp = [(code(n[5:]), t) for n, t in x_macro("dataplane/net/tcp_stats.h", "WEFT_TCP_STATS") if n.startswith("drop_")]
    yield "Layer `net`: the packet layer", "", ["reason", "meaning"], net
    yield "Layer `tcp`", "", ["reason", "meaning"], tcp
    for layer, what, path, name in [
            ("worker", "between workers", "dataplane/worker/worker.h", "WEFT_WORKER_DROPS"),
            ("tap", "pod ports and the host port", "dataplane/nic/tap.h", "WEFT_TAP_DROPS"),
            ("uplink", "the wire's port, outgoing", "dataplane/nic/port.h", "WEFT_PORT_DROPS")]:
        yield f"Layer `{layer}`: {what}", "", ["reason"], [(row[0],) for row in worded(path, name)]


def end_reasons():
    return [row for row in x_macro("dataplane/proxy/end_reason.h", "WEFT_PROXY_ENDS")
            if is_raised(row[0], "dataplane/proxy")]


def end_sections():
    ends = [(code(snake(e)), t) for e, t in end_reasons()]
    refusals = [(code(snake(e)), t) for e, t in x_macro("mesh/decision.h", "WEFT_MESH_REFUSALS") if e != "kNone"]
    yield ("Ends of connections", "The log's and `weftctl explain`'s `reason`; the label of `weft_connection_ends_total`.",
           ["label", "reason"], ends)
    yield ("What the configuration refuses", "The first words of `detail` where the reason is `refused by configuration`, "
           "`refused by policy` or\n`closed: a new configuration denies it`; the label of `weft_connection_refusals_total`.",
           ["label", "detail"], refusals)
    tls = [(t, a if a != "255" else "") for e, t, a in x_macro("crypto/tls_failure.h", "WEFT_TLS_FAILURES") if e != "kNone"]
    yield ("TLS failures", "The `detail` where the reason is `TLS failed`, after `from the client: ` or `to the server: `. "
           "Alert: what we send where it is\nours to say; without a number the handshake has sent its own, or none is sent.",
           ["detail", "alert"], tls)
    closes = [(t,) for e, t in x_macro("dataplane/net/tcp_types.h", "WEFT_TCP_CLOSE_REASONS") if e != "kNone"]
    yield ("TCP's reasons", "The `detail` where a leg's TCP connection ended it.", ["detail"], closes)
    errors = [(t,) for _, t in x_macro("dataplane/net/tcp_types.h", "WEFT_TCP_CONNECT_ERRORS")]
    yield "Why no connection could be opened", "The `detail` of `no connection could be opened`.", ["detail"], errors


def control_sections():
    ca = [(t, s) for _, s, t in x_macro("controlplane/ca/signer.h", "WEFT_CA_REFUSALS")]
    yield ("Refused certificate requests", "`weft_ca_refusals{reason=...}`, and the `last_error` of `weftctl certs`. "
           "UNAVAILABLE is asked again.", ["reason", "gRPC status"], ca)
    yield ("Refused tokens", "gRPC status UNAUTHENTICATED.", ["reason"],
           [(t,) for _, t in x_macro("crypto/jwt.h", "WEFT_JWT_FAILURES")])
    problems = [(t, s[1:].lower()) for _, s, t in x_macro("controlplane/config/problem.h", "WEFT_PROBLEMS")]
    yield ("Problems of the configuration directory", "In the control plane's log with file, line and field; counted by "
           "`weft_config_problems`.", ["problem", "severity"], problems)


def drops():
    out = (MADE + "# Drops, refusals and ends, by name\n\nNothing dies without a name. Packets: `weftctl drops`, and "
           "`weft_drops_total{layer, reason}`. Connections: one log line each,\n`weftctl explain`, and the counters below.\n")
    for title, intro, header, rows in [*drop_sections(), *end_sections(), *control_sections()]:
        out += f"\n## {title}\n\n" + (intro + "\n\n" if intro else "") + table(header, rows)
    return out


# ---- Envoy's API

SUPPORT = {"kHonoured": "read", "kNoEffect": "no effect", "kNeedsHttp": "`needs HTTP`", "kNeedsHbone": "`needs HBONE`",
           "kNeedsDns": "`needs DNS`"}


def support_rows(name):
    source = read("mesh/xds_support_table.cc")
    words = dict(re.findall(r'#define (\w+) "([^"]*)"', source))
    words.update(re.findall(r'std::string_view (k\w+) = "([^"]*)"', source))
    body = source[re.search(name + r"\s*=\s*std::to_array", source).start():]
    items = tokens(body[body.index("({") + 2:])
    for kind, value in items:
        if (kind, value) == ("mark", "}"):
            return
        if (kind, value) == ("mark", "{"):
            yield ["".join(words.get(v, v) if k == "word" else v for k, v in a) for a in split_arguments(items, close="}")]


def short(name):
    return name.split(".v3.")[-1] if ".v3." in name else name


def xds_support():
    rows = []
    tables = re.findall(r"constexpr auto (k\w+Fields)\s*=", read("mesh/xds_support_table.cc"))
    for message, support, fields, *why in (row for name in tables for row in support_rows(name)):
        rows.append((code(short(message)), SUPPORT[support], ", ".join(map(code, fields.split())), (why or [""])[0]))
    places = [(re.sub(r"(?<!^)([A-Z])", r" \1", place.split("::k")[-1]).lower(), code(kind), SUPPORT[support], (why or [""])[0])
              for place, kind, support, *why in support_rows("kTypes")]
    return (MADE + "# What of Envoy's API is read\n\nOne table in the code (`mesh/xds_support_table.cc`) lists every field and extension "
            "that may be set in a listener, cluster or endpoint set.\nWhat is not in it, and is set, gets the resource NACKed, by "
            "resource and field: the others of the response take effect, and the bad\none's last good version stays. A listener "
            "that is NACKed and has no good version keeps its address: connections to it are refused.\nUnknown filters are NACKed, "
            "except those listed here as without effect.\n\n"
            "- **read**: it decides what happens.\n- **no effect**: accepted; changes neither who gets in nor where bytes go.\n"
            "- **`needs HTTP`**, **`needs HBONE`**: accepted; a connection that reaches it is closed under that name.\n"
            "- Clusters of type STRICT_DNS and LOGICAL_DNS whose endpoints are names: accepted; a connection is refused as "
            "`the cluster needs DNS`.\n- Load balancing: least request, round robin, random, and cluster provided for "
            "ORIGINAL_DST. Others are NACKed.\n- Types asked for: clusters, endpoints, listeners. Routes, secrets, extensions "
            "and name tables are not.\n\n## Extensions, by place\n\n" + table(["place", "type", "support", "why"], places) +
            "\n## Fields\n\nMessages without their package.\n\n" + table(["message", "support", "fields", "why"], rows))
