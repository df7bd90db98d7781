"""What weft-cni promises a container runtime (CNI 1.1): answers, errors, idempotence, and what DEL leaves (nothing)."""
import contextlib
import json

import rows
from capture import Capture
from mesh import Pod
from netns import wait_until
from programs import authorization_policy
from rows import SPIFFE, WEB, expect, refused, served
from scenario import applied, extra_pod, scenario


def error_of(answer, code, *words):
    """A CNI error of this code whose text says these words."""
    expect(answer.get("code") == code, f"code {code} was expected: {answer}")
    text = answer.get("msg", "") + " " + answer.get("details", "")
    for word in words:
        expect(word in text, f"{word!r} is not in {answer}")


def reserved(node):
    """{container: addresses} that host-local holds."""
    holders = {}
    for path in (node.directory / "ipam").glob("*/*"):
        if path.name[0].isdigit() or ":" in path.name:
            holders.setdefault(path.read_text().split()[0], []).append(path.name)
    return holders


def config_of(pod, **changes):
    return {**(pod.config or pod.node.cni_config()), **changes}


@scenario
def cni_add_twice_answers_the_same_with_one_address(mesh):
    with extra_pod(mesh, "twice") as pod:
        expect(pod.cni("ADD") == pod.result, "the second ADD answered otherwise")
        expect(len(reserved(pod.node)[pod.container]) == 2, f"addresses: {reserved(pod.node)[pod.container]}")
        shown = pod.run("ip", "-j", "address", "show", "dev", "eth0", "scope", "global").stdout
        held = [a["local"] for a in json.loads(shown)[0]["addr_info"] if a]
        expect(sorted(held) == sorted(pod.addresses), shown)


@scenario
def cni_add_gives_own_addresses_point_to_point_a_default_route_and_the_mtu(mesh):
    with extra_pod(mesh, "shape") as pod:
        link = json.loads(pod.run("ip", "-j", "link", "show", "eth0").stdout)[0]
        device = pod.result["interfaces"][0]
        expect((link["mtu"], link["address"]) == (device["mtu"], device["mac"]), f"{link} is not {device}")
        expect([ip["address"].split("/")[1] for ip in pod.result["ips"]] == ["32", "128"], pod.result["ips"])
        for family in ("-4", "-6"):
            routes = json.loads(pod.run("ip", "-j", family, "route", "show", "default").stdout)
            expect(len(routes) == 1 and routes[0]["dev"] == "eth0", f"default routes: {routes}")


@scenario
def cni_add_in_a_dead_netns_names_it_and_leaks_no_address(mesh):
    node = mesh.nodes["node-a"]
    answer = node.cni("ADD", "dead-1", "/run/netns/weft-dead", "dead", "shop", check=False)
    expect(answer.get("code"), f"no error: {answer}")
    expect("/run/netns/weft-dead" in json.dumps(answer), f"the netns is not named: {answer}")
    expect("dead-1" not in reserved(node), "its address was kept")
    expect(all(pod["name"] != "dead" for pod in node.ctl("pods")["pods"]), "the pod is attached")


@scenario
def cni_without_a_data_plane_says_try_again_and_status_not_available(mesh):
    node = mesh.nodes["node-a"]
    config = {**node.cni_config(), "socket": str(mesh.directory / "absent.sock")}
    for command in ("ADD", "DEL"):
        answer = node.cni(command, "nobody-1", "/run/netns/x", "nobody", "shop", config=config, check=False)
        error_of(answer, 11, "weft-dataplane is not available", "absent.sock")
    expect("nobody-1" not in reserved(node), "an address was reserved")
    error_of(node.cni("STATUS", config=config, check=False), 50, "weft-dataplane is not available")


@scenario
def cni_status_with_a_data_plane_is_success(mesh):
    expect(mesh.nodes["node-a"].cni("STATUS") == {}, "STATUS answered something")


@scenario
def cni_version_lists_what_is_spoken(mesh):
    answer = mesh.nodes["node-a"].cni("VERSION")
    expect(answer["cniVersion"] == "1.1.0" and {"0.4.0", "1.0.0", "1.1.0"} <= set(answer["supportedVersions"]), answer)


@scenario
def cni_del_twice_and_of_an_unknown_container_is_success(mesh):
    with extra_pod(mesh, "gone") as pod:
        pod.cni("DEL")
        expect(pod.container not in reserved(pod.node), "the address was kept")
        pod.cni("DEL")
    mesh.nodes["node-a"].cni("DEL", "never-seen", "", "never", "shop")


