"""What KServe's controller makes of an LLMInferenceService of ours, compared with what the placement's pods must be."""

import tempfile

from . import kubelet
from .kubernetes_client import reference
from .provider_kubernetes import namespace_of
from .tools import Failure

SUFFIXES = {"both": "-kserve", "decode": "-kserve", "prefill": "-kserve-prefill"}
# Before decode's engine stands the routing sidecar, on the port that everyone calls.
ENGINE_PORTS = {"both": 8000, "decode": 8001, "prefill": 8000}
PORT = 8000
ACCELERATOR = "inference.optimization/acceleratorName"
ROUTE, POOL, SCHEDULER = "-kserve-route", "-inference-pool", "-kserve-router-scheduler"
KINDS = {
    "Deployment": "apps/v1", "Service": "v1", "HTTPRoute": "gateway.networking.k8s.io/v1", "InferencePool": "inference.networking.k8s.io/v1",
    "VariantAutoscaling": "llmd.ai/v1alpha1", "ScaledObject": "keda.sh/v1alpha1", "HorizontalPodAutoscaler": "autoscaling/v2",
}


def expected_children(service, pods):
    """References to all that KServe must make of a service whose pods are to be these."""
    children = [("Deployment", SUFFIXES[role]) for role in pods] + [("Service", "-kserve-workload-svc"), ("HTTPRoute", ROUTE)]
    if "prefill" in pods:
        children += [("Deployment", SCHEDULER), ("Service", "-epp-service"), ("InferencePool", POOL)]
    for role, pod in pods.items():
        if pod["scaling"]["signal"] == "WVA":
            children += [("VariantAutoscaling", f"{SUFFIXES[role]}-va"), _actuator(role, pod)]
    return [_child(service, kind, suffix) for kind, suffix in children]


def settled(client, service, pods, seconds=60):
    """Waits until KServe has merged its presets and made all children, and gives them by kind and suffix of their name."""
    client.wait_for_conditions(service, {"PresetsCombined": "True"}, seconds)
    name, children = service["metadata"]["name"], {}
    for child in expected_children(service, pods):
        suffix = child["metadata"]["name"].removeprefix(name)
        children[child["kind"], suffix] = client.wait_for(child, lambda _: True, f"KServe makes it of {name}", seconds)
    return children


def check(client, service, pods):
    """Fails with everything in which the children differ from what the placement's pods must be."""
    children = settled(client, service, pods)
    problems = [*_unexpected(client, service, children), *_routing(service, pods, children)]
    for role, pod in pods.items():
        deployment = children["Deployment", SUFFIXES[role]]
        found = [*_pods(role, pod, deployment), *_argv(role, pod, deployment), *_scaling(role, pod, service, children)]
        problems += [f"{role}: {problem}" for problem in found]
    if problems:
        raise Failure("\n".join([f"KServe made of {service['metadata']['namespace']}/{service['metadata']['name']}:", *problems]))
    return children


def clusters(route):
    """For each rule of a route the name of its Envoy cluster, by which Envoy Gateway's metrics go, and the paths that it matches."""
    name = f"httproute/{route['metadata']['namespace']}/{route['metadata']['name']}"
    paths = [[match.get("path", {}).get("value", "/") for match in rule["matches"]] for rule in route["spec"]["rules"]]
    return {f"{name}/rule/{index}": matched for index, matched in enumerate(paths)}


def _unexpected(client, service, children):
    """Whatever else belongs to the service: nothing scales or serves beside what is expected."""
    for kind, api_version in KINDS.items():
        for thing in client.list(api_version, kind, service["metadata"]["namespace"]):
            owners = [owner["name"] for owner in thing["metadata"].get("ownerReferences", [])]
            suffix = thing["metadata"]["name"].removeprefix(service["metadata"]["name"])
            if service["metadata"]["name"] in owners and (kind, suffix) not in children:
                yield f"{kind} {thing['metadata']['name']} is not expected"


