"""Mistakes in a disaggregated model, and what real engines do with each."""

import collections
import json

from . import engines

KV = "--kv-transfer-config"

# What becomes of a request, or of the engine.
FINE, EXITS, REFUSED, TWICE, WRONG, DIES, REJECTED = (
    "transferred", "exits", "500", "200, computed twice", "200, another text", "decode dies", "400"
)

# What is changed in which phase, what engines do with it, the rules that say so and how sure they are. `then` is what happens meanwhile.
Mistake = collections.namedtuple("Mistake", "name changes seen rule then", defaults=[None])
RESTART = "prefill is started again"


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


def prefill(name, change, seen, rule, then=None):
    """A mistake in prefill only."""
    return Mistake(name, {"prefill": change}, seen, rule, then)


def decode(name, change, seen, rule):
    """A mistake in decode only."""
    return Mistake(name, {"decode": change}, seen, rule)


def nixl(more="", role="kv_producer", connector="NixlConnector"):
    """A configuration of NIXL."""
    return f'{{"kv_connector":"{connector}","kv_role":"{role}"{more}}}'


def extra(key, value):
    """More for it: a key of kv_connector_extra_config."""
    return f',"kv_connector_extra_config":{json.dumps({key: value})}'


def both(*changes):
    """Several changes."""
    def change(engine):
        for one in changes:
            one(engine)

    return change


def several(*connectors):
    """A configuration of several connectors."""
    return f'{{"kv_connector":"MultiConnector","kv_role":"kv_producer","kv_connector_extra_config":{{"connectors":[{",".join(connectors)}]}}}}'


def since(release, before, after):
    """What engines do before a release, and from it on."""
    return lambda version: after if engines.order(version) >= engines.order(release) else before


EXAMPLE = '{"kv_connector":"ExampleConnector","kv_role":"kv_both","kv_connector_extra_config":{"shared_storage_path":"/dev/shm/e2e"}}'
# A failed handshake kills the engines before, whatever else is right.
MENDED = "0.22.0"
FAILS = since(MENDED, DIES, REFUSED)

OF_THE_RELEASE = {"HandshakeKillsDecode (warning)"}

