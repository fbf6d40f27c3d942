"""The function under test: built as it is released, served as `crossplane composition render` needs it or as in a cluster."""

import contextlib
import os
import subprocess
from pathlib import Path

from . import processes
from .tools import PROJECT, Failure

# A cold start takes milliseconds; a loaded machine gets a hundred times that.
START_SECONDS = 10


def binary():
    """Builds the binary that is in the package. MODELPLANE_E2E_FUNCTION names one that is built already."""
    given = os.environ.get("MODELPLANE_E2E_FUNCTION")
    if given:
        return Path(given)
    done = subprocess.run([PROJECT / "package" / "build", "--binary-only"], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Failure("cannot build the function")
    return Path(done.stdout.strip())


def preview(program, *paths):
    """What `preview` says is composed for manifests, as YAML; that a deployment is not placed is not a failure."""
    done = subprocess.run([program, "preview", *paths, "--output", "yaml"], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise Failure(f"preview: {done.stderr.strip()}")
    return done.stdout


class Function:
    """The function as a server on a free port, which it has again when it is stopped and started."""

    def __init__(self, program, log, *arguments):
        self.port, = processes.free_ports(1)
        self.address = f"127.0.0.1:{self.port}"
        self.command, self.log, self.process = [program, "--address", self.address, *arguments], log, None

    def start(self):
        """Starts the server, and waits until it listens: one that does not would hang every render until its timeout."""
        self.process = processes.start(self.command, self.log)
        processes.wait_ready(self.process, self.log, lambda: processes.listens(self.port), START_SECONDS)

    def stop(self):
        """Ends the server, if it is started; that it ended by itself is a failure."""
        process, self.process = self.process, None
        if process is None:
            return
        ended = process.poll()
        processes.stop(process)
        if ended is not None:
            raise Failure(f"the function ended by itself with {ended}. {processes.end_of(self.log)}")


@contextlib.contextmanager
def running(program, log, *arguments):
    """Serves the function for as long as the block runs."""
    function = Function(program, log, *arguments)
    try:
        function.start()
        yield function
    finally:
        function.stop()


@contextlib.contextmanager
def served(program, log):
    """Serves the function without TLS for as long as the block runs, and gives the address to call."""
    with running(program, log, "--insecure") as function:
        yield function.address
