"""The directory of YAML that stands for a cluster: what kubelets and the endpoint controller would write there."""
import json
import os
import pathlib
import uuid

CREATED = "2026-01-01T00:00:00Z"


def to_yaml(value, indent=0):
    """Enough YAML for Kubernetes objects: block maps and lists, scalars quoted as JSON does."""
    pad = "  " * indent
    if isinstance(value, dict) and value:
        lines = []
        for key, item in value.items():
            nested = isinstance(item, (dict, list)) and item
            lines.append(f"{pad}{key}:" + ("\n" + to_yaml(item, indent + 1) if nested else " " + to_yaml(item)))
        return "\n".join(lines)
    if isinstance(value, list) and value:
        return "\n".join(f"{pad}-" + to_yaml(item, indent + 1)[len(pad) + 1:] if isinstance(item, (dict, list)) and item
                         else f"{pad}- {to_yaml(item)}" for item in value)
    return json.dumps(value)


class Cluster:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.pods = {}

    def write(self, file, *objects):
        """Replace a file by rename, as a careful editor does."""
        self.write_text(file, "\n---\n".join(to_yaml(o) for o in objects) + "\n")

    def write_text(self, file, text):
        target = self.directory / file
        temporary = self.directory / f".{file}.new"
        temporary.write_text(text)
        os.rename(temporary, target)

    def remove(self, file):
        (self.directory / file).unlink(missing_ok=True)

    def copy(self, source):
        for path in sorted(pathlib.Path(source).glob("*.yaml")):
            self.write_text(path.name, path.read_text())

    def set_pod(self, name, namespace, account, node, node_ip, app, addresses, mesh=True, uid=None, labels=None):
        """A running pod's object. `addresses` may be empty: kubelet reports them after CNI ADD."""
        pod = self.pods.get((namespace, name), {})
        uid = uid or pod.get("metadata", {}).get("uid") or str(uuid.uuid4())
        all_labels = {"app": app, **({"security.istio.io/tlsMode": "istio"} if mesh else {}), **(labels or {})}
        pod = {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "uid": uid, "creationTimestamp": CREATED,
                         "labels": all_labels},
            "spec": {"nodeName": node, "serviceAccountName": account,
                     "containers": [{"name": app, "image": app}]},
            "status": {"phase": "Running" if addresses else "Pending", "hostIP": node_ip,
                       **({"podIP": addresses[0], "podIPs": [{"ip": a} for a in addresses]} if addresses else {}),
                       "conditions": [{"type": "Ready", "status": "True" if addresses else "False"}]},
        }
        self.pods[namespace, name] = pod
        self.write(f"pod-{namespace}-{name}.yaml", pod)
        return uid

    def delete_pod(self, namespace, name):
        self.pods.pop((namespace, name), None)
        self.remove(f"pod-{namespace}-{name}.yaml")

    def set_endpoints(self, service, namespace, app, ports):
        """One EndpointSlice a family with every pod of `app`; ports: [(name, port, protocol)]."""
        slices = []
        for family, mark in (("IPv4", "."), ("IPv6", ":")):
            endpoints = []
            for (pod_namespace, name), pod in sorted(self.pods.items()):
                if pod_namespace != namespace or pod["metadata"]["labels"]["app"] != app:
                    continue
                own = [a["ip"] for a in pod["status"].get("podIPs", []) if mark in a["ip"]]
                if own:
                    endpoints.append({
                        "addresses": own, "nodeName": pod["spec"]["nodeName"],
                        "conditions": {"ready": True, "serving": True, "terminating": False},
                        "targetRef": {"kind": "Pod", "name": name, "namespace": namespace,
                                      "uid": pod["metadata"]["uid"]}})
            slices.append({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": family,
                "metadata": {"name": f"{service}-{family.lower()}", "namespace": namespace,
                             "creationTimestamp": CREATED, "labels": {"kubernetes.io/service-name": service}},
                "endpoints": endpoints,
                "ports": [{"name": n, "port": p, "protocol": proto} for n, p, proto in ports]})
        self.write(f"endpoints-{namespace}-{service}.yaml", *slices)
