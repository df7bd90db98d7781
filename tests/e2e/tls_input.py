"""What a TLS server in the mesh lets in: openssl's own client from a plain machine, with certificates good and bad."""
import subprocess
import time

import rows
from netns import run, wait_until
from packets import strict
from programs import MARKER
from rows import SPIFFE, expect
from scenario import scenario

REQUEST = "GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n"


def make_authority(directory):
    """A CA that nobody in the mesh trusts."""
    key, certificate = directory / "ca-key.pem", directory / "ca-cert.pem"
    if not certificate.exists():
        directory.mkdir(exist_ok=True)
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 30,
            "-subj", "/O=cluster.local", "-keyout", key, "-out", certificate)
    return directory


def make_certificate(mesh, name, san, authority=None, days=1):
    """A client's certificate, signed with the mesh CA's key on disk or with another's. Returns openssl's options."""
    authority = authority or mesh.directory / "ca"
    base = mesh.directory / f"tls-{name}"
    key, request, certificate = (base.with_suffix(suffix) for suffix in (".key", ".csr", ".pem"))
    extensions = base.with_suffix(".ext")
    extensions.write_text("keyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth,serverAuth\n"
                          "basicConstraints=critical,CA:FALSE\n" + (f"subjectAltName={san}\n" if san else ""))
    run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
        "/O=weft-e2e" if not san else "/", "-keyout", key, "-out", request)
    run("openssl", "x509", "-req", "-in", request, "-CA", authority / "ca-cert.pem", "-CAkey", authority / "ca-key.pem",
        "-set_serial", str(time.time_ns()), "-days", str(days), "-extfile", extensions, "-out", certificate)
    return ["-cert", certificate, "-key", key]


def s_client(mesh, *options, send=REQUEST, protocol=("-tls1_3",)):
    """openssl s_client of the plain host to web; what it printed."""
    command = ["openssl", "s_client", "-connect", f"{mesh.pods['web'].ipv4}:8080", "-alpn", "istio", *protocol,
               "-CAfile", mesh.directory / "ca/root-cert.pem", "-ign_eof", *options]
    try:
        done = run(*command, namespace=mesh.namespaces.name("host"), stdin=send, check=False, timeout=15)
    except subprocess.TimeoutExpired:
        return "timed out"
    return done.stdout + done.stderr


def newest_decision(mesh, since):
    """The newest decision about a connection of the plain host to web."""
    for entry in mesh.nodes["node-b"].ctl("explain", "--limit", "50", "web")["decisions"]:
        if entry["source"].startswith("10.99.0.100:") and entry not in since:
            return entry
    return None


def decisions(mesh):
    return mesh.nodes["node-b"].ctl("explain", "--limit", "50", "web")["decisions"]


def refused_with(mesh, words, *options, **more):
    """s_client is not served, and `explain` names why with one of these words."""
    before = decisions(mesh)
    said = s_client(mesh, *options, **more)
    expect(MARKER not in said, f"it was served: {said[-200:]}")
    why = wait_until(lambda: newest_decision(mesh, before), 5, "the refusal is explained")
    text = f"{why['verdict']}: {why['reason']}: {why['detail']}"
    expect(why["verdict"] == "refused" and any(word in text for word in words), f"explain says: {text}")
    return text


@scenario
def a_valid_mesh_certificate_is_served_by_openssls_client(mesh):
    options = make_certificate(mesh, "valid", f"URI:{SPIFFE}client")
    before = decisions(mesh)
    said = s_client(mesh, *options)
    expect(MARKER in said and "TLSv1.3" in said, f"not served: {said[-400:]}")
    expect("Verify return code: 0" in said, "the server's chain does not verify against the mesh's root")
    why = wait_until(lambda: newest_decision(mesh, before), 5, "it is explained")
    expect((why["verdict"], why["peer_identity"]) == ("allowed", SPIFFE + "client"), f"{why}")


@scenario
def no_certificate_is_refused(mesh):
    refused_with(mesh, ["certificate"])


@scenario
def a_certificate_of_another_authority_is_refused(mesh):
    other = make_authority(mesh.directory / "other-ca")
    options = make_certificate(mesh, "other-ca", f"URI:{SPIFFE}client", other)
    refused_with(mesh, ["unable to get", "self-signed", "issuer", "signature", "verify"], *options)


@scenario
def an_expired_certificate_is_refused(mesh):
    refused_with(mesh, ["expired"], *make_certificate(mesh, "expired", f"URI:{SPIFFE}client", days=-1))


@scenario
def a_certificate_of_another_trust_domain_is_refused(mesh):
    options = make_certificate(mesh, "domain", "URI:spiffe://other.example/ns/shop/sa/client")
    refused_with(mesh, ["trust domain", "other.example"], *options)


@scenario
def a_certificate_without_a_uri_name_is_refused(mesh):
    refused_with(mesh, ["URI", "SPIFFE"], *make_certificate(mesh, "no-san", None))
    refused_with(mesh, ["URI", "SPIFFE"], *make_certificate(mesh, "dns-san", "DNS:client.shop.svc"))


@scenario
def a_downgrade_below_what_the_chain_allows_is_refused(mesh):
    """istiod's chains, and ours, allow TLS 1.2 to the valid; nothing below it."""
    options = make_certificate(mesh, "downgrade", f"URI:{SPIFFE}client")
    old = ("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
    refused_with(mesh, ["version", "protocol"], *options, protocol=old)


GARBAGE = r"""
import os, socket, sys
with socket.create_connection((sys.argv[1], 8080), 10) as connection:
    connection.settimeout(10)
    connection.sendall(bytes.fromhex(sys.argv[2]))
    try:
        while connection.recv(1000): pass
        print("closed")
    except ConnectionResetError: print("reset")
"""


@scenario
def garbage_in_the_shape_of_tls_is_refused(mesh):
    host, web = mesh.namespaces.name("host"), mesh.pods["web"]
    with strict(mesh):
        hello_of_zeros = "160301" + "0200" + "010001fc" + "0303" + "00" * 506
        record_too_long = "160301ffff" + "41" * 400
        for garbage in (hello_of_zeros, record_too_long, "1603010005" + "ff" * 5, "4745542f" * 20):
            before = decisions(mesh)
            ended = run("python3", "-c", GARBAGE, web.ipv4, garbage, namespace=host, check=False, timeout=30)
            expect(ended.stdout.strip() in ("closed", "reset"), f"{garbage[:20]}: {ended.stdout}{ended.stderr[-200:]}")
            why = wait_until(lambda: newest_decision(mesh, before), 5, f"{garbage[:20]} is explained")
            expect(why["verdict"] == "refused" and (why["reason"] or why["detail"]), f"{why}")
        rows.get(mesh.pods["client"], rows.WEB)