MISTAKES = [
    prefill("a misspelt option", argument("--tensor-paralell-size=4"), EXITS, "OptionUnknown (error)"),
    prefill("an option that is gone", argument("--swap-space=4"), EXITS, "OptionUnknown (error)"),
    prefill("a value for a switch", argument("--enforce-eager=true"), EXITS, "OptionValue (error)"),
    prefill("a type that does not exist", argument("--dtype=bf16"), EXITS, "DtypeMismatch (warning), OptionValue (error)"),
    prefill("a word for a number", argument("--max-num-seqs=many"), EXITS, "OptionValue (error)"),
    prefill("no GPU", argument("--tensor-parallel-size=0"), EXITS, "OptionValue (error)"),
    prefill("an abbreviation of several", argument("--data-parallel-s=2"), EXITS, "OptionUnknown (error)"),
    prefill("two words in one", argument("--max-num-seqs 8"), EXITS, "FusedArg (error)"),
    prefill("no kv_role", transfer('{"kv_connector":"NixlConnector"}'), EXITS, "KvRole (error)"),
    prefill("an unknown kv_role", transfer(nixl(role="producer")), EXITS, "KvRole (error)"),
    prefill("roles swapped", transfer(nixl(role="kv_consumer")), FINE, "KvRole (warning)"),
    prefill("a misspelt key", transfer(nixl(',"kv_rol":"x"')), EXITS, "KvConfigInvalid (error)"),
    prefill("a key that is gone", transfer(nixl(',"kv_buffer_size":1e9')), since("0.32.0", FINE, EXITS), since("0.32.0", None, "KvConfigInvalid (error)")),
    prefill("an unknown policy", transfer(nixl(',"kv_load_failure_policy":"maybe"')), EXITS, "KvConfigInvalid (error)"),
    prefill("broken JSON", transfer('{"kv_connector":'), EXITS, "KvConfigInvalid (error)"),
    prefill("RDMA transports, no device", variable("E2E_UCX_TLS", "rc,sm,self,cuda_copy,cuda_ipc"), EXITS, None),
    prefill("no connector", transfer(None), TWICE, "KvConnectorMissing (error)"),
    prefill("an empty configuration", transfer(""), TWICE, "KvConnectorMissing (error)"),
    prefill("another connector", transfer(EXAMPLE), TWICE, "KvConnectorMismatch (error)"),
    prefill("a second connector", transfer(several(nixl(), EXAMPLE)), since(MENDED, FINE, REFUSED), "KvConnectorMismatch (warning)"),
    prefill("push, decode pulls", transfer(nixl(connector="NixlPushConnector")), since("0.24.0", EXITS, REFUSED), since("0.24.0", "ConnectorUnknown (error), KvConnectorMismatch (error)", "KvConnectorMismatch (error)")),
    prefill("--dtype", argument("--dtype=float32"), FAILS, "DtypeMismatch (warning)"),
    Mistake("--dtype, in both", {"prefill": argument("--dtype=float32"), "decode": argument("--dtype=float16")}, FAILS, "DtypeMismatch (error)"),
    prefill("no hybrid manager", argument("--disable-hybrid-kv-cache-manager"), since(MENDED, FINE, REFUSED), since(MENDED, None, "HybridKvMismatch (warning)")),
    prefill("smaller blocks", argument("--block-size=64"), WRONG, "BlockSizeMismatch (warning)"),
    prefill("blocks that do not fit", argument("--block-size=96"), FAILS, "BlockSizeMismatch (warning)"),
    prefill("a shorter context", argument("--max-model-len=128"), REJECTED, "DtypeMismatch (warning)"),
    prefill("side channel at localhost", variable("VLLM_NIXL_SIDE_CHANNEL_HOST", "localhost"), FAILS, "SideChannelHost (error)"),
    prefill("an engine id", transfer(nixl(',"engine_id":"prefill-0"')), FAILS, "EngineIdPinned (warning)", RESTART),
    decode("no connector", transfer(None), TWICE, "KvConnectorMissing (error)"),
    decode("another connector", transfer(EXAMPLE), TWICE, "KvConnectorMismatch (error)"),
    decode("smaller blocks", argument("--block-size=64"), FAILS, "BlockSizeMismatch (warning)"),
    decode("side channel at localhost", variable("VLLM_NIXL_SIDE_CHANNEL_HOST", "localhost"), FINE, "SideChannelHost (warning)"),
    Mistake("--dtype, failures recomputed", {
        "prefill": argument("--dtype=float32"), "decode": transfer(nixl(',"kv_load_failure_policy":"recompute"', role="kv_consumer")),
    }, since(MENDED, DIES, TWICE), "DtypeMismatch (warning)"),
    Mistake("kv_both", {"prefill": transfer(nixl(role="kv_both")), "decode": transfer(nixl(role="kv_both"))}, FINE, since("0.23.0", None, "KvRole (warning)")),
    Mistake("types of two sizes, nothing compared", {
        "prefill": argument("--dtype=float32"), "decode": both(argument("--dtype=float16"), transfer(nixl(extra("enforce_handshake_compat", False), role="kv_consumer"))),
    }, FAILS, "DtypeMismatch (warning), HandshakeUnchecked (warning)"),
    Mistake("half types, nothing compared", {
        "prefill": argument("--dtype=bfloat16"), "decode": both(argument("--dtype=float16"), transfer(nixl(extra("enforce_handshake_compat", False), role="kv_consumer"))),
    }, WRONG, "DtypeMismatch (warning), HandshakeUnchecked (warning)"),
    prefill("comparison off where nobody compares", transfer(nixl(extra("enforce_handshake_compat", False))), FINE, None),
    prefill("comparison off in quotes", transfer(nixl(extra("enforce_handshake_compat", "false"))), FINE, None),
    prefill("memory that moves", variable("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True"), since("0.21.0", FINE, EXITS), since("0.21.0", "AllocatorRemaps (warning)", "AllocatorRemaps (error)")),
    prefill("memory that moves, with a space", variable("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments: True"), FINE, "AllocatorRemaps (warning)"),
    decode("guesses by the prompt", argument('--speculative-config={"method":"ngram","num_speculative_tokens":2,"prompt_lookup_max":4}'), FINE, None),
    prefill("hybrid balancing alone", argument("--data-parallel-size=2", "--data-parallel-hybrid-lb"), EXITS, "EngineSpansPods (error), GpuTooFew (error)"),
]


def at(value, release):
    """What holds for a release."""
    return value(release) if callable(value) else value
