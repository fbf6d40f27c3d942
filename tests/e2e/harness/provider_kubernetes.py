"""A stand-in for provider-kubernetes: what an Object holds exists on its cluster, and the Object says what became of it.

All clusters are one API server here: what is in namespace N of the cluster behind provider config C is in namespace C--N.
"""

import contextlib
import datetime
import threading

from .control_plane import title
from .kubernetes_client import ApiError, Client, reference
from .remote_account import synced
from .tools import Failure

API_VERSION = "kubernetes.m.crossplane.io/v1alpha1"
FINALIZER = "finalizer.managedresource.crossplane.io"
SUFFIX = "-cluster-kubeconfig"
INTERVAL_SECONDS = 0.2


def namespace_on(cluster, namespace):
    """Where a namespace of a cluster is."""
    return f"{cluster}--{namespace}"


def namespace_of(found):
    """What its own cluster calls a namespace."""
    return found.rpartition("--")[2]


@contextlib.contextmanager
def reconciling(client, account):
    """Reconciles every Object for as long as the block runs; `account` is who the control plane is on its clusters."""
    provider = _Provider(client, account)
    worker = threading.Thread(target=provider.work, daemon=True)
    worker.start()
    try:
        yield
    finally:
        provider.over.set()
        worker.join()
        if provider.failure:
            print(f"the stand-in for provider-kubernetes failed: {provider.failure!r}", flush=True)
    if provider.failure:
        raise Failure("what was tested had no provider-kubernetes")


class _Provider:
    """The controller."""

    def __init__(self, client, account):
        # What is discovered of kinds is not shared between threads.
        self.client, self.account = (Client(each.server, each.ca, each.token) for each in [client, account])
        self.failure, self.over = None, threading.Event()

    def work(self):
        """Looks at all Objects again and again."""
        try:
            while not self.over.wait(INTERVAL_SECONDS):
                for thing in self.client.list(API_VERSION, "Object"):
                    with contextlib.suppress(_Superseded):
                        self._reconcile(thing)
        except Exception as failure:  # whatever it is, the test that waits for the work must hear of it
            self.failure = failure

    def _reconcile(self, thing):
        cluster = self._cluster(thing)
        if cluster is None:
            return self._report(thing, thing.get("status", {}).get("atProvider", {}), "there is no such provider config")
        there = on_cluster(cluster, thing["spec"]["forProvider"]["manifest"])
        if "deletionTimestamp" in thing["metadata"]:
            return self._delete(thing, there)
        if FINALIZER not in thing["metadata"].get("finalizers", []):
            thing = self._write(thing, {**thing, "metadata": {**thing["metadata"], "finalizers": [FINALIZER]}})
        try:
            self._copy_references(thing, there)
            found = synced(self.account, there)
        except ApiError as refused:
            return self._report(thing, thing.get("status", {}).get("atProvider", {}), refused.message)
        return self._report(thing, {"manifest": back_from_cluster(cluster, found)})

    def _cluster(self, thing):
        """Where an Object's provider config leads to."""
        name = thing["spec"]["providerConfigRef"]["name"]
        config = self.client.find(reference(API_VERSION, "ClusterProviderConfig", name))
        return name.removesuffix(SUFFIX) if config else None

    def _copy_references(self, thing, there):
        """A Secret's values come from the control plane."""
        for each in thing["spec"].get("references", []):
            source = each["patchesFrom"]
            key = source["fieldPath"].removeprefix("data[").removesuffix("]")
            secret = self.client.get(reference("v1", "Secret", source["name"], source["namespace"]))
            there.setdefault("data", {})[each["toFieldPath"].removeprefix("data.")] = secret["data"][key]

    def _delete(self, thing, there):
        may = thing["spec"].get("managementPolicies", ["*"])
        if {"*", "Delete"} & set(may) and self.account.find(there) is not None:
            with contextlib.suppress(ApiError):
                self.account.delete(there)
            return
        finalizers = [each for each in thing["metadata"].get("finalizers", []) if each != FINALIZER]
        self._write(thing, {**thing, "metadata": {**thing["metadata"], "finalizers": finalizers}})

    def _report(self, thing, at_provider, problem=None):
        """Writes the status where it is another one than before."""
        before = thing.get("status", {})
        ready = _is_ready(thing, at_provider.get("manifest", {}))
        conditions = [
            _condition("Synced", problem is None, "ReconcileError" if problem else "ReconcileSuccess", problem),
            _condition("Ready", ready, "Available" if ready else "Unavailable", None),
        ]
        known = {condition["type"]: condition for condition in before.get("conditions", [])}
        for condition in conditions:
            same = known.get(condition["type"], {})
            if all(same.get(field) == condition.get(field) for field in ["status", "reason", "message"]):
                condition["lastTransitionTime"] = same["lastTransitionTime"]
        status = {**before, "atProvider": at_provider, "conditions": conditions}
        if status != before:
            self._write(thing, {**thing, "status": status}, "/status")

    def _write(self, thing, changed, subresource=""):
        try:
            return self.client.request("PUT", self.client.path(thing) + subresource, changed)
        except ApiError as refused:
            if refused.code in (404, 409):
                raise _Superseded(title(thing)) from None
            raise


class _Superseded(Exception):
    """Somebody changed the Object first: it is looked at again."""


def on_cluster(cluster, manifest):
    """A manifest as it is stored here."""
    return _moved(manifest, lambda namespace: namespace_on(cluster, namespace))


def back_from_cluster(cluster, manifest):
    """What is stored here as it is on its cluster."""
    return _moved(manifest, lambda namespace: namespace.removeprefix(namespace_on(cluster, "")))


def _moved(manifest, move):
    field = "name" if manifest["kind"] == "Namespace" else "namespace"
    return {**manifest, "metadata": {**manifest["metadata"], field: move(manifest["metadata"][field])}}


def _is_ready(thing, manifest):
    """By the Object's policy: that it exists, or that it says so itself."""
    if thing["spec"].get("readiness", {}).get("policy", "SuccessfulCreate") != "DeriveFromObject":
        return bool(manifest)
    conditions = manifest.get("status", {}).get("conditions") or []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _condition(kind, holds, reason, message):
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    condition = {"type": kind, "status": "True" if holds else "False", "reason": reason, "lastTransitionTime": now}
    return {**condition, "message": message} if message else condition
