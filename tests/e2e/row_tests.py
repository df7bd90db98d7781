"""The demo's eleven rows as scenarios, and for each the control that shows its check failing where what it claims is
taken away."""
import rows
from netns import wait_until
from programs import authorization_policy, peer_authentication
from rows import WEB, served
from scenario import applied, fails_with, scenario

ROTATION = {}  # what runs since the mesh was built with certificates of a minute


def prepare_rotation(mesh):
    ROTATION.update(before=rows.serials(mesh), traffic=rows.Traffic(mesh))


def plaintext_mesh(mesh):
    """No mTLS anywhere, as soon as the block runs."""
    return applied(mesh, "peer-off.yaml", peer_authentication("DISABLE"))


def wait_for_identity(mesh, known):
    """Until a connection of the client to the greeter shows the server's identity, or no longer shows one."""
    def as_wanted():
        held = rows.hold(mesh.pods["client"], "probe", "10.96.0.11", 7000)
        try:
            wait_until(lambda: held.text().startswith("220"), 5, "the greeting came")
            open_ones = [c for c in mesh.nodes["node-a"].ctl("connections")["connections"]
                         if c["destination"] == "10.96.0.11:7000"]
            return open_ones and all(bool(c["destination_identity"]) == known for c in open_ones)
        except TimeoutError:
            return False
        finally:
            held.kill()
    wait_until(as_wanted, 10, "mutual TLS is " + ("on" if known else "off"))


@scenario
def row_1_service_calls(mesh):
    rows.service_calls(mesh)


@scenario
def row_2_the_wire_is_encrypted(mesh):
    rows.wire_of_service_calls(mesh)


@scenario
def row_3_policy_refuses_unseen(mesh):
    rows.policy_refuses(mesh)
    mesh.cluster.remove("policy-web.yaml")
    wait_until(lambda: served(mesh.pods["intruder"], WEB), 5, "no policy: the intruder is served")


@scenario
def row_4_a_policy_edit_takes_effect(mesh):
    mesh.cluster.write("policy-web.yaml", authorization_policy("web-allow", "ALLOW", ["client", "neighbor"]))
    rows.policy_edit(mesh)
    mesh.cluster.remove("policy-web.yaml")
    wait_until(lambda: served(mesh.pods["intruder"], WEB), 5, "no policy: the intruder is served")


@scenario
def row_5_peer_modes(mesh):
    rows.peer_modes(mesh)


@scenario
def row_6_egress(mesh):
    rows.egress(mesh)


@scenario
def row_7_two_pods_on_one_node(mesh):
    rows.one_node(mesh)


@scenario
def row_8_server_first(mesh):
    rows.server_first(mesh)


@scenario
def row_9_rotation_under_traffic(mesh):
    rows.rotation(mesh, ROTATION["traffic"], ROTATION["before"])
    mesh.set_certificate_lifetime(86400)


@scenario
def row_10_control_plane_and_data_plane_fail(mesh):
    rows.failures(mesh)
    mesh.wait_ready()


@scenario
def row_11_iperf(mesh):
    rows.iperf(mesh, seconds=2)


# -- the controls

@scenario
def row_1_control_a_service_without_endpoints(mesh):
    web = [("tcp-web", 8080, "TCP")]
    mesh.cluster.set_endpoints("web", "shop", "nobody", web)
    wait_until(lambda: not served(mesh.pods["client"], WEB), 5, "web has no endpoints")
    with fails_with("HTTP 0"):
        rows.service_calls(mesh)
    mesh.cluster.set_endpoints("web", "shop", "web", web)
    wait_until(lambda: served(mesh.pods["client"], WEB), 5, "web has its endpoints again")


@scenario
def row_2_control_mutual_tls_off(mesh):
    with plaintext_mesh(mesh):
        wait_for_identity(mesh, known=False)
        with fails_with("no TLS 1.3", "plaintext"):
            rows.wire_is_encrypted(rows.capture_of_service_calls(mesh))
        with fails_with("shows both identities"):
            rows.both_identities(mesh, seconds=1)
        row_10_control_the_capture_sees_plaintext(mesh)
    wait_for_identity(mesh, known=True)


