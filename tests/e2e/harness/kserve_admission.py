"""Whether an API server with KServe on it takes LLMInferenceServices: ours as they are, and none that cannot work."""

import copy
import itertools

from .kubernetes_client import ApiError
from .tools import Failure

COUNT = itertools.count(1)


def admitted(client, services):
    """Fails on every LLMInferenceService that is refused, or of which anything is dropped or changed. They are gone afterwards."""
    problems = []
    for service in services:
        metadata = service["metadata"]
        sent = {**service, "metadata": {**metadata, "namespace": fresh_namespace(client, "admission")}}
        try:
            client.create(sent, dry_run=True)
            stored = client.create(sent)
        except ApiError as error:
            problems.append(f"{metadata['namespace']}/{metadata['name']} is refused: {error.message}")
            continue
        problems += [f"{metadata['namespace']}/{metadata['name']}: {path} {change}" for path, change in _changed(sent["spec"], stored["spec"])]
        client.delete(sent)
    if problems:
        raise Failure("\n".join(problems))


def refused(client, service, by_webhook=True):
    """Fails if anything is taken that KServe refuses: by its schema, and (where it runs) by its webhook. `service` is a
    disaggregated one that is admitted."""
    cases = [("replicas beside scaling", "mutually exclusive", {"replicas": 1, "scaling": _scaling("keda")})]
    if by_webhook:
        worker = {"containers": [{"name": "main"}]}
        cases += [
            ("decode with KEDA and prefill with an HPA", "same actuator", {"scaling": _scaling("keda"), "prefill": {"scaling": _scaling("hpa")}}),
            ("a worker without parallelism", "parallelism", {"worker": worker}),
            ("parallelism.data without dataLocal", "dataLocal", {"worker": worker, "parallelism": {"data": 2}}),
        ]
    for what, reason, change in cases:
        broken = copy.deepcopy(service)
        broken["metadata"]["namespace"] = fresh_namespace(client, "refused")
        spec = broken["spec"]
        for workload, changes in [(spec, change), (spec["prefill"], change.get("prefill", {}))]:
            if "scaling" in changes and "replicas" not in changes:
                workload.pop("replicas", None)
            workload.update({key: value for key, value in changes.items() if key != "prefill"})
        try:
            client.create(broken, dry_run=True)
        except ApiError as error:
            if reason not in error.message:
                raise Failure(f"{what} is refused for another reason: {error.message}") from None
            continue
        raise Failure(f"{what} is admitted")


def fresh_namespace(client, prefix):
    """A namespace in which nothing has been."""
    name = f"{prefix}-{next(COUNT)}"
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


def _scaling(actuator):
    return {"minReplicas": 1, "maxReplicas": 2, "wva": {actuator: {}}}


def _changed(sent, stored, path="spec"):
    """Where what is stored is not what was sent; what defaults add is fine."""
    if isinstance(sent, dict) and isinstance(stored, dict):
        for key, value in sent.items():
            yield from _changed(value, stored.get(key), f"{path}.{key}")
    elif isinstance(sent, list) and isinstance(stored, list) and len(sent) == len(stored):
        for index, (value, other) in enumerate(zip(sent, stored)):
            yield from _changed(value, other, f"{path}[{index}]")
    elif sent != stored:
        yield path, f"is stored as {stored!r}, not {sent!r}"
