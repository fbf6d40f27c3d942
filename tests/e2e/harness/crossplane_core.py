"""Crossplane as its Helm chart installs it: core and the RBAC manager, each with the ServiceAccount and the roles of the chart."""

import base64
import contextlib
import subprocess
import urllib.request

from .kubernetes_client import reference
from .processes import free_ports, running
from .tools import Failure

NAMESPACE = "crossplane-system"
# What the chart installs beside roles, accounts and Secrets; there is nothing here to run it.
NOT_RUN = {"Deployment", "Service"}
# Core makes certificates for Services. A Service of this name is one that it finds without a cluster's DNS.
HOST = "localhost"
SERVER_CERTIFICATE, CLIENT_CERTIFICATE = "function-tls-server", "crossplane-tls-client"
# Crossplane watches what matters; this is how often it looks again all the same.
POLL_INTERVAL = "5s"
# Per second and XR: a test presses into minutes what takes days elsewhere, and would be taken for something that flaps.
WATCH_EVENTS = 20


@contextlib.contextmanager
def started(tools, client, folder, runtime="External"):
    """Runs Crossplane for as long as the block runs, and gives the folder of a server certificate for functions.

    `runtime` says who runs packages: nobody, unless told otherwise, as core's flag --package-runtime does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _install(tools, client)
    core, manager = (_kubeconfig(client, account, folder) for account in ["crossplane", "rbac-manager"])
    program = tools.folder / "bin" / "crossplane-core"
    packages, responses = folder / "packages", folder / "responses"
    packages.mkdir()
    responses.mkdir()
    _initialise(program, tools, core, folder)
    for secret in [SERVER_CERTIFICATE, CLIENT_CERTIFICATE]:
        _write_certificate(client, secret, folder / secret)
    metrics, probes = free_ports(2)
    start_core = [
        program, "core", "start", f"--package-runtime={runtime}", "--enable-webhooks=false", f"--tls-client-certs-dir={folder / CLIENT_CERTIFICATE}",
        f"--xpkg-cache-dir={packages}", f"--xfn-cache-dir={responses}", f"--metrics-port={metrics}",
        f"--health-probe-port={probes}", f"--poll-interval={POLL_INTERVAL}", f"--circuit-breaker-refill-rate={WATCH_EVENTS}", "--debug",
    ]
    start_manager = [program, "rbac", "start", "--provider-clusterrole=crossplane:allowed-provider-permissions", "--debug"]
    with (
        running(start_manager, folder / "rbac-manager.log", lambda: True, environment=manager),
        running(start_core, folder / "core.log", lambda: _healthy(probes), environment=core),
    ):
        yield folder / SERVER_CERTIFICATE


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


def _install(tools, client):
    client.apply(reference("v1", "Namespace", NAMESPACE))
    client.apply_all([thing for thing in tools.read_yaml(tools.folder / "crossplane.yaml") if thing["kind"] not in NOT_RUN])
    role = reference("rbac.authorization.k8s.io/v1", "ClusterRole", "crossplane")
    client.wait_for(role, lambda found: found["rules"], "has the rules that are aggregated")


def _kubeconfig(client, account, folder):
    """The environment of a program that runs as a ServiceAccount."""
    return {"KUBECONFIG": str(client.as_service_account(NAMESPACE, account).kubeconfig(folder / f"{account}.kubeconfig"))}


def _initialise(program, tools, environment, folder):
    """What the init container of the chart's Deployment does: CRDs and certificates."""
    webhooks = folder / "no-webhooks"
    webhooks.mkdir()
    command = [
        program, "core", "init", f"--cr-ds-path={tools.folder / 'crossplane-crds'}", "--tlsca-secret-name=crossplane-root-ca",
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
