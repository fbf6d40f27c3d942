"""The pods that KServe makes of an LLMInferenceService: real engines and the real sidecar, each pod in a network of its own."""

import copy
import os
import sys
import time
from pathlib import Path

from . import inference, kubelet, on_cpu
from .container import Container, memory
from .processes import listens
from .tools import Failure

PORTS = {"decode": 8001, "prefill": 8000, "unified": 8000}
SIDECAR_PORT = 8000
PREFILL_HEADER = "x-prefiller-host-port"
# On an idle machine an engine takes half a minute.
START_SECONDS = 300
COUNTED_SECONDS = 3
SIDECAR = "llm-d-routing-sidecar"


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
            **_environment(container, {"status.podIP": namespace.address}), "HOME": str(folder / "home"), "HF_HUB_CACHE": str(folder / "home"),
            "PATH": f"{folder}:/usr/local/bin:/usr/bin:/bin",
            **on_cpu.write(folder, self.engines.engine, self.engines.version, self.model), **({on_cpu.FORK: "1"} if forked else {}),
        }
        url = f"http://{namespace.address}:{PORTS[phase]}"
        return self.container(name, namespace, container, environment, folder, lambda: inference.healthy(url))

    def program(self, program, release, pool, pod, name, port, namespace):
        """The container of that name in a pod of a pool: a real program of a release, just as KServe has it called."""
        found = next(each for each in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]] if each["name"] == name)
        image, _, tag = found["image"].rpartition(":")
        if tag != release:
            raise Failure(f"KServe {self.version} names {image} {tag}, but {release} is pinned")
        mount, server = pool.account(pod, found)
        folder = self.folder / program.name
        folder.mkdir(parents=True, exist_ok=True)
        words = {**found, "command": [str(program), *found["command"][1:]], "args": found.get("args")}
        environment = {**server, **_environment(found, {"status.podIP": namespace.address, "metadata.namespace": pool.namespace})}
        return self.container(program.name, namespace, words, environment, folder, lambda: listens(port, namespace.address), mount)

    def container(self, name, namespace, container, environment, folder, ready, mount=None):
        """A container in a pod's network."""
        env = {key.encode(): value.encode() for key, value in environment.items()}
        words = [kubelet.expand(word.encode(), env) for word in [*container["command"], *(container["args"] or [])]]
        made = Container(name, namespace, words, environment, folder, ready, START_SECONDS, mount)
        self.started.append(made)
        return made

    def memory(self):
        """Bytes that all of the run holds, what is not a pod's among it."""
        return memory(os.getpid())

    def stop(self):
        """Ends whatever still runs."""
        for container in self.started:
            container.kill()


def _environment(container, fields):
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

    def __init__(self, cluster, name, service, pool):
        self.cluster, self.name, self.service, self.pool = cluster, name, service, pool
        self.model = service["spec"]["model"]["name"]
        self.namespaces = {phase: cluster.network.namespace() for phase in self.PHASES}
        self.urls = {phase: f"http://{self.namespaces[phase].address}:{PORTS[phase]}" for phase in self.PHASES}
        self.prefiller = self.namespaces["prefill"].address
        self.url = f"http://{self.namespaces['decode'].address}:{SIDECAR_PORT}"
        self.prefill, engines, (self.decode, *_) = None, cluster.engines, pool.pods("decode")
        self.sidecar = cluster.program(engines.sidecar, engines.sidecar_version, pool, self.decode, SIDECAR, SIDECAR_PORT, self.namespaces["decode"])
        pool.runs(self.decode, self.namespaces["decode"].address)
        self.prefill_runs()
        self.engines, self.specs = {}, {}

    def serve(self, service=None, plain=(), phases=PHASES):
        """Has both engines, or those of some phases, run as an object says, those anew that run otherwise or not at all, and the phases in
        `plain` without a fork of ours; gives back which were started."""
        wanted = self.cluster.containers(service or self.service)
        if not self.sidecar.alive():
            self.sidecar.start()
        new = [phase for phase in phases if wanted[phase] != self.specs.get(phase) or not self.serving(phase)]
        for phase in new:
            self.kill(phase)
            name = f"{self.name}-{phase}"
            self.engines[phase] = self.cluster.engine(name, phase, wanted[phase], self.namespaces[phase], forked=phase not in plain)
            self.specs[phase] = copy.deepcopy(wanted[phase])
            self.engines[phase].launch()
        for phase in new:
            self.engines[phase].wait()
        return new

    def with_another_prefill(self):
        """The same service as those requests meet it that go to another pod of prefill, which is started for that."""
        other, namespace = copy.copy(self), self.cluster.network.namespace()
        other.namespaces = {**self.namespaces, "prefill": namespace}
        other.urls = {**self.urls, "prefill": f"http://{namespace.address}:{PORTS['prefill']}"}
        other.prefiller = namespace.address
        taken = self.prefill["metadata"]["name"]
        other.prefill = next(pod for pod in self.pool.pods("prefill") if pod["metadata"]["name"] != taken)
        engine = self.cluster.engine(f"{self.name}-prefill-2", "prefill", self.specs["prefill"], namespace)
        other.engines = {**self.engines, "prefill": engine}
        engine.start()
        other.prefill_runs()
        return other

    def prefill_runs(self, ready=True):
        """A kubelet says so of prefill's pod, or where that was deleted of another."""
        pods = {pod["metadata"]["name"]: pod for pod in self.pool.pods("prefill")}
        self.prefill = self.prefill if self.prefill and self.prefill["metadata"]["name"] in pods else next(iter(pods.values()))
        self.pool.runs(self.prefill, self.namespaces["prefill"].address, ready)

    def alive(self, phase):
        """Whether an engine's first process lives."""
        return phase in self.engines and self.engines[phase].alive()

    def serving(self, phase):
        """Whether an engine lives and says that it is well: the first process outlives the others for a while."""
        return self.alive(phase) and inference.healthy(self.urls[phase])

    def kill(self, phase):
        """Ends an engine at once, if there is one."""
        if phase in self.engines:
            self.engines[phase].kill()

    def headers(self, prefiller=None):
        """What an endpoint picker sets, with prefill's address or another."""
        return {PREFILL_HEADER: f"{prefiller or self.prefiller}:{PORTS['prefill']}"}

    def log(self, what):
        """What a container printed."""
        container = self.sidecar if what == "sidecar" else self.engines[what]
        return container.log.read_text(encoding="utf-8", errors="replace")


class Stranger:
    """Something that listens at an address of its own, and belongs to nobody's pool."""

    def __init__(self, cluster):
        namespace = cluster.network.namespace()
        self.address, self.port = namespace.address, PORTS["prefill"]
        folder = cluster.folder / "stranger"
        folder.mkdir(parents=True, exist_ok=True)
        words = [sys.executable, "-m", "http.server", str(self.port), "--bind", self.address]
        self.container = cluster.container("stranger", namespace, {"command": words, "args": []}, {}, folder, lambda: listens(self.port, self.address))
        self.container.start()

    def asked(self):
        """Whether a request has arrived."""
        return "POST" in self.container.log.read_text(encoding="utf-8", errors="replace")


class Watched:
    """What was counted while something was asked: prompt tokens by where they came from, in each phase, and what NIXL moved."""

    def __init__(self, pods, ask):
        before = {phase: inference.metrics(url) for phase, url in pods.urls.items()}
        sent = pods.namespaces["prefill"].sent()
        begin = time.monotonic()
        self.answer = ask()
        self.seconds = time.monotonic() - begin
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

