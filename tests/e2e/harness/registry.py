"""A registry of container images on this machine, empty at first and gone at the end."""

import contextlib
import re
import subprocess
import time
from pathlib import Path

from .tools import Failure

START_SECONDS = 10


@contextlib.contextmanager
def served_registry(tools, log):
    """Serves a registry for as long as the block runs, and gives its address. Programs take it for one without TLS."""
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [tools.folder / "bin" / "registry", "-port=0"], stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield f"127.0.0.1:{_port(process, Path(log))}"
    finally:
        process.kill()
        process.wait()


def push(tools, address, repository, tag, *packages):
    """Pushes packages under one tag: one for each architecture."""
    target = f"{address}/{repository}:{tag}"
    done = tools.run("crossplane", "xpkg", "push", f"--package-files={','.join(map(str, packages))}", target)
    if done.returncode != 0:
        raise Failure(f"cannot push {target}: {done.stderr.strip()}")


def _port(process, log):
    """The port that the registry chose: it says so in its log."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"serving on port (\d+)", log.read_text()):
            return int(found[1])
        time.sleep(0.05)
    raise Failure(f"the registry does not serve:\n{log.read_text()}")