@scenario
def cni_check_passes_and_names_what_is_missing(mesh):
    with extra_pod(mesh, "checked") as pod:
        config = config_of(pod, prevResult=pod.result)
        expect(pod.cni("CHECK", config=config) == {}, "CHECK answered something")
        error_of(pod.cni("CHECK", config=config_of(pod), check=False), 7, "prevResult")
        pod.run("ip", "-6", "address", "del", f"{pod.ipv6}/128", "dev", "eth0")
        answer = pod.cni("CHECK", config=config, check=False)
        expect(answer.get("code") and pod.ipv6 in json.dumps(answer), f"the lost address is not named: {answer}")
        pod.run("ip", "link", "del", "eth0")
        answer = pod.cni("CHECK", config=config, check=False)
        expect(answer.get("code") and "eth0" in json.dumps(answer), f"the lost device is not named: {answer}")


@scenario
def cni_check_of_an_unknown_container_is_code_3(mesh):
    node = mesh.nodes["node-a"]
    result = {"cniVersion": "1.1.0", "ips": [{"address": "10.244.1.250/32"}]}
    answer = node.cni("CHECK", "never-seen", "/run/netns/x", "never", "shop", check=False,
                      config={**node.cni_config(), "prevResult": result})
    error_of(answer, 3, "never-seen")


@scenario
def cni_gc_removes_what_is_not_in_the_list(mesh):
    node = mesh.nodes["node-a"]
    with extra_pod(mesh, "stays") as stays, extra_pod(mesh, "stale") as stale:
        attached = [p["container_id"] for p in node.ctl("pods")["pods"] if p["container_id"] != stale.container]
        valid = [{"containerID": c, "ifname": "eth0"} for c in attached]
        node.cni("GC", config={**node.cni_config(), "cni.dev/valid-attachments": valid})
        left = [p["container_id"] for p in node.ctl("pods")["pods"]]
        expect(sorted(left) == sorted(attached) and stays.container in left, f"attached after GC: {left}")
        expect(stale.container not in reserved(node), "the collected pod's address was kept")


@scenario
def cni_refuses_broken_stdin_and_unknown_keys(mesh):
    node = mesh.nodes["node-a"]
    def add(config):
        return node.cni("ADD", "c-1", "/run/netns/x", "x", "shop", config=config, check=False)
    error_of(add('{"cniVersion":'), 6, "JSON")
    error_of(add("\x00\xff garbage"), 6, "JSON")
    error_of(add({**node.cni_config(), "sokcet": "/x"}), 2, "sokcet")
    error_of(add({**node.cni_config(), "cniVersion": "9.0.0"}), 1, "9.0.0")
    error_of(add({**node.cni_config(), "ipam": {"type": "no-such-plugin"}}), 7, "no-such-plugin")


@scenario
def cni_results_have_the_shape_of_the_version_asked_for(mesh):
    node = mesh.nodes["node-a"]
    for version in ("0.4.0", "1.0.0"):
        with extra_pod(mesh, "old", config={**node.cni_config(), "cniVersion": version}) as pod:
            expect(pod.result["cniVersion"] == version, pod.result)
            expect(("version" in pod.result["ips"][0]) == (version == "0.4.0"), pod.result["ips"])
            expect("mtu" not in pod.result["interfaces"][0], pod.result["interfaces"])


# -- what DEL ends

HOLDING_SERVER = """
import socket
server = socket.create_server(("", 9000))
while True:
    connection, _ = server.accept()
    try:
        print("accepted", connection.recv(1), flush=True)  # a plaintext client has to speak first
        print("read", connection.recv(1), flush=True)
    except OSError as error:
        print(repr(error), flush=True)
"""
HOLDING_CLIENT = """
import socket, sys
connection = socket.create_connection((sys.argv[1], 9000), 10)
connection.settimeout(60)
connection.sendall(b"x")
print("connected", flush=True)
try:
    print("read", connection.recv(1), flush=True)
except OSError as error:
    print(repr(error), flush=True)
"""


def listens(pod, port):
    return f":{port} " in pod.run("ss", "-H", "-ltn").stdout


def left_over(node, address):
    return [c for c in node.ctl("connections")["connections"]
            if any(c[end].startswith(address + ":") for end in ("source", "destination"))]


@scenario
def cni_del_resets_the_pods_connections_at_both_ends(mesh):
    with extra_pod(mesh, "farend", "web", "node-b") as server, extra_pod(mesh, "nearend", "client") as client:
        mesh.wait_ready()
        for deleted, caller in ((client, client), (server, mesh.pods["client"])):
            serving = server.start("holding-server", "python3", "-c", HOLDING_SERVER)
            wait_until(lambda: listens(server, 9000), 5, "the server listens")
            holding = caller.start("holding-client", "python3", "-c", HOLDING_CLIENT, server.ipv4)
            wait_until(lambda: "accepted" in serving.text(), 10, "the server has the connection")
            deleted.cni("DEL")
            for end in (serving, holding):
                wait_until(lambda: "ConnectionResetError" in end.text(), 5,
                           f"after DEL of {deleted.name} {end.name} is reset: {end.text()}")
            serving.kill()
            for node in mesh.nodes.values():
                expect(not left_over(node, deleted.ipv4), f"{node.name} holds {left_over(node, deleted.ipv4)}")


