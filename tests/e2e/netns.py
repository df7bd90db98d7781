"""Network namespaces and the processes in them. Everything made here is undone by `close`, in reverse order."""
import os
import pathlib
import signal
import subprocess
import time


class CommandError(Exception):
    pass


def run(*command, namespace=None, check=True, stdin=None, timeout=30, env=None):
    """Run a command to its end, in a namespace if one is named. Returns CompletedProcess with text output."""
    if namespace:
        command = ("nsenter", f"--net=/run/netns/{namespace}", *command)
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, errors="replace", timeout=timeout,
                          env=env, **({"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}))
    if check and done.returncode != 0:
        raise CommandError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}".strip())
    return done


# Deadlines of five seconds and more only say that a machine is sick, so a busy one gets more. Shorter ones are claims.
PATIENCE = float(os.environ.get("WEFT_PATIENCE", "4"))


def wait_until(condition, seconds, what):
    """Poll `condition` until it returns something true, and return that. A deadline, never a fixed sleep."""
    if seconds >= 5:
        seconds *= PATIENCE
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds} s still not: {what}")
        time.sleep(0.02)


class Process:
    """A program started in a namespace, with its output in a file."""

    def __init__(self, name, command, log_directory, namespace=None, env=None):
        self.name, self.namespace = name, namespace
        self.log = pathlib.Path(log_directory) / f"{name}.log"
        if namespace:
            command = ("nsenter", f"--net=/run/netns/{namespace}", *command)
        self._file = open(self.log, "ab")
        self.popen = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=self._file,
                                      stderr=subprocess.STDOUT, start_new_session=True,
                                      env={**os.environ, **(env or {})})

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def text(self):
        return self.log.read_text(errors="replace")

    def wait(self, seconds):
        return self.popen.wait(seconds)

    def signal(self, number):
        if self.alive():
            self.popen.send_signal(number)

    def kill(self):
        """SIGKILL to the program and what it started."""
        try:
            os.killpg(self.popen.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.popen.wait()
        self._file.close()

    def stop(self, seconds=5):
        """SIGTERM, then SIGKILL to whatever is left of its group."""
        if self.alive():
            self.popen.terminate()
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                pass
        self.kill()


class Namespaces:
    """The namespaces and links of one run. `prefix` keeps two runs on a machine apart."""

    def __init__(self, prefix):
        self.prefix = prefix

    def name(self, short):
        return f"{self.prefix}-{short}"

    def add(self, short):
        name = self.name(short)
        run("ip", "netns", "add", name)
        run("ip", "link", "set", "lo", "up", namespace=name)
        return name

    def delete(self, short):
        run("ip", "netns", "delete", self.name(short), check=False)

    def bridge(self, short, device):
        run("ip", "link", "add", device, "type", "bridge", "forward_delay", "0", namespace=self.name(short))
        run("ip", "link", "set", device, "type", "bridge", "stp_state", "0", "mcast_snooping", "0",
            namespace=self.name(short))
        run("ip", "link", "set", device, "up", namespace=self.name(short))

    def plug(self, short, device, bridge_short, bridge_device, addresses=(), silent=False):
        """A veth from `device` in one namespace into a bridge in another.

        A silent end carries no kernel traffic of its own: no address, no ARP, no IPv6, and the kernel's checksum and
        segmentation offloads are off at both ends, since a PMD on AF_PACKET sees the frames as they are."""
        peer = f"p-{short}-{device}"[:15]
        inside, bridge = self.name(short), self.name(bridge_short)
        run("ip", "link", "add", device, "netns", inside, "type", "veth", "peer", "name", peer, "netns", bridge)
        if silent:
            silence(inside, device)
            silence(bridge, peer)
        else:
            run("sysctl", "-qw", f"net.ipv6.conf.{device}.accept_dad=0", namespace=inside, check=False)
        run("ip", "link", "set", peer, "master", bridge_device, "up", namespace=bridge)
        for address in addresses:
            run("ip", "address", "add", address, "dev", device, *(["nodad"] if ":" in address else []),
                namespace=inside)
        run("ip", "link", "set", device, "up", namespace=inside)

    def close(self):
        listed = run("ip", "netns", "list", check=False).stdout.split("\n")
        for line in listed:
            name = line.split(" ")[0]
            if name.startswith(self.prefix + "-"):
                run("ip", "netns", "delete", name, check=False)


def silence(namespace, device):
    run("sysctl", "-qw", f"net.ipv6.conf.{device}.disable_ipv6=1", namespace=namespace, check=False)
    run("ip", "link", "set", device, "arp", "off", namespace=namespace)
    for feature in ("rx", "tx", "tso", "gso", "gro", "sg"):
        run("ethtool", "-K", device, feature, "off", namespace=namespace, check=False)
