"""KServe's own controller and webhooks, in one of its versions, on a running API server."""

import base64
import contextlib
import json
import shutil
import subprocess
from pathlib import Path

from .kubernetes_client import ApiError
from .processes import free_ports, listens, running
from .tools import Failure
from .waiting import wait_until

NAMESPACE = "kserve"
GATEWAY = "kserve-ingress-gateway"
# Nobody asks it: without a URL, KServe refuses to autoscale with KEDA.
PROMETHEUS = {"prometheus": {"url": "https://prometheus-prometheus.monitoring.svc:9090", "tlsInsecureSkipVerify": True}}
# Only the webhook refuses it, so that it is refused means that the webhook is called.
REFUSED = {
    "apiVersion": "serving.kserve.io/v1alpha2", "kind": "LLMInferenceService",
    "metadata": {"name": "refused", "namespace": NAMESPACE},
    "spec": {"model": {"uri": "hf://org/model", "name": "org/model"}, "worker": {"containers": [{"name": "main"}]}},
}


@contextlib.contextmanager
def installed(tools, client, version, folder, api=None):
    """Installs KServe (or upgrades it) and runs its controller for as long as the block runs; what it prints is in `folder`/kserve.log. With
    one version of its API instead of all, the API server takes half the time and memory."""
    folder = Path(folder)
    port, probes = free_ports(2)
    certificate = _certificate(folder)
    bundle = base64.b64encode(certificate.read_bytes()).decode()
    client.apply_all(_definitions(tools, version, port, bundle, api))
    client.apply_all([*_surroundings(), _config(tools, version)])
    program = [
        tools.folder / "bin" / f"kserve-controller-{version}", f"--kubeconfig={client.kubeconfig(folder / 'kserve.kubeconfig')}",
        f"--webhook-port={port}", f"--health-probe-addr=127.0.0.1:{probes}", "--metrics-addr=0",
    ]
    # Its webhook server looks for its certificate in the temporary folder, and there is no flag for another.
    with running(program, folder / "kserve.log", lambda: listens(port), environment={"TMPDIR": str(folder)}):
        client.apply_all(_webhooks(tools, version, port, bundle))
        wait_until(lambda: _webhook_answers(client), f"KServe {version} refuses what it should", 30)
        client.apply_all(_presets(tools, version))
        yield


def define(client, definitions):
    """The CRDs of a KServe without its controller and webhooks, such as of a version that is not published as a module."""
    client.apply_all([{**definition, "spec": {**definition["spec"], "conversion": {"strategy": "None"}}} for definition in definitions])


def _webhook_answers(client):
    """Webhooks are called a moment after they are configured."""
    try:
        client.create(REFUSED, dry_run=True)
    except ApiError as error:
        if "admission webhook" in error.message and "denied" in error.message:
            return True
        if "failed calling webhook" not in error.message:
            raise
    return False


def _certificate(folder):
    """The webhook server's certificate, which signs itself; the key beside it."""
    certificates = folder / "k8s-webhook-server" / "serving-certs"
    shutil.rmtree(certificates, ignore_errors=True)
    certificates.mkdir(parents=True)
    done = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=kserve", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "tls.key", "-out", "tls.crt"],
        cwd=certificates, capture_output=True, text=True,
    )
    if done.returncode != 0:
        raise Failure(f"openssl: {done.stderr.strip()}")
    return certificates / "tls.crt"


def _definitions(tools, version, port, bundle, api):
    """KServe's CRDs, converted by its controller, and those of what it builds on: it watches only what it finds when it starts."""
    needed = tools.read_yaml(*sorted(tools.kserve_needs.glob("*.yaml")))
    patches = {patch["metadata"]["name"]: patch["spec"]["conversion"] for patch in _read(tools, version, "conversion")}
    definitions = _read(tools, version, "crds")
    for definition in definitions:
        conversion = patches[definition["metadata"]["name"]]
        conversion["webhook"]["clientConfig"] = _local(conversion["webhook"]["clientConfig"], port, bundle)
        definition["spec"]["conversion"] = conversion
        definition["spec"]["versions"] = [each for each in definition["spec"]["versions"] if api in (None, each["name"])]
    return [_described(definition) for definition in [*needed, *definitions]]


def _described(definition):
    """Only what is to be: some CRDs are published with a null or with a status, which no apply takes."""
    metadata = {key: value for key, value in definition["metadata"].items() if value is not None}
    return {**{key: value for key, value in definition.items() if key != "status"}, "metadata": metadata}


def _webhooks(tools, version, port, bundle):
    """KServe's admission webhooks, called where its controller listens."""
    configurations = _read(tools, version, "webhooks")
    for configuration in configurations:
        for webhook in configuration["webhooks"]:
            webhook["clientConfig"] = _local(webhook["clientConfig"], port, bundle)
    return [_described(configuration) for configuration in configurations]


def _local(config, port, bundle):
    """How an API server reaches in a test what is a Service in a cluster."""
    return {"url": f"https://127.0.0.1:{port}{config['service']['path']}", "caBundle": bundle}


def _surroundings():
    """The namespace and the Gateway that an installation comes with."""
    gateway_api, metadata = "gateway.networking.k8s.io/v1", {"name": GATEWAY, "namespace": NAMESPACE}
    listener = {"name": "http", "protocol": "HTTP", "port": 80, "allowedRoutes": {"namespaces": {"from": "All"}}}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": gateway_api, "kind": "GatewayClass", "metadata": {"name": "envoy"},
            "spec": {"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"},
        },
        {"apiVersion": gateway_api, "kind": "Gateway", "metadata": metadata, "spec": {"gatewayClassName": "envoy", "listeners": [listener]}},
    ]


def _config(tools, version):
    """KServe's configuration as it ships, with where autoscalers find their metrics."""
    (config,) = _read(tools, version, "config")
    config["data"]["autoscaling-wva-controller-config"] = json.dumps(PROMETHEUS)
    return config


def _presets(tools, version):
    return [{**preset, "metadata": {**preset["metadata"], "namespace": NAMESPACE}} for preset in _read(tools, version, "presets")]


def _read(tools, version, part):
    return tools.read_yaml(*sorted((tools.kserve[version] / part).glob("*.yaml")))