def one_address(node, mesh, number):
    """A CNI network whose every pod gets the same address."""
    config = node.cni_config()
    config["ipam"] = {"type": "host-local", "dataDir": str(mesh.directory / "one-address"), "ranges": [
        [{"subnet": f"10.244.{node.number}.0/24", "rangeStart": f"10.244.{node.number}.{number}",
          "rangeEnd": f"10.244.{node.number}.{number}"}]]}
    return config


@scenario
def an_address_given_to_another_account_at_once_inherits_nothing(mesh):
    """The old pod's object even stays for a while; the new pod has the old one's address and another account."""
    node = mesh.nodes["node-a"]
    config = one_address(node, mesh, 200)
    allow = authorization_policy("web-allow", "ALLOW", ["neighbor"])
    with contextlib.ExitStack() as stack:
        stack.enter_context(applied(mesh, "policy-web.yaml", allow))
        old = stack.enter_context(extra_pod(mesh, "formerly", "neighbor", config=config))
        mesh.wait_ready()
        wait_until(lambda: served(old, WEB), 5, "the old account is allowed")
        old.cni("DEL")
        new = stack.enter_context(extra_pod(mesh, "latterly", "intruder", config=config))
        expect(new.ipv4 == old.ipv4, f"{new.ipv4} is not {old.ipv4}")
        for _ in range(10):
            refused(new, WEB)
        mesh.cluster.delete_pod("shop", "formerly")
        mesh.wait_ready()
        refused(new, WEB)
        seen = rows.explained_refusal(mesh, peer_identity=SPIFFE + "intruder")
        expect(seen["reason"] == "refused by policy", f"{seen}")
        held = [c["identity"] for c in node.ctl("certs")["certificates"]]
        expect(SPIFFE + "neighbor" not in held, f"the old account's certificate stayed: {held}")
    wait_until(lambda: served(mesh.pods["client"], WEB), 5, "no policy again")


# -- a connect in the first millisecond

EAGER = """
import errno, os, socket, sys, time
deadline = time.monotonic() + 30
for attempt in range(1000000000):
    probe = socket.socket()
    probe.settimeout(25)
    try:
        probe.connect(("10.96.0.10", 80))
        break
    except OSError as error:
        if error.errno not in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL):
            print("ended", repr(error)); sys.exit()
        if time.monotonic() > deadline: print("never"); sys.exit()
try:
    probe.sendall(b"GET /eager-marker HTTP/1.1\\r\\nHost: web\\r\\nConnection: close\\r\\n\\r\\n")
    print("ended", probe.recv(12))
except OSError as error:
    print("ended", repr(error))
"""


def eager_pod(mesh, name, known):
    """A pod whose program dials from before the network is there. Returns how its connection ended, and why."""
    pod = mesh.pods[name] = Pod(mesh, name, "shop", "client", mesh.nodes["node-a"], name)
    if known:
        pod.report()
    mesh.namespaces.add(pod.short)
    eager = pod.start(f"eager-{name}", "python3", "-c", EAGER)
    try:
        pod.result = pod.cni("ADD")
        pod.addresses = [ip["address"].split("/")[0] for ip in pod.result["ips"]]
        if known:
            pod.report()
        wait_until(lambda: "ended" in eager.text(), 30, f"the first connection ended: {eager.text()}")
        why = [d["reason"] for d in pod.node.ctl("explain", name)["decisions"] if d["verdict"] == "refused"]
        return eager.text().strip(), why
    finally:
        eager.kill()
        mesh.pods.pop(name).detach()


@scenario
def a_connect_right_after_add_waits_and_is_served_never_in_plaintext(mesh):
    with Capture(mesh, "eager", "tcp") as capture:
        ended, why = eager_pod(mesh, "eager", known=True)
    expect("HTTP/1.1 200" in ended or why, f"{ended}, and no reason was given")
    expect(not capture.contains("eager-marker"), "its request left in plaintext")


@scenario
def a_connect_of_a_pod_that_nobody_knows_yet_is_reset_with_the_reason(mesh):
    with Capture(mesh, "unknown", "tcp") as capture:
        ended, why = eager_pod(mesh, "unknown", known=False)
    expect("Error" in ended and "HTTP" not in ended, f"a pod without an identity: {ended}")
    expect("pod not ready" in why, f"explain: {why}")
    expect(not capture.contains("eager-marker"), "its request left in plaintext")
