"""The unmodified programs that run in the demo's pods, and the policies that the rows apply."""
from netns import run, wait_until

MARKER = "weft-demo-page-in-plaintext"

NGINX = """\
daemon off;
worker_processes 1;
pid {directory}/{name}.pid;
error_log {directory}/{name}-error.log;
events {{ worker_connections 512; }}
http {{
  access_log {directory}/{name}-access.log;
  client_body_temp_path {directory}/{name}-body; proxy_temp_path {directory}/{name}-proxy;
  fastcgi_temp_path {directory}/{name}-fastcgi; uwsgi_temp_path {directory}/{name}-uwsgi;
  scgi_temp_path {directory}/{name}-scgi;
  keepalive_timeout 75;
  server {{
    listen {port}; listen [::]:{port};
    location / {{ default_type text/plain; return 200 "{marker} from {name}\\n"; }}
  }}
  server {{
    listen 127.0.0.1:8081;
    location / {{ stub_status; }}
  }}
}}
"""


def listening(namespace, port, kind="-ltn"):
    return f":{port} " in run("ss", "-H", kind, namespace=namespace).stdout


def start_nginx(mesh, name, namespace, port, page=MARKER, wrapper=()):
    config = mesh.directory / f"{name}.conf"
    config.write_text(NGINX.format(directory=mesh.directory, name=name, port=port, marker=page))
    process = mesh.start(f"nginx-{name}", [*wrapper, "nginx", "-c", config], namespace=namespace)
    wait_until(lambda: listening(namespace, port), 5, f"nginx of {name} listens")
    return process


def accepted(pod):
    """How many connections nginx has accepted, this question's own included."""
    status = pod.run("curl", "-sS", "--max-time", 3, "http://127.0.0.1:8081/").stdout.split("\n")
    return int(status[2].split()[0])


def start_programs(mesh):
    pods = mesh.pods
    start_nginx(mesh, "web", pods["web"].namespace, 8080)
    pods["greeter"].start("greeter", "socat", "-d", "-d", "TCP6-LISTEN:7000,fork,reuseaddr,ipv6only=0",
                          "SYSTEM:echo 220 greeter ready; cat")
    pods["steady"].start("steady", "socat", "TCP6-LISTEN:7001,fork,reuseaddr,ipv6only=0",
                         "SYSTEM:echo 220 steady ready; cat")
    pods["perf"].start("iperf3-server", "iperf3", "-s")
    pods["dns"].start("dnsmasq", "dnsmasq", "--no-daemon", "--no-resolv", "--no-hosts", "--user=root", "--port=53",
                      "--address=/answer.shop/192.0.2.53")
    wait_until(lambda: listening(pods["greeter"].namespace, 7000), 5, "the greeter listens")
    wait_until(lambda: listening(pods["steady"].namespace, 7001), 5, "the steady server listens")
    wait_until(lambda: listening(pods["perf"].namespace, 5201), 5, "iperf3 listens")
    wait_until(lambda: listening(pods["dns"].namespace, 53, "-lun"), 5, "dnsmasq listens")


def authorization_policy(name, action, accounts, app="web"):
    return {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
            "metadata": {"name": name, "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"selector": {"matchLabels": {"app": app}}, "action": action,
                     "rules": [{"from": [{"source": {"principals": [f"cluster.local/ns/shop/sa/{a}" for a in accounts]}}]}]}}


def peer_authentication(mode, name="default", namespace="istio-system", app=None, ports=None):
    spec = {"mtls": {"mode": mode}}
    if app:
        spec["selector"] = {"matchLabels": {"app": app}}
    if ports:
        spec["portLevelMtls"] = {str(port): {"mode": m} for port, m in ports.items()}
    return {"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
            "metadata": {"name": name, "namespace": namespace, "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": spec}