def row_10_control_the_capture_sees_plaintext(mesh):
    """With mutual TLS off: what row 10 asks of its capture does not hold."""
    capture = rows.capture_of_service_calls(mesh)
    with fails_with("left in plaintext"):
        rows.no_plaintext_left(capture, mesh.pods["client"].addresses)


@scenario
def row_3_control_no_policy(mesh):
    with fails_with("must be refused"):
        rows.intruder_is_refused_unseen(mesh)
    with fails_with("must be refused"):
        rows.explained_refusal(mesh, seconds=1, policy="ns[shop]-policy[web-deny]-rule[0]")


@scenario
def row_4_control_the_policy_is_not_edited(mesh):
    intruder = mesh.pods["intruder"]
    with applied(mesh, "policy-web.yaml", authorization_policy("web-allow", "ALLOW", ["client", "neighbor"])):
        wait_until(lambda: not served(intruder, WEB), 5, "the intruder is refused")
        with fails_with("is served"):
            rows.becomes_served(intruder, bound=0.2)
    wait_until(lambda: served(intruder, WEB), 5, "the intruder is served")
    held = rows.open_connection(mesh, intruder, "undisturbed")
    with fails_with("connection is closed"):
        rows.becomes_closed(held, seconds=1)
    held.kill()


@scenario
def row_5_control_permissive_instead_of_strict(mesh):
    with fails_with("STRICT refuses"):
        rows.outsider_is_refused(mesh, seconds=1)


@scenario
def row_5_control_a_probe_that_is_not_the_nodes(mesh):
    web, host = mesh.pods["web"], mesh.namespaces.name("host")
    with applied(mesh, "peer.yaml", peer_authentication("STRICT")):
        rows.outsider_is_refused(mesh)
        with fails_with("probe of"):
            rows.probes(host, web)
    wait_until(lambda: served(mesh.pods["outsider"], WEB), 5, "PERMISSIVE again")


@scenario
def row_6_control_any_destination_is_allowed(mesh):
    with fails_with("in no registry"):
        rows.refused_outside(mesh, seconds=1)


@scenario
def row_6_control_a_call_within_the_mesh_shows_no_page(mesh):
    with fails_with("in plaintext"):
        rows.served_in_plaintext(mesh, WEB)


@scenario
def row_7_control_the_caller_is_on_another_node(mesh):
    with fails_with("was on the wire"):
        rows.nothing_on_the_wire(mesh, mesh.pods["client"])


@scenario
def row_7_control_no_policy(mesh):
    with fails_with("policy refuses the neighbor"):
        rows.neighbor_is_refused(mesh, seconds=1)


@scenario
def row_8_control_a_permissive_port_waits_for_plaintext_clients(mesh):
    with fails_with("is greeted"):
        rows.greeting(mesh.pods["outsider"], "10.96.0.11", seconds=1)


@scenario
def row_8_control_a_server_that_waits_for_its_client(mesh):
    with fails_with("is greeted"):
        rows.greeting(mesh.pods["client"], "10.96.0.10", seconds=1, port=80)


def traffic_connections(mesh):
    return [c for c in mesh.nodes["node-a"].ctl("connections")["connections"] if c["destination"] == "10.96.0.13:7001"]


@scenario
def row_9_control_long_lived_certificates(mesh):
    traffic = rows.Traffic(mesh)
    try:
        with fails_with("every certificate was renewed"):
            rows.rotation(mesh, traffic, rows.serials(mesh), seconds=3)
    finally:
        traffic.process.kill()


@scenario
def row_9_control_a_connection_that_breaks(mesh):
    traffic = rows.Traffic(mesh)
    wait_until(lambda: any(c["bytes_sent"] > 0 for c in traffic_connections(mesh)), 5, "traffic runs")
    with applied(mesh, "policy-steady.yaml", authorization_policy("steady-deny", "DENY", ["client"], "steady")):
        with fails_with("during rotation"):
            wait_until(lambda: not traffic_connections(mesh), 5, "the connection is closed")
            rows.undisturbed(traffic)


@scenario
def row_11_control_nothing_listens(mesh):
    with fails_with("iperf3 to"):
        rows.throughput(mesh.pods["client"], "10.96.0.10", 1)
