"""The pods that KServe makes of an LLMInferenceService: real engines and the real sidecar, each pod in a network of its own."""

import copy
import json
import tempfile
import time
from pathlib import Path

from . import inference, kubelet, on_cpu, processes
from .container import Container
from .tools import Failure

PORTS = {"decode": 8001, "prefill": 8000, "unified": 8000}
SIDECAR_PORT = 8000
PREFILL_HEADER = "x-prefiller-host-port"
# On an idle machine an engine takes half a minute.
START_SECONDS = 300
COUNTED_SECONDS = 3
DECODE_PRESET = "config-llm-decode-template.yaml"


class Cluster:
    """What pods are made with, and where: the tools, the engines, a network and a folder for logs."""

    def __init__(self, tools, engines, network, folder, model):
        self.tools, self.engines, self.network, self.folder, self.model = tools, engines, network, Path(folder), model
        self.version, self.started = next(iter(tools.kserve)), []

    def containers(self, service):
        """The engine of each phase, as KServe's own code makes it."""
        (found,) = self.tools.engines([service], self.version)
        if "error" in found:
            raise Failure(f"KServe {self.version} does not run {found['name']}: {found['error']}")
        return found["engines"]

    def engine(self, name, phase, container, namespace, forked=True):
        """The engine's container in a pod."""
        folder = self.folder / name
        (folder / "home").mkdir(parents=True, exist_ok=True)
        environment = {
            **_environment(container, namespace), "HOME": str(folder / "home"), "HF_HUB_CACHE": str(folder / "home"),
            "PATH": f"{folder}:/usr/local/bin:/usr/bin:/bin",
            **on_cpu.write(folder, self.engines.engine, self.engines.version, self.model), **({on_cpu.FORK: "1"} if forked else {}),
        }
        url = f"http://{namespace.address}:{PORTS[phase]}"
        return self._container(name, namespace, container, environment, folder, lambda: inference.healthy(url))

    def sidecar(self, name, service, namespace):
        """The routing sidecar's container in decode's pod."""
        container = self._sidecar(service)
        _, _, tag = container["image"].rpartition(":")
        if tag != self.engines.sidecar_version:
            raise Failure(f"KServe {self.version} names the sidecar {tag}, but {self.engines.sidecar_version} is pinned")
        words = [word.replace("--enable-ssrf-protection=true", "--enable-ssrf-protection=false") for word in container["command"][1:]]
        container = {**container, "command": [str(self.engines.sidecar), *words], "args": []}
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        environment = _environment(container, namespace)
        return self._container(name, namespace, container, environment, folder, lambda: processes.listens(SIDECAR_PORT, namespace.address))

    def _sidecar(self, service):
        """Its container, with the template in its command executed by KServe: it takes the engine's place in decode's preset for that."""
        presets = self.tools.kserve[self.version] / "presets"
        (preset,) = self.tools.read_yaml(presets / DECODE_PRESET)
        (container,) = preset["spec"]["template"]["initContainers"]
        preset["spec"]["template"] = {"containers": [{**container, "name": "main"}]}
        with tempfile.TemporaryDirectory() as folder:
            for path in presets.iterdir():
                (Path(folder) / path.name).write_bytes(path.read_bytes())
            (Path(folder) / DECODE_PRESET).write_text(json.dumps(preset), encoding="utf-8")
            (found,) = self.tools.engines([service], self.version, folder)
        return {"image": container["image"], "command": found["engines"]["decode"]["command"], "env": container["env"]}

    def _container(self, name, namespace, container, environment, folder, ready):
        env = {key.encode(): value.encode() for key, value in environment.items()}
        words = [kubelet.expand(word.encode(), env) for word in [*container["command"], *(container["args"] or [])]]
        made = Container(name, namespace, words, environment, folder, ready, START_SECONDS)
        self.started.append(made)
        return made

    def memory(self):
        """Bytes that everything in it holds."""
        return sum(container.memory() for container in self.started)

    def stop(self):
        """Ends whatever still runs."""
        for container in self.started:
            container.kill()


def _environment(container, namespace):
    fields = {"status.podIP": namespace.address, "metadata.namespace": "team"}
    return {key.decode(): value.decode() for key, value in kubelet.environment(container["env"], fields).items()}


