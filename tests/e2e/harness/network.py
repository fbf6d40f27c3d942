"""Networks of pods: each has a network namespace and an address, joined by a bridge in one that the run has for itself."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from .tools import Failure
from .waiting import wait_until

ALONE = "MODELPLANE_E2E_ALONE"
PROGRAMS = ["ip", "nsenter", "setpriv", "unshare"]
# Whatever ends a test, nothing that it started in a namespace stays.
MORTAL = ["setpriv", "--pdeathsig", "KILL"]
# For tests of networks, says RFC 2544. Nothing of it leaves the run's own namespaces.
ADDRESS = "198.18.0.{}"
BRIDGE = ADDRESS.format(1)


class Impossible(Failure):
    """There can be no network namespaces here; the message says why."""


def possible():
    """Fails where there can be no network namespaces."""
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        raise Impossible(f"pods get network namespaces from iproute2 and util-linux, and there is no {', '.join(missing)}")
    if subprocess.run([*_unshared(), "--pid", "--fork", "--mount-proc", "true"]).returncode != 0:
        raise Impossible("pods are namespaces, which needs root or unprivileged user namespaces")


def _unshared():
    """The words in front of a command that make its network its own."""
    return ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--net"]


def alone():
    """Starts this program again in a network namespace of its own, from where nothing is reached but what it makes."""
    if os.environ.get(ALONE):
        ip("link", "set", "lo", "up")
        return
    sys.stdout.flush()
    os.execvpe("unshare", [*_unshared(), sys.executable, *sys.argv], {**os.environ, ALONE: "1"})


def ip(*words, inside=()):
    """Runs `ip`, and gives back what it prints."""
    done = subprocess.run([*inside, "ip", *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"ip {' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


class Network:
    """The bridge, and the namespaces that hang on it."""

    def __init__(self, stack):
        self.stack, self.count = stack, 0
        ip("link", "add", "pods", "type", "bridge")
        ip("address", "add", f"{BRIDGE}/24", "dev", "pods")
        ip("link", "set", "pods", "up")

    def namespace(self):
        """A new namespace with an address of its own."""
        self.count += 1
        return self.stack.enter_context(_namespace(f"pod{self.count}", ADDRESS.format(10 + self.count)))


class Namespace:
    """A network namespace, which lives as long as a process that does nothing else."""

    def __init__(self, device, address, pid):
        self.device, self.address = device, address
        self.inside = ["nsenter", f"--net=/proc/{pid}/ns/net"]

    def sent(self):
        """How many bytes have left it."""
        (link,) = json.loads(ip("-json", "-statistics", "link", "show", "dev", self.device))
        return link["stats64"]["rx"]["bytes"]


@contextlib.contextmanager
def _namespace(device, address):
    holder = subprocess.Popen([*MORTAL, "unshare", "--net", "sleep", "infinity"], stdin=subprocess.DEVNULL)
    try:
        ours, theirs = Path("/proc/self/ns/net"), Path(f"/proc/{holder.pid}/ns/net")
        wait_until(lambda: theirs.readlink() != ours.readlink(), f"the namespace {device}", 10)
        found = Namespace(device, address, holder.pid)
        ip("link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", holder.pid)
        ip("link", "set", device, "master", "pods", "up")
        ip("address", "add", f"{address}/24", "dev", "eth0", inside=found.inside)
        for link in ["lo", "eth0"]:
            ip("link", "set", link, "up", inside=found.inside)
        # Nothing is routed; programs ask for a route to find their own address.
        ip("route", "add", "default", "via", BRIDGE, inside=found.inside)
        yield found
    finally:
        holder.kill()
        holder.wait()
