"""A placement as its cluster holds it: on a real API server what KServe's controller makes of our LLMInferenceService, and the pods that
Kubernetes' own controllers make of that. Only what a kubelet would report of a pod is said by a test."""

import contextlib
import urllib.parse
from pathlib import Path

from . import api_server, kserve, kserve_children, network
from .kubernetes_client import reference
from .tools import Failure
from .waiting import wait_until

# They make pods of Deployments.
CONTROLLERS = ["deployment-controller", "replicaset-controller"]
DEPLOYMENTS = {**kserve_children.SUFFIXES, "scheduler": kserve_children.SCHEDULER}
# The group in which the routing sidecar looks for the pool.
SIDECARS_GROUP = "inference.networking.x-k8s.io/v1alpha2"
MADE_SECONDS = 60


@contextlib.contextmanager
def cluster(tools, folder):
    """Runs the API server of a cluster, which pods reach, and gives a client."""
    with api_server.started(tools.folder / "bin", Path(folder) / "cluster", network.BRIDGE, CONTROLLERS) as client:
        yield client


class Pool:
    """What belongs to an LLMInferenceService in a cluster."""

    def __init__(self, tools, client, version, things, expected, folder):
        """Gives KServe what is composed for a placement, whose pods must be as `expected`."""
        self.client, self.folder = client, Path(folder)
        (service,) = [thing for thing in things if thing["kind"] == "LLMInferenceService"]
        self.name, self.namespace = service["metadata"]["name"], service["metadata"]["namespace"]
        # What it has made stays when it ends.
        with kserve.installed(tools, client, version, folder, service["apiVersion"].rpartition("/")[2]):
            client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})
            client.wait_for(reference("v1", "ServiceAccount", "default", self.namespace), lambda _: True, "is made")
            client.apply_all(things)
            self.children = kserve_children.settled(client, service, expected)
            pool = reference(SIDECARS_GROUP, "InferencePool", self.name + kserve_children.POOL, self.namespace)
            client.wait_for(pool, lambda _: True, "KServe makes it", MADE_SECONDS)

    def pods(self, role):
        """The pods of decode, of prefill or of the scheduler, by name."""
        deployment = self.children["Deployment", DEPLOYMENTS[role]]
        labels = deployment["spec"]["selector"]["matchLabels"].items()

        def made():
            found = [pod for pod in self.client.list("v1", "Pod", self.namespace) if labels <= pod["metadata"]["labels"].items()]
            return sorted(found, key=_name) if len(found) == deployment["spec"].get("replicas", 1) else None

        return wait_until(made, f"the pods of {_name(deployment)} are made", MADE_SECONDS)

    def runs(self, pod, address, ready=True):
        """A kubelet says that a pod has an address, and whether it is ready."""
        conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
        self.client.patch_status(pod, {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "conditions": conditions})

    def delete(self, pod):
        """Ends a pod at once; what owns it makes another."""
        self.client.delete(pod)
        self.client.wait_gone(pod)

    def account(self, pod, container):
        """What a kubelet mounts for a container to reach the API server, as a pair of folder and path, and the variables that say where it is."""
        volumes = {volume["name"]: volume.get("projected", {}).get("sources", []) for volume in pod["spec"]["volumes"]}
        paths = [mount["mountPath"] for mount in container["volumeMounts"] if any("serviceAccountToken" in source for source in volumes[mount["name"]])]
        if len(paths) != 1:
            raise Failure(f"container {container['name']} of {_name(pod)} has the token of its account mounted {len(paths)} times")
        folder, account = self.folder / _name(pod), self.client.as_service_account(self.namespace, pod["spec"]["serviceAccountName"])
        folder.mkdir(exist_ok=True)
        for name, text in [("token", account.token), ("namespace", self.namespace), ("ca.crt", Path(self.client.ca).read_text(encoding="ascii"))]:
            (folder / name).write_text(text, encoding="ascii")
        server = urllib.parse.urlsplit(self.client.server)
        return (str(folder), paths[0]), {"KUBERNETES_SERVICE_HOST": server.hostname, "KUBERNETES_SERVICE_PORT": str(server.port)}


def _name(thing):
    return thing["metadata"]["name"]
