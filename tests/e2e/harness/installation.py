"""Modelplane installed in a control plane that runs: our XRDs and Compositions in the real Crossplane, which calls our function over mTLS."""

import contextlib
import datetime
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import api_server, crossplane_core, function, prometheus
from .control_plane import PACKAGE, resource_name
from .kubernetes_client import Client, conditions, reference
from .processes import free_ports
from .tools import E2E, PROJECT
from .waiting import wait_until

INPUT = {"apiVersion": "modelplane.fn.crossplane.io/v1beta1", "kind": "Input"}


@dataclass
class Installation:
    """What a test needs: a client, the function to stop and start, and where the logs are."""

    tools: object
    client: Client
    crossplane: crossplane_core.Crossplane
    function: function.Function
    folder: Path
    metrics: int
    # How long each part took to start, in seconds.
    timings: dict = field(default_factory=dict)

    def apply(self, *sources):
        """Applies objects and the objects of YAML files, and gives them back as they are stored. A status is not applied."""
        things = [thing for source in sources for thing in (self.tools.read_yaml(source) if isinstance(source, Path) else [source])]
        return self.client.apply_all([{key: value for key, value in thing.items() if key != "status"} for thing in things])

    def calls(self):
        """How often Crossplane has called the function since it was started."""
        return prometheus.total(self.metrics, "grpc_server_handled_total")

    def received(self):
        """How many bytes of requests the function has taken since it was started."""
        return prometheus.total(self.metrics, "function_modelplane_request_bytes_total")

    def namespace(self, name):
        """Makes a namespace with all that namespaces have."""
        self.client.apply(reference("v1", "Namespace", name))
        self.client.wait_for(reference("v1", "ServiceAccount", "default", name), bool, "is made")
        return name

    def composed(self, composite):
        """What is composed for an XR now, by its key in the function's desired state."""
        namespace = composite["metadata"].get("namespace")
        references = self.client.get(composite)["spec"].get("crossplane", {}).get("resourceRefs", [])
        found = [self.client.find(reference(each["apiVersion"], each["kind"], each["name"], namespace)) for each in references]
        return {resource_name(thing): thing for thing in found if thing is not None}

    def events(self, thing):
        """The events about an object, oldest first by the second: for each its type, reason and message."""
        uid, namespace = self.client.get(thing)["metadata"]["uid"], thing["metadata"].get("namespace", "default")
        about = [event for event in self.client.list("v1", "Event", namespace) if event["involvedObject"].get("uid") == uid]
        about.sort(key=lambda event: event["metadata"]["creationTimestamp"])
        return [(event["type"], event["reason"], event["message"]) for event in about]

    def report(self, thing, conditions, **status):
        """Writes an object's status as its controller would: conditions by type, each a status or a pair of status and reason."""
        pairs = {kind: stated if isinstance(stated, tuple) else (stated, "Reported") for kind, stated in conditions.items()}
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        listed = [{"type": kind, "status": state, "reason": reason, "lastTransitionTime": now} for kind, (state, reason) in pairs.items()]
        return self.client.patch_status(thing, {**status, "conditions": listed})


@contextlib.contextmanager
def folder():
    """A new folder for the files and logs of a run. It stays where MODELPLANE_E2E_LOGS is set, inside of that."""
    if kept := os.environ.get("MODELPLANE_E2E_LOGS"):
        Path(kept).mkdir(parents=True, exist_ok=True)
        yield Path(tempfile.mkdtemp(prefix=f"{Path(sys.argv[0]).name}.", dir=kept))
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield Path(temporary)


@contextlib.contextmanager
def started(tools, binary, ttl="1s", **crossplane):
    """Runs the whole for as long as the block runs; `crossplane` says how crossplane_core.started() does its part.

    Crossplane watches an XR and what it composes. Of anything else, such as a model or an environment, it learns only when the
    function's answer has lived for its `ttl`: a minute, where the Input of a Composition does not say, which no test wants to wait.
    """
    timings = {}
    with contextlib.ExitStack() as stack:
        written = stack.enter_context(folder())
        with _timed(timings, "API server"):
            client = stack.enter_context(api_server.started(tools.folder / "bin", written / "api-server"))
        # The CRD of LLMInferenceService takes the API server some seconds, in which Crossplane starts.
        crds = [client.apply(crd) for crd in tools.read_yaml(*composed_crds(tools))]
        with _timed(timings, "Crossplane"):
            core = stack.enter_context(crossplane_core.started(tools, client, written / "crossplane", **crossplane))
        with _timed(timings, "function"):
            metrics, = free_ports(1)
            arguments = ["--tls-certs-dir", core.certificates, "--metrics-address", f"127.0.0.1:{metrics}"]
            served = stack.enter_context(function.running(binary, written / "function.log", *arguments))
        with _timed(timings, "XRDs and Compositions"):
            _install(tools, client, served, ttl)
            for crd in crds:
                client.wait_for_conditions(crd, {"Established": "True"}, 60)
        yield Installation(tools, client, core, served, written, metrics, timings)


def composed_crds(tools):
    """The CRDs of the kinds that the function composes."""
    oldest = next(iter(tools.kserve.values()))
    return [*sorted((oldest / "crds").glob("*.yaml")), *sorted(tools.crds.glob("kubernetes.m.*")), *sorted(tools.crds.glob("keda.sh_*"))]


def _install(tools, client, served, ttl):
    package = tools.read_yaml(*sorted(PACKAGE.glob("*/*.yaml")))
    definitions, compositions = ([thing for thing in package if thing["kind"] == kind] for kind in ["CompositeResourceDefinition", "Composition"])
    steps = [step for composition in compositions for step in composition["spec"]["pipeline"]]
    for name in {step["functionRef"]["name"] for step in steps}:
        crossplane_core.register_function(client, name, served.port)
    for step in steps:
        step["input"] = {**INPUT, **step.get("input", {}), "ttl": ttl}
    client.apply_all([*rights(tools), *definitions, *compositions])
    for definition in definitions:
        client.wait_for_conditions(definition, {"Established": ("True", "WatchingCompositeResource")}, 60)

    def revised():
        revisions = client.list("apiextensions.crossplane.io/v1", "CompositionRevision")
        return len(revisions) == len(compositions) and all(conditions(revision)["ValidPipeline"]["status"] == "True" for revision in revisions)

    # Without them Crossplane would find nothing to do for an XR, and try again later and later.
    wait_until(revised, "each Composition has a valid revision", 60)


def rights(tools):
    """What Crossplane needs beside what its chart gives it, and what others may: what the project installs, and what comes with
    provider-kubernetes."""
    return tools.read_yaml(*(PROJECT / "package" / "install" / name for name in ["control-plane.yaml", "teams.yaml"]), E2E / "provider-rights.yaml")


@contextlib.contextmanager
def _timed(timings, what):
    begin = time.monotonic()
    yield
    timings[what] = time.monotonic() - begin


def counted(client, namespace, *but):
    """Waits until Kubernetes counts what a team's quota bounds, `but` for kinds that are not installed: of new ones it first refuses all."""
    def counts(quota):
        return quota["spec"]["hard"].keys() - set(but) <= quota.get("status", {}).get("used", {}).keys()

    client.wait_for(reference("v1", "ResourceQuota", "modelplane", namespace), counts, "counts", 90)
