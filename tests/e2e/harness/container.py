"""Containers without an image: a command as PID 1 of namespaces of its own, in the network of its pod."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from . import network, processes
from .tools import Failure
from .waiting import wait_until

LAST = 19
ISOLATED = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]
# Where a kubelet mounts something, it is below /var/run, of which nothing else is the container's.
VOLATILE = "/run"
MOUNTED = 'mount -t tmpfs tmpfs "$1" && mkdir -p "$3" && mount --bind "$2" "$3" && shift 3 && exec "$@"'


class Container:
    """A command with its environment, and perhaps a folder mounted as a pair with its path; started again, it is a new container in the same
    pod."""

    def __init__(self, name, namespace, words, environment, folder, ready, seconds, mount=None):
        mounted = ["sh", "-c", MOUNTED, "sh", VOLATILE, *mount] if mount else []
        self.name, self.namespace, self.words, self.environment = name, namespace, [*mounted, *words], environment
        self.folder, self.log, self.ready, self.seconds = folder, Path(folder) / f"{name}.log", ready, seconds
        self.process = None

    def launch(self):
        """Starts it, and waits for nothing."""
        with open(self.log, "ab") as output:
            self.process = subprocess.Popen(
                [*network.MORTAL, *self.namespace.inside, *ISOLATED, *self.words],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=self.environment, cwd=self.folder,
            )

    def wait(self):
        """Waits until it is ready; that it ends meanwhile is a failure."""
        processes.wait_ready(self.process, self.log, self.ready, self.seconds, self.name)
        # NIXL polls, idle too: what is ready would take a core from what starts.
        for pid in _descendants(self.process.pid):
            # Threads come and go.
            with contextlib.suppress(OSError):
                for thread in Path(f"/proc/{pid}/task").iterdir():
                    os.setpriority(os.PRIO_PROCESS, int(thread.name), LAST)

    def start(self):
        """Starts it, until it is ready."""
        self.launch()
        self.wait()

    def alive(self):
        """Whether its first process lives."""
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """Ends everything in it at once, as the end of a node does."""
        if self.process is not None:
            # The first process ends after all others of its namespace, and only then are their ports free.
            if self.alive() and (first := self._first()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(first, signal.SIGKILL)
            else:
                self.process.kill()
            self.process.wait()
            self.process = None

    def _first(self):
        """The container's PID 1 as it is called outside, if it lives."""
        with contextlib.suppress(OSError):
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii").split()
            return int(children[0]) if children else None

    def terminate(self, seconds):
        """Ends it as a kubelet does, within its grace period or by force; gives back whether force was needed."""
        if first := self._first():
            os.kill(first, signal.SIGTERM)
        try:
            wait_until(lambda: not self.alive(), f"{self.name} ended", seconds)
            return False
        except Failure:
            return True
        finally:
            self.kill()


def memory(pid):
    """Bytes that a process and all that it started hold, what they share counted once."""
    return sum(map(_pss, _descendants(pid)))


def _descendants(pid):
    found = [str(pid)]
    for known in found:
        try:
            found += Path(f"/proc/{known}/task/{known}/children").read_text(encoding="ascii").split()
        except OSError:
            continue
    return found


def _pss(pid):
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
