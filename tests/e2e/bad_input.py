"""What people and neighbours get wrong: configuration files, the cluster's YAML, tokens. Each is named, none passes."""
import base64
import contextlib
import json

import rows
from cluster import to_yaml
from mesh import BUILD
from netns import Process, run, wait_until
from programs import authorization_policy
from rows import WEB, expect, get, refused, served
from scenario import applied, extra_pod, scenario

# -- the programs' own files


def check_config(program, path, text):
    path.write_text(text)
    done = run(BUILD / program, "--config", path, "--check", check=False)
    return done.returncode, done.stdout + done.stderr


def refuses_config(mesh, program, text, line, key):
    path = mesh.directory / "wrong.yaml"
    code, said = check_config(program, path, text)
    expect(code == 2, f"exit {code}: {said}")
    expect(f"{path}:{line}" in said and key in said, f"file, line {line} or {key} is not named: {said}")


@scenario
def dataplane_refuses_an_unknown_key_and_a_wrong_unit_by_file_line_and_key(mesh):
    program, good = "dataplane/weft-dataplane", mesh.nodes["node-a"].config()
    code, said = check_config(program, mesh.directory / "right.yaml", good)
    expect(code == 0, f"the good file: exit {code}: {said}")
    lines = good.count("\n")
    refuses_config(mesh, program, good + "tcp:\n  recieve_buffer: 1MiB\n", lines + 2, "recieve_buffer")
    refuses_config(mesh, program, good + "tcp:\n  receive_buffer: 1MHz\n", lines + 2, "receive_buffer")
    refuses_config(mesh, program, good + "tls:\n  handshake_timeout: 15\n", lines + 2, "handshake_timeout")
    refuses_config(mesh, program, good + "tcpp:\n  x: 1\n", lines + 1, "tcpp")


@scenario
def controlplane_refuses_an_unknown_key_and_a_wrong_unit_by_file_line_and_key(mesh):
    program, good = "controlplane/weft-controlplane", mesh.controlplane_config(86400)
    code, said = check_config(program, mesh.directory / "right.yaml", good)
    expect(code == 0, f"the good file: exit {code}: {said}")
    lines = good.count("\n")
    refuses_config(mesh, program, good + "push:\n  quite: 100ms\n", lines + 2, "quite")
    refuses_config(mesh, program, good + "push:\n  quiet: 100\n", lines + 2, "quiet")
    refuses_config(mesh, program, good + "push:\n  quiet: 1h30q\n", lines + 2, "quiet")


# -- the cluster's directory

ALLOW = authorization_policy("web-allow", "ALLOW", ["client", "neighbor"])


@contextlib.contextmanager
def policy_in_force(mesh):
    """Only client and neighbor may call web."""
    with applied(mesh, "policy-web.yaml", ALLOW):
        wait_until(lambda: not served(mesh.pods["intruder"], WEB), 5, "the ALLOW policy is in force")
        yield
    wait_until(lambda: served(mesh.pods["intruder"], WEB), 5, "no policy again")


def still_in_force(mesh):
    refused(mesh.pods["intruder"], WEB)
    get(mesh.pods["client"], WEB)


@contextlib.contextmanager
def reported(mesh, *words):
    """During the block a line of the control plane's log names these words."""
    before = len(mesh.controlplane.text())
    yield
    wait_until(lambda: any(all(word in line for word in words)
                           for line in mesh.controlplane.text()[before:].split("\n")), 5,
               f"the control plane's log names {words}")


@scenario
def a_broken_edit_keeps_the_last_good_content(mesh):
    with policy_in_force(mesh):
        good = to_yaml(ALLOW) + "\n"
        for broken, word in (("kind: AuthorizationPolicy\n  spec: [\n", "yaml:2"),
                             (good.replace("principals", "principles"), "principles"),
                             (good.replace('"ALLOW"', '"PERHAPS"'), "PERHAPS")):
            with reported(mesh, "policy-web.yaml", word):
                mesh.cluster.write_text("policy-web.yaml", broken)
            still_in_force(mesh)
            mesh.cluster.write("policy-web.yaml", ALLOW)
        still_in_force(mesh)


@scenario
def a_duplicate_object_is_reported_and_changes_nothing(mesh):
    other = authorization_policy("web-allow", "ALLOW", ["client", "neighbor", "intruder"])
    with policy_in_force(mesh):
        with reported(mesh, "zz-duplicate.yaml", "web-allow"), applied(mesh, "zz-duplicate.yaml", other):
            still_in_force(mesh)