class Unified:
    """A pod that does both phases."""

    def __init__(self, cluster, name, service):
        self.model, self.namespace = service["spec"]["model"]["name"], cluster.network.namespace()
        self.engine = cluster.engine(f"{name}-unified", "unified", cluster.containers(service)["unified"], self.namespace, forked=False)
        self.url = f"http://{self.namespace.address}:{PORTS['unified']}"


class Disaggregated:
    """A prefill pod, and a decode pod with its sidecar."""

    PHASES = ["prefill", "decode"]

    def __init__(self, cluster, name, service):
        self.cluster, self.name, self.service = cluster, name, service
        self.model = service["spec"]["model"]["name"]
        self.namespaces = {phase: cluster.network.namespace() for phase in self.PHASES}
        self.urls = {phase: f"http://{self.namespaces[phase].address}:{PORTS[phase]}" for phase in self.PHASES}
        self.prefiller = f"{self.namespaces['prefill'].address}:{PORTS['prefill']}"
        self.url = f"http://{self.namespaces['decode'].address}:{SIDECAR_PORT}"
        self.sidecar = cluster.sidecar(f"{name}-sidecar", service, self.namespaces["decode"])
        self.engines, self.specs = {}, {}

    def serve(self, service=None, forked=True):
        """Has both engines run as an object says, those anew that run otherwise or not at all; gives back which were started."""
        wanted = self.cluster.containers(service or self.service)
        if not self.sidecar.alive():
            self.sidecar.start()
        new = [phase for phase in self.PHASES if wanted[phase] != self.specs.get(phase) or not self.alive(phase)]
        for phase in new:
            self.kill(phase)
            name = f"{self.name}-{phase}"
            self.engines[phase] = self.cluster.engine(name, phase, wanted[phase], self.namespaces[phase], forked)
            self.specs[phase] = copy.deepcopy(wanted[phase])
            self.engines[phase].launch()
        for phase in new:
            self.engines[phase].wait()
        return new

    def alive(self, phase):
        """Whether an engine's first process lives."""
        return phase in self.engines and self.engines[phase].alive()

    def kill(self, phase):
        """Ends an engine at once, if there is one."""
        if phase in self.engines:
            self.engines[phase].kill()

    def headers(self, prefiller=None):
        """What an endpoint picker sets."""
        return {PREFILL_HEADER: prefiller or self.prefiller}

    def log(self, what):
        """What a container printed."""
        container = self.sidecar if what == "sidecar" else self.engines[what]
        return container.log.read_text(encoding="utf-8", errors="replace")


class Watched:
    """What was counted while something was asked: prompt tokens by where they came from, in each phase, and what NIXL moved."""

    def __init__(self, pods, ask):
        before = {phase: inference.metrics(url) for phase, url in pods.urls.items()}
        sent = pods.namespaces["prefill"].sent()
        self.answer = ask()
        deadline = time.monotonic() + COUNTED_SECONDS
        while True:
            after = {phase: inference.metrics(url) for phase, url in pods.urls.items()}
            self.change = {phase: after[phase] - before[phase] for phase in after}
            if self._counted() or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        self.sent = pods.namespaces["prefill"].sent() - sent

    def _counted(self):
        """Whether the engines have counted all that they will: they do so after they answered."""
        if self.answer.status != 200:
            return False
        sources = ["local_compute", "local_cache_hit", "external_kv_transfer"]
        return sum(self.tokens("decode", source) for source in sources) >= self.prompt and (self.external == 0 or self.moved > 0)

    @property
    def prompt(self):
        """How many tokens were asked."""
        return self.answer.body["usage"]["prompt_tokens"] if self.answer.status == 200 else 0

    def tokens(self, phase, source):
        """Prompt tokens of a phase that came from a source."""
        return int(self.change[phase]["prompt_tokens_by_source_total", source])

    @property
    def computed(self):
        """Prompt tokens that decode computed, and that prefill did."""
        return {phase: self.tokens(phase, "local_compute") for phase in self.change}

    @property
    def external(self):
        """Prompt tokens that decode got from prefill."""
        return self.tokens("decode", "external_kv_transfer")

    @property
    def moved(self):
        """Bytes that decode's NIXL read."""
        return int(self.change["decode"]["nixl_bytes_transferred_sum"])

    @property
    def failed(self):
        """Transfers that failed in decode."""
        return int(self.change["decode"]["nixl_num_failed_transfers_total"])

