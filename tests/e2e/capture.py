"""Captures of the wire, and what is in them."""
import subprocess

from netns import Process, run, wait_until


class Capture:
    """tcpdump on the wire's bridge, from `with` to its end; then questions."""

    def __init__(self, mesh, name, expression=""):
        self.file = mesh.directory / f"{name}.pcap"
        self.mesh, self.name, self.expression = mesh, name, expression

    def __enter__(self):
        self.process = Process(f"tcpdump-{self.name}", ["tcpdump", "-i", "br0", "-U", "-s", "0", "-w", self.file, *self.expression.split()],
                               self.mesh.directory, namespace=self.mesh.namespaces.name("wire"))
        wait_until(lambda: "listening on" in self.process.text(), 5, "tcpdump listens")
        return self

    def __exit__(self, *_):
        self.process.stop()

    def contains(self, text):
        """Whether these bytes are anywhere in the capture, unencrypted."""
        return text.encode() in self.file.read_bytes()

    def count(self, display_filter):
        done = subprocess.run(["tshark", "-r", str(self.file), "-Y", display_filter, "-T", "fields", "-e", "frame.number"],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        return len(done.stdout.split())

    def fields(self, display_filter, *fields):
        arguments = [a for field in fields for a in ("-e", field)]
        done = run("tshark", "-r", self.file, "-Y", display_filter, "-T", "fields", *arguments, check=False)
        return [line.split("\t") for line in done.stdout.split("\n") if line]
