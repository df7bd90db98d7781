"""What a scenario is: a function named as a sentence, that takes the mesh and raises where it does not hold."""
import contextlib
import shutil

from mesh import Pod
from netns import CommandError

SCENARIOS = []


class Skip(Exception):
    """The machine lacks hardware, named by the text."""


def scenario(function):
    """Collect a scenario; they run in the order of their definition, each on the mesh as `rows.build` left it."""
    SCENARIOS.append(function)
    return function


class ControlFailed(Exception):
    """A check passed though what it claims had been taken away: the check sees nothing."""


@contextlib.contextmanager
def fails_with(*texts):
    """The control of a check: the block must raise, and for the reason that these texts name."""
    try:
        yield
    except (AssertionError, TimeoutError) as error:
        if not any(text in str(error) for text in texts):
            raise ControlFailed(f"the check failed for another reason: {error}") from error
        return
    raise ControlFailed("the check passed though what it claims was taken away")


@contextlib.contextmanager
def applied(mesh, file, *objects):
    """These objects stand in the cluster's directory for the length of the block."""
    mesh.cluster.write(file, *objects)
    try:
        yield
    finally:
        mesh.cluster.remove(file)


@contextlib.contextmanager
def extra_pod(mesh, name, account="client", node="node-a", namespace="shop", in_mesh=True, config=None):
    """One more pod for the length of the block, and everything that runs in it."""
    pod = Pod(mesh, name, namespace, account, mesh.nodes[node], name, in_mesh)
    pod.config = config
    mesh.pods[name] = pod
    try:
        yield pod.attach()
    finally:
        for process in mesh.processes_in(pod.namespace):
            process.kill()
        if mesh.pods.pop(name, None):
            with contextlib.suppress(CommandError, OSError):
                pod.detach()
            mesh.namespaces.delete(pod.short)


class Baseline:
    """The cluster's directory as it was, to undo what a failed scenario left."""

    def __init__(self, mesh):
        self.mesh = mesh
        self.texts = {path.name: path.read_text() for path in mesh.cluster.directory.glob("*.yaml")}
        self.pods = set(mesh.pods)

    def restore(self):
        directory = self.mesh.cluster.directory
        for name in set(self.mesh.pods) - self.pods:
            with contextlib.suppress(Exception):
                self.mesh.pods[name].detach()
            self.mesh.pods.pop(name)
        for path in list(directory.iterdir()):
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name not in self.texts:
                path.unlink()
        for name, text in self.texts.items():
            if (directory / name).read_text() != text:
                self.mesh.cluster.write_text(name, text)
        if not self.mesh.controlplane.alive():
            self.mesh.start_controlplane()
        for node in self.mesh.nodes.values():
            if not node.process.alive():
                node.start()
        self.mesh.wait_ready()
