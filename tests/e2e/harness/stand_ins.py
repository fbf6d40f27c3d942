"""What kubelets, a gateway and autoscalers would report: nothing becomes ready by itself on an API server alone."""

from .kserve import GATEWAY, NAMESPACE
from .kubernetes_client import conditions, reference
from .waiting import wait_until

GATEWAY_CONTROLLER = "gateway.envoyproxy.io/gatewayclass-controller"
# What the Gateway of the reference stack can route to; it knows the InferencePool of the stable group only.
ROUTABLE = [("", "Service"), ("inference.networking.k8s.io", "InferencePool")]
PARENT = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": GATEWAY, "namespace": NAMESPACE}
ADDRESS = "203.0.113.10"
# A time in the past is as good as any.
SINCE = "2026-01-01T00:00:00Z"


def deployment_available(client, deployment, available=True):
    """A Deployment's pods run, or no longer do."""
    deployment = client.get(deployment)
    wanted = deployment["spec"]["replicas"]
    reason = "MinimumReplicasAvailable" if available else "MinimumReplicasUnavailable"
    running = wanted if available else 0
    client.patch_status(deployment, {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": wanted, "updatedReplicas": wanted, "readyReplicas": running, "availableReplicas": running, "unavailableReplicas": wanted - running,
        "conditions": [
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "message": "written by a test", "lastTransitionTime": SINCE},
            {"type": "Available", "status": _status(available), "reason": reason, "message": "written by a test", "lastTransitionTime": SINCE},
        ],
    })


def gateway_programmed(client, programmed=True):
    """KServe's Gateway has an address, or is not set up yet."""
    gateway = client.get(reference("gateway.networking.k8s.io/v1", "Gateway", GATEWAY, NAMESPACE))
    said = [condition("Accepted", True, gateway), condition("Programmed", programmed, gateway)]
    client.patch_status(gateway, {"conditions": said, "addresses": [{"type": "IPAddress", "value": ADDRESS}] if programmed else []})


def route_reviewed(client, namespace, name):
    """The Gateway takes a route, and says whether it can route to all that is behind it."""
    route = client.get(reference("gateway.networking.k8s.io/v1", "HTTPRoute", name, namespace))
    behind = {(backend.get("group", ""), backend.get("kind", "Service")) for rule in route["spec"]["rules"] for backend in rule["backendRefs"]}
    resolved = behind <= set(ROUTABLE)
    said = [condition("Accepted", True, route), condition("ResolvedRefs", resolved, route, "ResolvedRefs" if resolved else "InvalidKind")]
    parent = {"parentRef": PARENT, "controllerName": GATEWAY_CONTROLLER, "conditions": said}
    client.patch_status(route, {"parents": [parent]})
    return resolved


def pool_accepted(client, namespace, name):
    """The Gateway takes an InferencePool."""
    pool = client.get(reference("inference.networking.k8s.io/v1", "InferencePool", name, namespace))
    client.patch_status(pool, {"parents": [{"parentRef": PARENT, "controllerName": GATEWAY_CONTROLLER, "conditions": [condition("Accepted", True, pool)]}]})


def scaled_object_ready(client, namespace, name, ready=True):
    """KEDA has made an HPA for a ScaledObject, or cannot."""
    scaled = client.get(reference("keda.sh/v1alpha1", "ScaledObject", name, namespace))
    kinds = {"Ready": ready, "Active": ready, "Fallback": False, "Paused": False}
    client.patch_status(scaled, {"conditions": [{"type": kind, "status": _status(on), "reason": "Tested", "message": ""} for kind, on in kinds.items()]})


def scaled(client, deployment, replicas):
    """An autoscaler has changed a Deployment's replicas."""
    client.patch(deployment, {"spec": {"replicas": replicas}})


def hpa_active(client, namespace, name):
    """The HPA controller finds its metric."""
    hpa = client.get(reference("autoscaling/v2", "HorizontalPodAutoscaler", name, namespace))
    said = [{"type": kind, "status": "True", "reason": "Tested"} for kind in ["AbleToScale", "ScalingActive"]]
    client.patch_status(hpa, {"conditions": said, "currentReplicas": 1, "desiredReplicas": 1})


def all_well(client, service):
    """Everything happens that the children of an LLMInferenceService wait for."""
    namespace, name, spec = service["metadata"]["namespace"], service["metadata"]["name"], service["spec"]
    gateway_programmed(client)
    for suffix, workload in [("-kserve", spec), ("-kserve-prefill", spec.get("prefill"))]:
        if workload is None:
            continue
        deployment_available(client, reference("apps/v1", "Deployment", name + suffix, namespace))
        wva = workload.get("scaling", {}).get("wva", {})
        if "keda" in wva:
            scaled_object_ready(client, namespace, f"{name}{suffix}-keda")
        if "hpa" in wva:
            hpa_active(client, namespace, f"{name}{suffix}-hpa")
    if "scheduler" in spec["router"]:
        deployment_available(client, reference("apps/v1", "Deployment", f"{name}-kserve-router-scheduler", namespace))
        pool_accepted(client, namespace, f"{name}-inference-pool")
    # KServe begins with the older group of InferencePool, and changes the route when the Gateway does not know it.
    wait_until(lambda: route_reviewed(client, namespace, f"{name}-kserve-route"), f"the Gateway can route to {namespace}/{name}")


def serves(client, service, seconds=30):
    """Waits until KServe says that an LLMInferenceService as it is now is ready, and all that belongs to it, and gives it."""
    def pleases(found):
        said = {kind: condition["status"] for kind, condition in conditions(found).items()}
        observed = found.get("status", {}).get("observedGeneration") == found["metadata"]["generation"]
        return observed and said.get("Ready") == "True" and set(said.values()) == {"True"}

    return client.wait_for(service, pleases, "KServe says that it is ready", seconds)


def condition(kind, on, thing, reason=None):
    """A condition as most controllers write it."""
    return {
        "type": kind, "status": _status(on), "reason": reason or kind, "message": "written by a test",
        "lastTransitionTime": SINCE, "observedGeneration": thing["metadata"]["generation"],
    }


def _status(on):
    return "True" if on else "False"
