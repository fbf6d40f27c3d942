"""Crossplane as its Helm chart installs it: core and the RBAC manager, each with the ServiceAccount and the roles of the chart."""

import base64
import contextlib
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from . import prometheus
from .kubernetes_client import reference
from .processes import free_ports, running
from .tools import Failure

# The first is what a suite runs with unless told otherwise.
VERSIONS = ["v2.3.4", "v2.4.0"]
NAMESPACE = "crossplane-system"
# What the chart installs beside roles, accounts and Secrets; there is nothing here to run it.
NOT_RUN = {"Deployment", "Service"}
# Core makes certificates for Services. A Service of this name is one that it finds without a cluster's DNS.
HOST = "localhost"
SERVER_CERTIFICATE, CLIENT_CERTIFICATE = "function-tls-server", "crossplane-tls-client"
# Crossplane watches what matters; this is how often it looks again all the same.
POLL_INTERVAL = "5s"
# How many changes of what it watches core's circuit breaker lets through, per second and XR, before it takes the XR for one that flaps,
# beside the 100 at once that are always let through. Core's own default, here None, is 1; a story presses into minutes what takes days elsewhere.
WATCH_EVENTS = 20


@dataclass
class Crossplane:
    """What runs: which version, where the server certificate for functions is, and on which port core tells its metrics."""

    version: str
    certificates: Path
    metrics: int

    def flapped(self):
        """How often core's circuit breaker has opened: the XRs of which one had `Responsive=False`, each time it had."""
        return prometheus.total(self.metrics, "circuit_breaker_opens_total")

    def watch_events(self):
        """How many changes of what it watches core's circuit breaker was told of, by the kind of XR that they were about."""
        found = [(name, value) for name, value in prometheus.told(self.metrics) if name.startswith("circuit_breaker_events_total")]
        kinds = [name.partition('controller="composite/')[2].partition('"')[0] for name, _ in found]
        return {kind: int(sum(value for of, (_, value) in zip(kinds, found) if of == kind)) for kind in sorted(set(kinds))}


def core_option(parser, default=VERSIONS[0]):
    """Lets the command line of a suite say which version is installed."""
    parser.add_argument("--core", default=default, choices=VERSIONS, help=f"the version of Crossplane's core; {default or 'several'} by default")


@contextlib.contextmanager
def started(tools, client, folder, runtime="External", version=VERSIONS[0], watch_events=WATCH_EVENTS, poll_interval=POLL_INTERVAL):
    """Runs Crossplane for as long as the block runs.

    `runtime` says who runs packages: nobody, unless told otherwise, as core's flag --package-runtime does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _install(tools.cores[version], tools, client)
    core, manager = (_kubeconfig(client, account, folder) for account in ["crossplane", "rbac-manager"])
    program = tools.folder / "bin" / f"crossplane-core-{version}"
    packages, responses = folder / "packages", folder / "responses"
    packages.mkdir()
    responses.mkdir()
    _initialise(program, tools.cores[version], core, folder)
    for secret in [SERVER_CERTIFICATE, CLIENT_CERTIFICATE]:
        _write_certificate(client, secret, folder / secret)
    metrics, probes = free_ports(2)
    start_core = [
        program, "core", "start", f"--package-runtime={runtime}", "--enable-webhooks=false", f"--tls-client-certs-dir={folder / CLIENT_CERTIFICATE}",
        f"--xpkg-cache-dir={packages}", f"--xfn-cache-dir={responses}", f"--metrics-port={metrics}",
        f"--health-probe-port={probes}", f"--poll-interval={poll_interval}", "--debug",
        *([f"--circuit-breaker-refill-rate={watch_events}"] if watch_events else []),
    ]
    start_manager = [program, "rbac", "start", "--provider-clusterrole=crossplane:allowed-provider-permissions", "--debug"]
    with (
        running(start_manager, folder / "rbac-manager.log", lambda: True, environment=manager),
        running(start_core, folder / "core.log", lambda: _healthy(probes), environment=core),
    ):
        yield Crossplane(version, folder / SERVER_CERTIFICATE, metrics)


def register_function(client, name, port):
    """Makes a function known as the package manager would: core calls whatever active revision has an endpoint."""
    revision = {
        **reference("pkg.crossplane.io/v1", "FunctionRevision", f"{name}-served"),
        "spec": {"desiredState": "Active", "image": "xpkg.example.org/not/pulled:v0", "revision": 1},
    }
    # Paused, or the package manager would try to pull the image.
    revision["metadata"] |= {"labels": {"pkg.crossplane.io/package": name}, "annotations": {"crossplane.io/paused": "true"}}
    client.apply(revision)
    client.patch_status(revision, {"endpoint": f"dns:///{HOST}:{port}", "capabilities": ["composition"]})


def _install(files, tools, client):
    client.apply(reference("v1", "Namespace", NAMESPACE))
    client.apply_all([thing for thing in tools.read_yaml(files / "chart.yaml") if thing["kind"] not in NOT_RUN])
    role = reference("rbac.authorization.k8s.io/v1", "ClusterRole", "crossplane")
    client.wait_for(role, lambda found: found["rules"], "has the rules that are aggregated")


def _kubeconfig(client, account, folder):
    """The environment of a program that runs as a ServiceAccount."""
    return {"KUBECONFIG": str(client.as_service_account(NAMESPACE, account).kubeconfig(folder / f"{account}.kubeconfig"))}


def _initialise(program, files, environment, folder):
    """What the init container of the chart's Deployment does: CRDs and certificates."""
    webhooks = folder / "no-webhooks"
    webhooks.mkdir()
    command = [
        program, "core", "init", f"--cr-ds-path={files / 'crds'}", "--tlsca-secret-name=crossplane-root-ca",
        f"--tls-client-secret-name={CLIENT_CERTIFICATE}", f"--tls-server-secret-name={SERVER_CERTIFICATE}", "--enable-webhooks",
        f"--webhook-configurations-path={webhooks}", f"--webhook-service-name={HOST}", f"--webhook-service-namespace={NAMESPACE}",
    ]
    # As a container it would be started again, too: it does not wait until what it defined is there.
    for _ in range(5):
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode == 0:
            return
    raise Failure(f"cannot initialise Crossplane: {done.stderr.strip()}")


def _write_certificate(client, secret, folder):
    folder.mkdir()
    for name, value in client.get(reference("v1", "Secret", secret, NAMESPACE))["data"].items():
        (folder / name).write_bytes(base64.b64decode(value))


def _healthy(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False
