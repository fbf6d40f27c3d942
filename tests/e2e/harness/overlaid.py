"""A pod with what people give it besides, as Kubernetes' own fields have it."""

import copy

# Fields of an overlay that are fields of a pod of the same name: lists are added to, all else is set.
LISTS = ["imagePullSecrets", "tolerations", "topologySpreadConstraints", "volumes", "initContainers", "containers"]
FIELDS = [
    "securityContext", "nodeSelector", "affinity", "schedulerName", "runtimeClassName", "priorityClassName", "hostNetwork", "hostIPC",
    "dnsPolicy", "terminationGracePeriodSeconds",
]
# What says something of the rest, or stands in the template's metadata.
ELSEWHERE = ["securityProfile", "labels", "annotations"]


def overlaid(pod, overlay, gpus=1):
    """A pod whose first container is the engine's, with an overlay over it."""
    pod = copy.deepcopy(pod)
    engine = pod["containers"][0]
    for name in LISTS:
        if name in overlay:
            pod[name] = [*pod.get(name, []), *overlay[name]]
    pod |= {name: overlay[name] for name in FIELDS if name in overlay}
    if context := overlay.get("containerSecurityContext"):
        privileged = {"allowPrivilegeEscalation": True} if context.get("privileged") else {}
        engine["securityContext"] = {**engine.get("securityContext", {}), **privileged, **context}
    if mounts := overlay.get("volumeMounts"):
        engine["volumeMounts"] = [*engine.get("volumeMounts", []), *mounts]
    resources = engine.setdefault("resources", {})
    for part in ["requests", "limits"]:
        resources[part] = {**resources.get(part, {}), **{name: str(amount) for name, amount in overlay.get("resources", {}).items()}}
    for claim in overlay.get("resourceClaims", []):
        names = [f"{claim['name']}-{gpu}" for gpu in range(gpus)] if claim.get("per") == "GPU" else [claim["name"]]
        source = {key: claim[key] for key in ["resourceClaimTemplateName", "resourceClaimName"] if key in claim}
        request = {"request": claim["request"]} if "request" in claim else {}
        pod["resourceClaims"] = [*pod.get("resourceClaims", []), *({"name": name, **source} for name in names)]
        resources["claims"] = [*resources.get("claims", []), *({"name": name, **request} for name in names)]
    return pod


def known():
    """Every field that this knows."""
    return sorted([*LISTS, *FIELDS, *ELSEWHERE, "containerSecurityContext", "volumeMounts", "resources", "resourceClaims"])


def lost(wanted, found, path=""):
    """What of a wanted value a found one has not: objects may have more, lists more entries, each told by its name or as a whole."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key, value in wanted.items():
            yield from lost(value, found.get(key), f"{path}.{key}")
    elif isinstance(wanted, list) and isinstance(found, list):
        for index, value in enumerate(wanted):
            key = next((key for key in ["name", "mountPath", "topologyKey"] if isinstance(value, dict) and key in value), None)
            if path.endswith("olumeMounts"):
                key = "mountPath"
            same = [other for other in found if key and isinstance(other, dict) and other.get(key) == value[key]]
            if same:
                yield from lost(value, same[0], f"{path}[{value[key]}]")
            elif value not in found:
                yield f"{path}[{index}]: {value} is not among {found}"
    elif wanted != found:
        yield f"{path}: {found!r}, not {wanted!r}"
