"""Two kernels joined by weft-impair, and TCP between them: the kernel's own, or the production stack beside it.

    ns left                          ns wire                        ns right
    kernel   10.98.0.1  \\                                      /  10.98.0.2   kernel
                         tap-left == weft-impair == tap-right
    our stack 10.98.0.11 /                                      \\  10.98.0.12  our stack

Whoever speaks, the frames take the same way: a kernel's socket and a packet socket of weft-bulk send by the same TAP.
"""
import json
import math
import os
import pathlib
import signal

from netns import Namespaces, Process, run, wait_until

BUILD = pathlib.Path(os.environ.get("WEFT_BUILD", pathlib.Path(__file__).resolve().parent.parent.parent / "build"))
BULK = BUILD / "tests/tools/weft-bulk"
SIDES = ("left", "right")
KERNEL = {"left": "10.98.0.1", "right": "10.98.0.2"}
OURS = {"left": "10.98.0.11", "right": "10.98.0.12"}
MAC = {"left": "02:00:00:98:00:01", "right": "02:00:00:98:00:02"}
PORT = 5001
# Bytes that either stack's windows may grow to: more than any bandwidth-delay product here.
WINDOW_MAX = 6 << 20
# weft-bulk asks for CUBIC itself: this sysctl of a namespace cannot name what the host has not allowed to everybody.
SYSCTLS = ["net.ipv4.tcp_no_metrics_save=1",
           f"net.ipv4.tcp_rmem=4096 131072 {WINDOW_MAX}", f"net.ipv4.tcp_wmem=4096 65536 {WINDOW_MAX}",
           "net.ipv6.conf.default.disable_ipv6=1", "net.ipv6.conf.all.disable_ipv6=1"]


def other(side):
    return "right" if side == "left" else "left"


class Condition:
    """What the wire does, each way. Times in ms, shares in percent, rate in Mbit/s, queue in bytes."""

    def __init__(self, **asked):
        self.asked = {"loss": 0, "burst_loss": 0, "burst_length": 1, "burst_silence": 0, "delay": 0, "jitter": 0, "reorder": 0,
                      "reorder_delay": 2, "duplicate": 0, "rate": 0, "queue": 1 << 20}
        assert not asked.keys() - self.asked.keys()
        self.asked |= asked

    def __getattr__(self, name):
        try:
            return self.__dict__["asked"][name]
        except KeyError:
            raise AttributeError(name) from None

    def flags(self):
        return [text for name, value in self.asked.items() for text in (f"--{name.replace('_', '-')}", str(value))]

    @property
    def burst_share(self):
        """Percent of frames inside of bursts: Gilbert's model in the long run."""
        begins = self.burst_loss / 100 * self.burst_length
        return 100 * begins / (1 + begins)

    @property
    def loss_share(self):
        """Percent of frames lost, but for a full queue."""
        return self.burst_share + (1 - self.burst_share / 100) * self.loss

    def loss_bound(self, frames, sigmas=5):
        """How far from `loss_share` a sample of so many frames may lie, in percent. A burst is one event, of a length
        that varies by as much as its mean: the variance is at most twice its mean length that of single losses."""
        share = self.loss_share / 100
        spread = 2 * self.burst_length if self.burst_loss else 1
        return 100 * sigmas * math.sqrt(spread * share * (1 - share) / frames)


