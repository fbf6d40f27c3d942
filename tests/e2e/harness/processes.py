"""Programs that run beside the tests: each with a log of its own, waited for, and ended by its own process id."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from .tools import Failure
from .waiting import wait_until

# etcd and the API server take a few seconds to end well.
STOP_SECONDS = 20


def free_ports(count):
    """Ports of 127.0.0.1 that nobody has, all different."""
    with contextlib.ExitStack() as open_sockets:
        probes = [open_sockets.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def listens(port, address="127.0.0.1"):
    """Whether a program accepts connections."""
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
        return True
    return False


def end_of(log, lines=20):
    """The last lines of a log, for a message."""
    text = Path(log).read_text(encoding="utf-8", errors="replace")
    return f"The end of {log}:\n" + "\n".join(line[:1000] for line in text.splitlines()[-lines:])


def start(command, log, environment=None):
    """Starts a program that appends what it prints to a log."""
    # Told to end, a test ends what it started first, as it does on Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with open(log, "ab") as output:
        return subprocess.Popen(
            list(map(str, command)), stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **(environment or {})}
        )


def wait_ready(process, log, ready, seconds):
    """Waits for `ready`, but not longer than the program lives."""
    name = Path(process.args[0]).name

    def look():
        if process.poll() is not None:
            raise Failure(f"{name} ended with {process.returncode}. {end_of(log)}")
        return ready()

    wait_until(look, f"{name} is ready", seconds, lambda: end_of(log))


def stop(process):
    """Ends a program, politely first."""
    process.terminate()
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def running(command, log, ready, seconds=60, environment=None):
    """Runs a program for as long as the block runs, from when it is ready. That it ends by itself is a failure."""
    process = start(command, log, environment)
    try:
        wait_ready(process, log, ready, seconds)
        yield process
        if process.poll() is not None:
            raise Failure(f"{Path(command[0]).name} ended by itself with {process.returncode}. {end_of(log)}")
    finally:
        stop(process)
