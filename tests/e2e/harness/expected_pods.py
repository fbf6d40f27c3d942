"""What the pods of a placement must be, by what people wrote and the API's contract: nothing here is taken from the function's output."""

import math
import re

ROLES = {"Unified": ["both"], "PrefillDecode": ["decode", "prefill"]}
GIBIBYTES = {"Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
# What the user's Secrets hold, by key.
SECRETS = {
    "HF_TOKEN": "hf_test", "AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": "secret",
    "S3_ENDPOINT": "https://store.example.com", "AWS_DEFAULT_REGION": "eu-central-1",
}
# What says of a ServiceAccount who it is in a cloud, and where what it reads is.
IDENTITY = {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/reader", "serving.kserve.io/s3-region": "us-east-1"}
UCX_TLS = "rc,sm,self,cuda_copy,cuda_ipc"


def expected_pods(manifests, deployment, environment, profile):
    """For each role (`both`, or `decode` and `prefill`) of a deployment's placement in an environment with a profile: what
    its pods must have, and how many there are to be."""
    deployment = _named(manifests, ["ModelDeployment"], deployment)
    model = _named(manifests, ["ClusterModel", "Model"], deployment["spec"]["modelRef"]["name"])["spec"]
    environment = _named(manifests, ["InferenceEnvironment"], environment)["spec"]
    (profile,) = (one for one in model["serving"] if one["name"] == profile)
    pods = {}
    for role in ROLES[profile.get("topology", "Unified")]:
        wanted = deployment["spec"]["prefill"] if role == "prefill" else deployment["spec"]
        pods[role] = {
            "model": model["model"]["name"], "uri": _uri(model), "secret": bool(model.get("huggingFace", {}).get("secretRef")),
            "account": model.get("serviceAccountName"), "store": _store(model),
            "scaling": wanted.get("scaling", {"signal": "Fixed", "fixed": {"replicas": 1}}),
            **_pod(role, model, profile["prefill"] if role == "prefill" else profile, environment),
        }
    return pods


def _store(model):
    """The variables by which what is downloaded is read from a store: literal ones, and those that name a key of a Secret."""
    if "serviceAccountName" in model:
        return {"AWS_DEFAULT_REGION": IDENTITY["serving.kserve.io/s3-region"]}
    if "uriSecretRef" not in model:
        return {}
    keys = model["uriSecretRef"].get("keys", [])
    told = {"S3_ENDPOINT": {"AWS_ENDPOINT_URL": SECRETS["S3_ENDPOINT"]}, "AWS_DEFAULT_REGION": {"AWS_DEFAULT_REGION": SECRETS["AWS_DEFAULT_REGION"]}}
    account = {name: {"key": name} for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]}
    return account | {name: value for key in keys for name, value in told[key].items()}


def _pod(role, model, phase, environment):
    """One role's pod: `phase` is the profile, or its prefill."""
    engine, resources = phase["engine"], phase.get("resources", {})
    pool = _pool(environment, resources.get("accelerator"))
    rdma = environment.get("rdma", {}) if role != "both" else {}
    gpus = resources.get("gpu") or _gpus_of(engine.get("args", [])) or math.ceil(_bytes(model["resources"]["vram"]) / _bytes(pool["gpu"]["memory"]))
    memory = resources.get("memory") or model["resources"].get("memory", "16Gi")
    devices = {name: str(count) for name, count in rdma.get("resources", {}).items()}
    devices |= {name: str(count * gpus) for name, count in rdma.get("resourcesPerGpu", {}).items()}
    disk = {"ephemeral-storage": size} if (size := model["resources"].get("ephemeralStorage")) else {}
    return {
        "disk": disk,
        "image": engine["image"],
        "args": engine.get("args", []),
        "env": _env(role, engine, rdma),
        "resources": {
            "cpu": str(resources.get("cpu") or model["resources"].get("cpu", "4")), "memory": memory,
            pool["gpu"].get("resourceName", "nvidia.com/gpu"): str(gpus), **devices,
        },
        "capabilities": ["IPC_LOCK"] if rdma else [],
        "annotations": rdma.get("annotations", {}),
        "nodeSelector": {**pool.get("nodeSelector", {}), **rdma.get("nodeSelector", {})},
        "tolerations": pool.get("tolerations", []),
        "accelerator": pool["gpu"]["acceleratorType"],
        "sharedMemory": resources.get("sharedMemory") or min("20Gi", memory, key=_bytes),
        "volumes": {volume["name"]: volume for volume in rdma.get("volumes", [])},
        "mounts": {mount["mountPath"]: mount["name"] for mount in rdma.get("volumeMounts", [])},
        # KServe looks every ten seconds.
        "startupSeconds": 10 * math.ceil(engine.get("startupTimeoutSeconds", 3600) / 10),
    }


def _env(role, engine, rdma):
    """Variables by name: the user's over the environment's over those without which the phases do not find each other."""
    ours = {}
    if role != "both":
        ours["VLLM_NIXL_SIDE_CHANNEL_HOST"] = {"valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    # Every pool of these tests has NVIDIA's GPUs.
    if rdma.get("type") in ("InfiniBand", "RoCE"):
        ours["UCX_TLS"] = {"value": UCX_TLS}
    if rdma.get("type") == "RoCE":
        ours |= {"KSERVE_INFER_ROCE": {"value": "true"}, "UCX_NET_DEVICES": {"value": "all"}}
    theirs = [*rdma.get("env", []), *engine.get("env", [])]
    return {**ours, **{variable["name"]: {key: variable[key] for key in variable if key != "name"} for variable in theirs}}


def _named(manifests, kinds, name):
    (found,) = (thing for thing in manifests if thing["kind"] in kinds and thing["metadata"]["name"] == name)
    return found


def _pool(environment, accelerator):
    """The pool that a profile names, or else the only one."""
    cluster = environment["cluster"]
    pools = cluster[cluster["source"].lower()]["nodePools"]
    (pool,) = (pool for pool in pools if accelerator in (None, pool.get("name"), pool["gpu"]["acceleratorType"]))
    return pool


def _uri(model):
    if model["source"] == "URI":
        return model["uri"]
    revision = model["huggingFace"].get("revision", "main")
    return f"hf://{model['huggingFace']['repo']}" + ("" if revision == "main" else f":{revision}")


def _gpus_of(arguments):
    """What tensor parallelism needs, in the one spelling that the examples have."""
    sizes = re.findall(r"^--tensor-parallel-size=(\d+)$", "\n".join(arguments), re.MULTILINE)
    return int(sizes[-1]) if sizes else None


def _bytes(quantity):
    return int(quantity[:-2]) * GIBIBYTES[quantity[-2:]]
