"""The function under test: built as it is released, served as `crossplane composition render` needs it."""

import contextlib
import os
import socket
import subprocess
import time
from pathlib import Path

from .tools import PROJECT, Failure

# A cold start takes milliseconds; a loaded machine gets a hundred times that.
START_SECONDS = 10


def binary():
    """Builds the release binary. MODELPLANE_E2E_FUNCTION names one that is built already."""
    given = os.environ.get("MODELPLANE_E2E_FUNCTION")
    if given:
        return Path(given)
    if subprocess.run(["cargo", "build", "--release", "--locked"], cwd=PROJECT).returncode != 0:
        raise Failure("cannot build the function")
    target = Path(os.environ.get("CARGO_TARGET_DIR", "target"))
    return PROJECT / target / "release" / "function-modelplane"


def preview(program, *paths):
    """What `preview` says is composed for manifests, as YAML; that a deployment is not placed is not a failure."""
    done = subprocess.run([program, "preview", *paths, "--output", "yaml"], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise Failure(f"preview: {done.stderr.strip()}")
    return done.stdout


@contextlib.contextmanager
def served(program, log):
    """Serves the function on a free port for as long as the block runs, and gives the address to call."""
    address = f"127.0.0.1:{_free_port()}"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [program, "--insecure", "--address", address], stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        _wait_for(address, process, log)
        yield address
        if process.poll() is not None:
            raise Failure(f"the function ended by itself with {process.returncode}:\n{Path(log).read_text()}")
    finally:
        process.terminate()
        try:
            process.wait(timeout=START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(address, process, log):
    host, port = address.split(":")
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
            return
        time.sleep(0.05)
    # A function that does not listen would hang every render until its timeout.
    raise Failure(f"the function does not listen at {address}:\n{Path(log).read_text()}")