class Wire:
    """The namespaces; a weft-impair for the length of each `impaired` block. Close it."""

    def __init__(self, prefix, directory):
        self.namespaces = Namespaces(prefix)
        self.directory = pathlib.Path(directory)
        self.processes = []
        self.impair = None
        for short in ("wire", *SIDES):
            self.namespaces.add(short)
        for side in SIDES:
            run("sysctl", "-qw", *SYSCTLS, namespace=self.namespaces.name(side))

    def close(self):
        for process in reversed(self.processes):
            process.kill()
        self.namespaces.close()

    def start(self, name, namespace, *command):
        process = Process(f"{name}-{len(self.processes)}", command, self.directory, namespace=self.namespaces.name(namespace))
        self.processes.append(process)
        return process

    def stop(self, process):
        process.stop()
        self.processes.remove(process)
        process.log.unlink()

    # -- the wire

    def lay(self, condition, seed):
        impair = self.impair = self.start("impair", "wire", BUILD / "tests/tools/weft-impair", "tap:tap-left",
                                          "tap:tap-right", "--seed", seed, *condition.flags())
        wait_until(lambda: "seed" in impair.text() or not impair.alive(), 5, "weft-impair stands")
        if not impair.alive():
            raise OSError(f"weft-impair ended: {impair.text()}")
        for side in SIDES:
            self.join(side)

    def join(self, side):
        """The TAP into its namespace. Its queue never overflows, and no frame but TCP's passes it: no ARP, no IPv6."""
        inside, tap = self.namespaces.name(side), f"tap-{side}"
        run("ip", "link", "set", tap, "netns", inside, namespace=self.namespaces.name("wire"))
        batch = [f"link set {tap} address {MAC[side]} txqueuelen 10000 arp off",
                 f"address add {KERNEL[side]}/24 dev {tap}", f"link set {tap} up"]
        batch += [f"neighbor replace {address[other(side)]} lladdr {MAC[other(side)]} dev {tap} nud permanent"
                  for address in (KERNEL, OURS)]
        run("ip", "-batch", "-", namespace=inside, stdin="\n".join(batch) + "\n")

    def take_up(self):
        """weft-impair's own account of each direction, as text."""
        self.impair.signal(signal.SIGTERM)
        wait_until(lambda: not self.impair.alive(), 5, "weft-impair ends")
        lines = self.impair.text().strip().split("\n")[1:]
        self.stop(self.impair)
        return lines

    # -- transfers

    def bulk(self, stack, side, verb, *arguments, port=PORT, seed=1):
        """Starts weft-bulk. `stack`: "kernel" or "ours"."""
        address = {"kernel": KERNEL, "ours": OURS}[stack][side]
        where = f"{address}:{port}" if verb == "receive" else address
        device = ["--device", f"tap-{side}", "--next-hop", MAC[other(side)], "--buffer", WINDOW_MAX] if stack == "ours" else []
        return self.start(f"{stack}-{verb}", side, BULK, verb, where, *arguments, "--seed", seed, *device)

    def listen(self, stack, side, *arguments, **options):
        receiver = self.bulk(stack, side, "receive", *arguments, **options)
        wait_until(lambda: "listening" in receiver.text() or not receiver.alive(), 5, "the receiver listens")
        return receiver

    def send(self, stack, side, to_stack, *arguments, port=PORT, seed=1):
        peer = {"kernel": KERNEL, "ours": OURS}[to_stack][other(side)]
        return self.bulk(stack, side, "send", f"{peer}:{port}", *arguments, port=port, seed=seed)

    def result(self, process, seconds):
        """The JSON of a weft-bulk that ends within so long; its `error` says what went wrong."""
        wait_until(lambda: not process.alive(), seconds, f"{process.name} ends")
        text = process.text().strip()
        self.stop(process)
        return json.loads(text.split("\n")[-1])

    def transfer(self, sender, receiver, bytes_, seed=1, side="left", seconds=120):
        """(sender's result, receiver's result) of one transfer from `side`; stacks as in `bulk`."""
        listening = self.listen(receiver, other(side), seed=seed)
        before = self.kernel_counters(side)
        sending = self.send(sender, side, receiver, "--bytes", bytes_, seed=seed)
        sent, received = self.result(sending, seconds), self.result(listening, seconds)
        if sender == "kernel":
            sent["counters"] = {name: value - before[name] for name, value in self.kernel_counters(side).items()
                                if value != before[name]}
        return sent, received

    def kernel_counters(self, side):
        """TcpExt of the side's kernel."""
        text = run("cat", "/proc/net/netstat", namespace=self.namespaces.name(side)).stdout
        names, values = [line.split()[1:] for line in text.split("\n") if line.startswith("TcpExt:")]
        return dict(zip(names, map(int, values)))

    # -- probes

    def probe(self, count, interval_ms=0.5):
        """What the wire does to numbered datagrams from left to right, sent one by one."""
        receiver = self.start("probe-in", "right", "python3", "-c", PROBE_RECEIVER, KERNEL["right"])
        wait_until(lambda: "ready" in receiver.text() or not receiver.alive(), 5, "the probe's receiver listens")
        run("python3", "-c", PROBE_SENDER, KERNEL["right"], count, interval_ms / 1000,
            namespace=self.namespaces.name("left"), timeout=60)
        wait_until(lambda: not receiver.alive(), 10, "the last probe has come")
        arrivals = json.loads(receiver.text().strip().split("\n")[-1])
        self.stop(receiver)
        return Measured(count, arrivals)


class Measured:
    """`arrivals`: (number, seconds on the way) of each datagram, in the order of arrival."""

    def __init__(self, count, arrivals):
        numbers = [number for number, _ in arrivals]
        seen = set(numbers)
        self.count = count
        self.loss = 100 * (count - len(seen)) / count
        runs = "".join(" " if number in seen else "x" for number in range(count)).split()
        self.burst_length = sum(map(len, runs)) / len(runs) if runs else 0
        self.duplicate = 100 * (len(numbers) - len(seen)) / max(len(seen), 1)
        latest, late = -1, 0
        for number in numbers:
            late += number < latest
            latest = max(latest, number)
        self.reorder = 100 * late / max(len(numbers), 1)
        delays = sorted(seconds * 1000 for _, seconds in arrivals)
        self.delay_min, self.delay_median = delays[0], delays[len(delays) // 2]


PROBE_SENDER = """
import socket, struct, sys, time
address, count, interval = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
due = time.monotonic()
for number in range(count):
    due += interval
    while (left := due - time.monotonic()) > 0: time.sleep(left)
    out.sendto(struct.pack("!Id84x", number, time.monotonic()), (address, 5002))
"""
# Ends when nothing has come for a second after the first.
PROBE_RECEIVER = """
import json, socket, struct, sys, time
into = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
into.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
into.bind((sys.argv[1], 5002))
print("ready", flush=True)
into.settimeout(20)
arrivals = []
try:
    while True:
        number, sent = struct.unpack("!Id84x", into.recv(200))
        arrivals.append((number, time.monotonic() - sent))
        into.settimeout(1)
except TimeoutError:
    print(json.dumps(arrivals))
"""
