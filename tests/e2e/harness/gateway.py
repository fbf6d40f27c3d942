"""The way of a request to a pool: the real endpoint picker, and a real Envoy that does what KServe's HTTPRoute and InferencePool say."""

import json

from . import inference
from .kserve_children import POOL, ROUTE
from .processes import end_of, listens
from .waiting import wait_until

# The protocol of endpoint pickers (gateway-api-inference-extension v1.4.0, docs/proposals/004): the picked pod is in this header.
DESTINATION = "x-gateway-destination-endpoint"
PICKED_SECONDS = 30
PORT = 80
CONNECT = "5s"
EXTENSIONS = "type.googleapis.com/envoy.extensions"


class Gateway:
    """Envoy and the endpoint picker of a pool, each in a network of its own."""

    def __init__(self, cluster, pool):
        engines, picker, gateway = cluster.engines, cluster.network.namespace(), cluster.network.namespace()
        self.pool, self.reference = pool, pool.children["InferencePool", POOL]["spec"]["endpointPickerRef"]
        port = self.reference["port"]["number"]
        (pod,) = pool.pods("scheduler")
        pool.client.apply_all(cluster.tools.read_yaml(*sorted(engines.picker_crds.iterdir())))
        self.picker = cluster.program(engines.picker, engines.picker_version, pool, pod, "main", port, picker)
        folder = cluster.folder / "envoy"
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "envoy.json"
        config.write_text(json.dumps(self._config(picker.address, port), indent=1), encoding="utf-8")
        words = [str(engines.envoy), "--config-path", str(config), "--disable-hot-restart", "--concurrency", "1"]
        self.envoy = cluster.container("envoy", gateway, {"command": words, "args": []}, {}, folder, lambda: listens(PORT, gateway.address))
        self.url = f"http://{gateway.address}:{PORT}/{pool.namespace}/{pool.name}"

    def start(self, body):
        """Starts both, until a request is answered: the picker learns of the pods a moment after it listens."""
        self.picker.start()
        self.envoy.start()
        answer = None

        def answered():
            nonlocal answer
            answer = inference.post(f"{self.url}/v1/completions", body)
            return answer.status == 200

        wait_until(answered, "the gateway answers", PICKED_SECONDS, lambda: f"It says {answer}. {end_of(self.picker.log)}")

    def _config(self, picker, port):
        """What a gateway's controller would have Envoy do."""
        manager = {
            "@type": f"{EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": "gateway",
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": list(self._routes())}]},
            "http_filters": [
                {"name": "picker", "typed_config": self._asks_picker()},
                {"name": "router", "typed_config": {"@type": f"{EXTENSIONS}.filters.http.router.v3.Router"}},
            ],
        }
        chain = {"filters": [{"name": "http", "typed_config": manager}]}
        return {"static_resources": {
            "listeners": [{"name": "http", "address": _address("0.0.0.0", PORT), "filter_chains": [chain]}],
            "clusters": [_picked(), _picker(picker, port)],
        }}

    def _routes(self):
        """The rules of KServe's HTTPRoute that lead to the pool; those that lead to a Service need no picker, and are not here."""
        for rule in self.pool.children["HTTPRoute", ROUTE]["spec"]["rules"]:
            if any(backend["kind"] != "InferencePool" for backend in rule["backendRefs"]):
                continue
            rewrites = [each["urlRewrite"]["path"]["replacePrefixMatch"] for each in rule.get("filters", []) if each["type"] == "URLRewrite"]
            route = {"cluster": "picked", "timeout": rule["timeouts"]["request"], **({"prefix_rewrite": rewrites[0]} if rewrites else {})}
            yield from ({"match": _match(match), "route": route} for match in rule["matches"])

    def _asks_picker(self):
        modes = {f"{which}_{part}_mode": "SEND" for which in ["request", "response"] for part in ["header", "trailer"]}
        modes |= {f"{which}_body_mode": "FULL_DUPLEX_STREAMED" for which in ["request", "response"]}
        return {
            "@type": f"{EXTENSIONS}.filters.http.ext_proc.v3.ExternalProcessor", "processing_mode": modes, "message_timeout": "60s",
            "grpc_service": {"envoy_grpc": {"cluster_name": "picker"}}, "failure_mode_allow": self.reference["failureMode"] == "FailOpen",
        }


def _match(match):
    path = match["path"]
    key = {"PathPrefix": "path_separated_prefix", "Exact": "path"}[path["type"]]
    headers = [{"name": header["name"], "string_match": {"exact": header["value"]}} for header in match.get("headers", [])]
    return {key: path["value"], "headers": headers}


def _picked():
    """Wherever the picker says."""
    return {
        "name": "picked", "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED", "connect_timeout": CONNECT,
        "original_dst_lb_config": {"use_http_header": True, "http_header_name": DESTINATION},
    }


def _picker(address, port):
    """The picker, which signs its certificate itself."""
    tls = {"@type": f"{EXTENSIONS}.transport_sockets.tls.v3.UpstreamTlsContext"}
    http = {
        "@type": f"{EXTENSIONS}.upstreams.http.v3.HttpProtocolOptions", "explicit_http_config": {"http2_protocol_options": {}},
    }
    endpoint = {"endpoint": {"address": _address(address, port)}}
    return {
        "name": "picker", "type": "STATIC", "connect_timeout": CONNECT, "transport_socket": {"name": "tls", "typed_config": tls},
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http},
        "load_assignment": {"cluster_name": "picker", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def _address(address, port):
    return {"socket_address": {"address": address, "port_value": port}}
