"""Captures of the wire, and what is in them."""
import itertools

from netns import Process, run, wait_until


# tshark takes these ports for HTTP and others; on this wire they carry TLS.
AS_TLS = [word for port in (8080, 7000, 7001, 5201) for word in ("-d", f"tcp.port=={port},tls")]


NUMBER = itertools.count(1)


class Capture:
    """tcpdump from `with` to its end, on the wire's bridge or on a device of a namespace; then questions."""

    def __init__(self, mesh, name, expression="", namespace=None, device="br0"):
        self.mesh, self.name, self.expression = mesh, f"{name}-{next(NUMBER)}", expression
        self.file = mesh.directory / f"{self.name}.pcap"
        self.namespace, self.device = namespace or mesh.namespaces.name("wire"), device

    def __enter__(self):
        command = ["tcpdump", "-i", self.device, "-U", "--immediate-mode", "-s", "0", "-w", self.file]
        self.process = Process(f"tcpdump-{self.name}", command + self.expression.split(), self.mesh.directory,
                               namespace=self.namespace)
        wait_until(lambda: "listening on" in self.process.text(), 5, "tcpdump listens")
        return self

    def __exit__(self, *_):
        self.process.stop(20)
        wait_until(lambda: " captured" in self.process.text(), 5, "tcpdump has written everything")

    def contains(self, text):
        """Whether these bytes are anywhere in the capture, unencrypted."""
        return text.encode() in self.file.read_bytes()

    def matching(self, expression):
        """How many frames match tcpdump's expression. Quick, where no dissection is needed."""
        return len(run("tcpdump", "-n", "-r", self.file, *expression.split()).stdout.splitlines())

    def count(self, display_filter):
        return len(self.fields(display_filter, "frame.number"))

    def fields(self, display_filter, *fields):
        arguments = [a for field in fields for a in ("-e", field)]
        done = run("tshark", "-r", self.file, *AS_TLS, "-Y", display_filter, "-T", "fields", *arguments, check=False)
        return [line.split("\t") for line in done.stdout.split("\n") if line]
