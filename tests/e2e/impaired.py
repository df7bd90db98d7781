"""Our stack and the kernel's over wires that lose, reorder and duplicate: every byte arrives, and the wire did what it was
asked to. How fast is perf/differential.md's matter."""
import contextlib

from rows import expect
from scenario import fails_with, scenario
from wire import Condition, Wire, other

BYTES = 400_000
LOSSY = Condition(loss=2, delay=2)
BURSTS = Condition(burst_loss=1, burst_length=3, burst_silence=50, delay=2)
MIXED = Condition(loss=1, reorder=2, reorder_delay=3, duplicate=2, jitter=1, delay=2)
PROBES = 2000


@contextlib.contextmanager
def wire_of(mesh):
    wire = Wire(f"{mesh.namespaces.prefix}-bad", mesh.directory)
    try:
        yield wire
    finally:
        wire.close()


def expect_as_asked(condition, seen):
    expect(abs(seen.loss - condition.loss_share) <= condition.loss_bound(seen.count),
           f"{seen.loss} % lost, not {condition.loss_share:.2f} +- {condition.loss_bound(seen.count):.2f}")
    expect(seen.delay_min >= condition.delay, f"a delay of {seen.delay_min} ms")


@scenario
def bad_wires_are_as_bad_as_asked(mesh):
    with wire_of(mesh) as wire:
        for condition in (LOSSY, BURSTS, MIXED):
            wire.lay(condition, seed=3)
            seen = wire.probe(PROBES)
            wire.take_up()
            print(f"# asked {condition.loss_share:.2f} % of loss, measured {seen.loss:.2f} %", flush=True)
            expect_as_asked(condition, seen)
            expect((seen.duplicate > 0) == (condition.duplicate > 0), f"{seen.duplicate} % came twice")
            with fails_with("lost, not"):
                expect_as_asked(Condition(loss=condition.loss_share * 3, delay=condition.delay), seen)


def transfer(wire, condition, sender, receiver, seed):
    wire.lay(condition, seed)
    sent, received = wire.transfer(sender, receiver, BYTES, seed=seed)
    wire.take_up()
    for each in (sent, received):
        expect(not each["error"], f"{sender} to {receiver}, seed {seed}: {each['error']}")
    expect(sent["bytes"] == received["bytes"] == BYTES, f"{received['bytes']} of {sent['bytes']} bytes")
    return sent["retransmits"]


@scenario
def our_stack_and_the_kernel_bring_every_byte_over_bad_wires(mesh):
    with wire_of(mesh) as wire:
        for condition in (LOSSY, BURSTS, MIXED):
            for sender, receiver in (("ours", "kernel"), ("kernel", "ours")):
                again = transfer(wire, condition, sender, receiver, seed=3)
                expect(again > 0, "nothing was lost")
        # The control: a receiver that expects another pattern sees wrong bytes.
        wire.lay(LOSSY, seed=3)
        receiver = wire.listen("ours", other("left"), seed=4)
        sender = wire.send("kernel", "left", "ours", "--bytes", BYTES, seed=3)
        with fails_with("is wrong"):
            error = wire.result(receiver, 30)["error"]
            expect(not error, error)
        wire.result(sender, 30)