def _pods(role, pod, deployment):
    """The pods of a role."""
    template = deployment["spec"]["template"]
    spec, labels = template["spec"], template["metadata"]["labels"]
    engine = _container(spec["containers"], "main")
    security, capabilities = engine["securityContext"], engine["securityContext"].get("capabilities", {})
    env = {variable["name"]: variable for variable in engine["env"]}
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    mounts = {mount["mountPath"]: mount["name"] for mount in engine["volumeMounts"]}
    startup = engine["startupProbe"]
    download = _container(spec["initContainers"], "storage-initializer")
    token = next((variable["valueFrom"]["secretKeyRef"]["key"] for variable in download.get("env", []) if variable["name"] == "HF_TOKEN"), None)
    yield from _different({
        "role": (labels.get("llm-d.ai/role"), role),
        "accelerator label": (labels.get(ACCELERATOR), pod["accelerator"]),
        "image": (engine["image"], pod["image"]),
        "requests": (engine["resources"].get("requests"), pod["resources"] | pod["disk"]),
        "limits": (engine["resources"].get("limits"), pod["resources"]),
        "node selector": (spec.get("nodeSelector", {}), pod["nodeSelector"]),
        "tolerations": (spec.get("tolerations", []), pod["tolerations"]),
        "annotations": (_part(template["metadata"].get("annotations", {}), pod["annotations"]), pod["annotations"]),
        "environment": ({name: _value(env.get(name, {})) for name in pod["env"]}, pod["env"]),
        "user": ((security.get("runAsNonRoot"), security.get("runAsUser"), security.get("readOnlyRootFilesystem")), (False, 0, False)),
        "capabilities": (capabilities.get("add", []), pod["capabilities"]),
        "shared memory": (volumes[mounts["/dev/shm"]].get("emptyDir"), {"medium": "Memory", "sizeLimit": pod["sharedMemory"]}),
        "volumes": (_part(volumes, pod["volumes"]), pod["volumes"]),
        "mounts": (_part(mounts, pod["mounts"]), pod["mounts"]),
        "startup seconds": (startup["failureThreshold"] * startup["periodSeconds"], pod["startupSeconds"]),
        "engine's port": ([port["containerPort"] for port in engine["ports"]], [ENGINE_PORTS[role]]),
        "probed ports": ({engine[probe]["httpGet"]["port"] for probe in ["startupProbe", "livenessProbe", "readinessProbe"]}, {ENGINE_PORTS[role]}),
        "what is downloaded": (download["args"], [pod["uri"], "/mnt/models"]),
        "key of the token": (token, "HF_TOKEN" if pod["secret"] else None),
        "ServiceAccount": (spec.get("serviceAccountName") if pod["account"] else None, pod["account"]),
        "what reads the store": (_store(download), pod["store"]),
        "sidecar": (_sidecar(spec), ["--port=8000", "--vllm-port=8001"] if role == "decode" else None),
    })


def _argv(role, pod, deployment):
    """What a `vllm` is started with, once a kubelet and bash have read the container's command."""
    engine = _container(deployment["spec"]["template"]["spec"]["containers"], "main")
    with tempfile.TemporaryDirectory() as folder:
        argv = [word.decode() for word in kubelet.engine_argv({"args": [], **engine}, folder)]
    env = kubelet.environment(engine["env"])
    wanted = [kubelet.expand(argument.encode(), env).decode() for argument in pod["args"]]
    if role == "prefill":
        # Its preset has the first name only, and the routing sidecar asks it by either.
        published = f"publishers/{namespace_of(deployment['metadata']['namespace'])}/models/{pod['model']}"
        wanted += ["--served-model-name", pod["model"], published]
    first, rest = argv[: len(argv) - len(wanted)], argv[len(argv) - len(wanted) :]
    port = first[first.index("--port") + 1] if "--port" in first else None
    yield from _different({
        "arguments": (rest, wanted), "start": (first[:4], ["serve", "/mnt/models", "--served-model-name", pod["model"]]),
        "--port": (port, str(ENGINE_PORTS[role])),
    })


def _scaling(role, pod, service, children):
    """How many pods there are to be, or who decides it."""
    deployment, scaling = children["Deployment", SUFFIXES[role]], pod["scaling"]
    replicas = deployment["spec"]["replicas"]
    if scaling["signal"] == "Fixed":
        yield from _different({"replicas": (replicas, scaling["fixed"]["replicas"])})
    if scaling["signal"] != "WVA":
        return
    wva, target = scaling["wva"], {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment["metadata"]["name"]}
    variant = children["VariantAutoscaling", f"{SUFFIXES[role]}-va"]
    kind, suffix = _actuator(role, pod)
    actuator = children[kind, suffix]
    if kind == "ScaledObject":
        bounds = ("minReplicaCount", "maxReplicaCount")
        given = wva.get("keda", {})
        query = actuator["spec"]["triggers"][0]["metadata"]["query"]
        listens = f'variant_name="{variant["metadata"]["name"]}"' in query and f'exported_namespace="{service["metadata"]["namespace"]}"' in query
    else:
        bounds = ("minReplicas", "maxReplicas")
        given = {"behavior": wva["hpa"]["behavior"]} if wva["hpa"].get("behavior") else {}
        metric = actuator["spec"]["metrics"][0]["external"]["metric"]
        listens = metric["selector"]["matchLabels"]["variant_name"] == variant["metadata"]["name"]
    yield from _different({
        "variant's target": (variant["spec"]["scaleTargetRef"], target),
        "variant's model": (variant["spec"]["modelID"], pod["model"]),
        "variant's cost": (variant["spec"].get("variantCost"), wva.get("variantCost", "10.0")),
        "variant's accelerator": (variant["metadata"]["labels"].get(ACCELERATOR), pod["accelerator"]),
        "autoscaler's target": (actuator["spec"]["scaleTargetRef"], target),
        "autoscaler's bounds": (tuple(actuator["spec"][bound] for bound in bounds), (wva.get("minReplicas", 1), wva["maxReplicas"])),
        "autoscaler's settings": (_part(actuator["spec"], given), given),
        "autoscaler follows the variant": (listens, True),
    })


