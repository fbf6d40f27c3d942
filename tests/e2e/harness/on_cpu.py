"""The `vllm` that containers find in these tests: it changes what a CPU lacks, here and nowhere else, and becomes the real one."""

import os
import sys

MODEL, ENVIRONMENT, VERSION, FORK = "E2E_MODEL", "E2E_ENVIRONMENT", "E2E_VERSION", "E2E_FORK"

# Appended, because the last of two occurrences is what vLLM goes by.
ARGUMENTS = {
    "--tensor-parallel-size=1": "each rank would need cores and gigabytes of its own",
    "--enforce-eager": "compiling for a CPU takes minutes",
    "--num-gpu-blocks-override=2048": "a cache of 256 MiB, enough for one longest prompt",
}
VARIABLES = {
    "UCX_TLS": ("tcp", "without an RDMA device the engine exits; and what is transferred crosses the network between two namespaces"),
    "VLLM_CPU_KVCACHE_SPACE": ("1", "GiB; by default half of the machine's memory"),
    "VLLM_CPU_OMP_THREADS_BIND": ("nobind", "two engines share the cores"),
    "OMP_NUM_THREADS": ("1", "two engines share the cores"),
    "VLLM_CACHE_ROOT": (None, "what vLLM finds out about a kind of model takes it ten seconds, and stays with the engine"),
    "HF_HUB_OFFLINE": ("1", "nothing is downloaded"),
    "VLLM_NO_USAGE_STATS": ("1", "nobody is told"),
}
OTHER = {
    "/mnt/models": "a model of two megabytes with random weights",
    "vllm --version": "answered without importing vLLM, as an official image of the same release answers",
    "HOME, HF_HUB_CACHE": "a folder of this run",
    "image, resources, volumes, probes, securityContext": "a kubelet's; a container is its command in namespaces of its own, as PID 1",
    "a pod's address, and that it is ready": "said of its object by the test, as a kubelet would",
    "endpoint picker": "only with the plugins that KServe's configuration names: what the others need is not published as a module",
    "gateway": "a real Envoy whose configuration the test writes of KServe's HTTPRoute and InferencePool, as a gateway's controller would",
}
# Where told so: one process imports vLLM and the others are forked from it, instead of three that import it each.
FORKED = """
import multiprocessing, sys
import vllm.utils.system_utils as system
system.get_mp_context = lambda: multiprocessing.get_context("fork")
from vllm.entrypoints.cli.main import main
sys.argv[0] = "vllm"
sys.exit(main())
"""


def table():
    """Everything that differs from what is composed, as lines for a person."""
    changes = {f"{argument}": why for argument, why in ARGUMENTS.items()}
    changes |= {f"{name}={value}" if value else name: why for name, (value, why) in VARIABLES.items()}
    changes |= OTHER
    width = max(map(len, changes))
    return "\n".join(f"{what:{width}}  {why}" for what, why in changes.items())


def write(folder, engine, version, model):
    """Writes the program `vllm` into a folder that a container has on its PATH, and gives the variables that it needs."""
    program = folder / "vllm"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -B "{os.path.abspath(__file__)}" "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return {MODEL: str(model), ENVIRONMENT: str(engine), VERSION: version}


def main(words):
    """What the container's command calls."""
    if words == ["--version"]:
        print(os.environ[VERSION])
        return
    folder = os.environ[ENVIRONMENT]
    # What a test sets on purpose stays.
    environment = {**os.environ, **{name: os.environ.get(f"E2E_{name}", value or f"{folder}/cache") for name, (value, _) in VARIABLES.items()}}
    # A size that nothing can start with is there on purpose.
    kept = {word.partition("=")[0] for word in words if word.endswith("=0")}
    ours = [argument for argument in ARGUMENTS if argument.partition("=")[0] not in kept]
    words = [os.environ[MODEL] if word == "/mnt/models" else word for word in words] + ours
    print("vllm", *words, flush=True)
    forked = ["-c", FORKED] if os.environ.get(FORK) else [f"{folder}/bin/vllm"]
    os.execve(f"{folder}/bin/python", [f"{folder}/bin/python", *forked, *words], environment)


if __name__ == "__main__":
    main(sys.argv[1:])
