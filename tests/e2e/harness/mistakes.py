"""Mistakes in a disaggregated model, and what real engines do with each."""

import collections

KV = "--kv-transfer-config"

# What becomes of a request, or of the engine.
FINE, EXITS, REFUSED, TWICE, WRONG = "transferred", "exits", "500", "200, computed twice", "200, another text"

Mistake = collections.namedtuple("Mistake", "name changes seen")


def argument(*words):
    """More arguments for an engine."""
    return lambda engine: engine["args"].extend(words)


def transfer(config):
    """Another --kv-transfer-config, or none."""
    def change(engine):
        engine["args"] = [word for word in engine["args"] if not word.startswith(KV)] + ([f"{KV}={config}"] if config is not None else [])

    return change


def variable(name, value):
    """A variable of an engine."""
    return lambda engine: engine.setdefault("env", []).append({"name": name, "value": value})


def prefill(name, change, seen):
    """A mistake in prefill only."""
    return Mistake(name, {"prefill": change}, seen)


def decode(name, change, seen):
    """A mistake in decode only."""
    return Mistake(name, {"decode": change}, seen)


def nixl(more="", role="kv_both", connector="NixlConnector"):
    """A configuration of NIXL."""
    return f'{{"kv_connector":"{connector}","kv_role":"{role}"{more}}}'


EXAMPLE = '{"kv_connector":"ExampleConnector","kv_role":"kv_both","kv_connector_extra_config":{"shared_storage_path":"/dev/shm/e2e"}}'
MULTI = f'{{"kv_connector":"MultiConnector","kv_role":"kv_both","kv_connector_extra_config":{{"connectors":[{nixl()},{EXAMPLE}]}}}}'

MISTAKES = [
    prefill("a misspelt option", argument("--tensor-paralell-size=4"), EXITS),
    prefill("an option that is gone", argument("--swap-space=4"), EXITS),
    prefill("a value for a switch", argument("--enforce-eager=true"), EXITS),
    prefill("a type that does not exist", argument("--dtype=bf16"), EXITS),
    prefill("two words in one", argument("--max-num-seqs 8"), EXITS),
    prefill("no kv_role", transfer('{"kv_connector":"NixlConnector"}'), EXITS),
    prefill("a misspelt key", transfer(nixl(',"kv_rol":"x"')), EXITS),
    prefill("a key that is gone", transfer(nixl(',"kv_buffer_size":1e9')), EXITS),
    prefill("broken JSON", transfer('{"kv_connector":'), EXITS),
    prefill("RDMA transports, no device", variable("E2E_UCX_TLS", "rc,sm,self,cuda_copy,cuda_ipc"), EXITS),
    prefill("no connector", transfer(None), TWICE),
    prefill("an empty configuration", transfer(""), TWICE),
    prefill("another connector", transfer(EXAMPLE), TWICE),
    prefill("two connectors", transfer(MULTI), REFUSED),
    prefill("push, decode pulls", transfer(nixl(connector="NixlPushConnector")), REFUSED),
    prefill("--dtype", argument("--dtype=float32"), REFUSED),
    prefill("no hybrid manager", argument("--disable-hybrid-kv-cache-manager"), REFUSED),
    prefill("smaller blocks", argument("--block-size=64"), WRONG),
    prefill("side channel at localhost", variable("VLLM_NIXL_SIDE_CHANNEL_HOST", "localhost"), REFUSED),
    decode("no connector", transfer(None), TWICE),
    decode("smaller blocks", argument("--block-size=64"), REFUSED),
    Mistake("--dtype, failures recomputed", {
        "prefill": argument("--dtype=float32"), "decode": transfer(nixl(',"kv_load_failure_policy":"recompute"')),
    }, TWICE),
    Mistake("producer and consumer", {
        "prefill": transfer(nixl(role="kv_producer")), "decode": transfer(nixl(role="kv_consumer")),
    }, FINE),
]