@scenario
def a_file_written_in_place_slowly_is_read_when_it_is_whole(mesh):
    text = to_yaml(ALLOW) + "\n"
    with policy_in_force(mesh):
        with open(mesh.cluster.directory / "policy-web.yaml", "w", encoding="utf-8") as file:
            file.write(text[:60])
            file.flush()
            for _ in range(10):
                still_in_force(mesh)
            file.write(text[60:])
        still_in_force(mesh)


@scenario
def a_broken_deny_at_first_start_keeps_the_control_plane_not_ready(mesh):
    name = mesh.namespaces.add("cp2")
    directory = mesh.directory / "second"
    (directory / "cluster").mkdir(parents=True)
    deny = authorization_policy("web-deny", "DENY", ["intruder"])
    (directory / "cluster/mesh.yaml").write_text((mesh.cluster.directory / "mesh.yaml").read_text())
    (directory / "cluster/deny.yaml").write_text(to_yaml(deny).replace("principals", "principles") + "\n")
    process = Process("controlplane-2", [BUILD / "controlplane/weft-controlplane", "--config-directory",
                                         directory / "cluster", "--ca-directory", directory / "ca"],
                      mesh.directory, namespace=name)

    def ready():
        done = run("curl", "-sS", "--max-time", 2, "-w", "%{http_code}", "http://127.0.0.1:8080/ready", namespace=name,
                   check=False)
        return done.stdout
    try:
        said = wait_until(lambda: ready().endswith("503") and "deny.yaml" in ready() and ready(), 20,
                          "503 with the file")
        expect("principles" in said or "web-deny" in said, f"the reason: {said}")
        (directory / "cluster/deny.yaml").write_text(to_yaml(deny) + "\n")
        wait_until(lambda: ready().endswith("200"), 10, "ready once it is mended")
    finally:
        process.kill()
        mesh.namespaces.delete("cp2")


# -- tokens

def token(mesh, *options, node="node-a"):
    return run(BUILD / "cli/weftctl", "token", "--ca-directory", mesh.directory / "ca", "--namespace", "weft-system",
               "--service-account", "weft-dataplane", "--node", node, "--pod", "weft-dataplane-x", *options).stdout.strip()


def forged(good):
    """The same claims, signed by somebody else."""
    head, body, signature = good.split(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)))
    raw[10] ^= 1
    return ".".join((head, body, base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")))


def certificate_of(node, account):
    return next((c for c in node.ctl("certs")["certificates"] if c["identity"] == rows.SPIFFE + account), None)


def stays_out_until_the_token_is_good(mesh, bad, words):
    """A pod of an account that the node has no certificate for yet."""
    node = mesh.nodes["node-a"]
    file = node.directory / "token"
    good = file.read_text()
    file.write_text(bad)
    try:
        with extra_pod(mesh, "tokenless", "steady") as pod:
            shown = wait_until(lambda: (certificate_of(node, "steady") or {}).get("last_error"), 10,
                               "certs show an error")
            expect(any(word in shown for word in words), f"certs show: {shown}")
            me = next(p for p in node.ctl("pods")["pods"] if p["name"] == "tokenless")
            expect(not me["ready"] and any("certificate" in lack for lack in me["lacks"]), f"pods show: {me['lacks']}")
            refused(pod, WEB)
            file.write_text(good)
            wait_until(lambda: next(p["ready"] for p in node.ctl("pods")["pods"] if p["name"] == "tokenless"), 30,
                       "ready with a good token")
            get(pod, WEB)
    finally:
        file.write_text(good)


@scenario
def a_forged_token_gets_no_certificate_until_it_is_replaced(mesh):
    stays_out_until_the_token_is_good(mesh, forged(token(mesh)), ["signature", "key"])


@scenario
def an_expired_token_gets_no_certificate_until_it_is_replaced(mesh):
    old = token(mesh, "--lifetime", "1s")
    claims = json.loads(base64.urlsafe_b64decode(old.split(".")[1] + "=="))
    wait_until(lambda: int(run("date", "+%s").stdout) > claims["exp"], 5, "it has expired")
    stays_out_until_the_token_is_good(mesh, old, ["expired"])


@scenario
def a_token_for_another_audience_gets_no_certificate_until_it_is_replaced(mesh):
    other = token(mesh, "--audience", "somebody-else")
    stays_out_until_the_token_is_good(mesh, other, ["audience"])


@scenario
def a_token_of_another_node_gets_no_certificate_for_this_nodes_accounts(mesh):
    """The caller's node has no pod of that account: the CA refuses it."""
    stays_out_until_the_token_is_good(mesh, token(mesh, node="node-c"), ["node", "account", "pod"])