def _routing(service, pods, children):
    """How requests find the pods: through the endpoint picker when disaggregated, else through a Service."""
    metadata, disaggregated = service["metadata"], "prefill" in pods
    name = metadata["name"]
    behind = {}
    for rule in children["HTTPRoute", ROUTE]["spec"]["rules"]:
        for match in rule["matches"]:
            path = match.get("path", {}).get("value")
            behind[path] = {(backend.get("kind", "Service"), backend["name"], backend["port"]) for backend in rule["backendRefs"]}
    engines = {("InferencePool", name + POOL, PORT)} if disaggregated else {("Service", f"{name}-kserve-workload-svc", PORT)}
    for endpoint in ["completions", "chat/completions", "responses"]:
        path = f"/{metadata['namespace']}/{name}/v1/{endpoint}"
        yield from _different({f"behind {path}": (behind.get(path), engines)})
    labels = {role: children["Deployment", SUFFIXES[role]]["spec"]["template"]["metadata"]["labels"] for role in pods}
    selectors = {"Service": children["Service", "-kserve-workload-svc"]["spec"]["selector"]}
    if disaggregated:
        pool = children["InferencePool", POOL]["spec"]
        selectors["InferencePool"] = pool["selector"]["matchLabels"]
        picker = children["Deployment", SCHEDULER]["spec"]["template"]["spec"]
        command = _container(picker["containers"], "main")
        # It reads the tokenizer's files where the engines read the weights.
        download = _container(picker["initContainers"], "storage-initializer")
        yield from _different({"what reads the store for the endpoint picker": (_store(download), pods["decode"]["store"])})
        text = "\n".join([*command.get("command", []), *command.get("args", [])])
        yield from _different({
            "pool's port": (pool["targetPorts"], [{"number": PORT}]),
            "pool's endpoint picker": (pool["endpointPickerRef"]["name"], f"{name}-epp-service"),
            "endpoint picker's pool": (name + POOL in text, True),
            "endpoint picker's plugins": ([word for word in ["prefill-filter", "decode-filter", "disagg-profile-handler"] if word not in text], []),
        })
    for kind, selector in selectors.items():
        for role in pods:
            yield from _different({f"pods of {role} that the {kind} selects": (_part(labels[role], selector), selector)})


def _actuator(role, pod):
    """Who scales a role's Deployment: KEDA, unless told to use an HPA."""
    if "hpa" in pod["scaling"]["wva"]:
        return "HorizontalPodAutoscaler", f"{SUFFIXES[role]}-hpa"
    return "ScaledObject", f"{SUFFIXES[role]}-keda"


def _child(service, kind, suffix):
    return reference(KINDS[kind], kind, service["metadata"]["name"] + suffix, service["metadata"]["namespace"])


def _container(containers, name):
    found = [container for container in containers if container["name"] == name]
    if not found:
        raise Failure(f"there is no container {name}, only {[container['name'] for container in containers]}")
    return found[0]


def _store(download):
    """The variables that tell the storage initializer of a store, as `expected_pods` has them."""
    variables = [variable for variable in download.get("env", []) if variable["name"].startswith("AWS_")]
    return {variable["name"]: variable.get("value") or {"key": variable["valueFrom"]["secretKeyRef"]["key"]} for variable in variables}


def _sidecar(spec):
    """The ports of the routing sidecar, or None where there is none."""
    commands = [container["command"] for container in spec["initContainers"] if container["name"] == "llm-d-routing-sidecar"]
    return [word for word in commands[0] if "port=" in word] if commands else None


def _value(variable):
    """A variable without its name, and without what the API server fills in."""
    if field := variable.get("valueFrom", {}).get("fieldRef"):
        return {"valueFrom": {"fieldRef": {"fieldPath": field["fieldPath"]}}}
    return {key: value for key, value in variable.items() if key != "name"}


def _part(found, wanted):
    """Of an object only what something is wanted of: defaults may be beside it."""
    if not isinstance(found, dict) or not isinstance(wanted, dict):
        return found
    return {key: _part(found.get(key), value) for key, value in wanted.items()}


def _different(pairs):
    for what, (found, wanted) in pairs.items():
        if found != wanted:
            yield f"{what}: {found}, not {wanted}"
