"""A model of two megabytes in the format of the large ones: Llama with random weights and a token for each byte."""

import json
import random
import struct
from pathlib import Path

HIDDEN, HEADS, KV_HEADS, HEAD, INTERMEDIATE, LAYERS = 128, 4, 2, 32, 256, 4
BEGIN, END = 256, 257
VOCABULARY = 258
# With the usual 0.02 every answer is one token repeated, and a KV cache that arrived wrong would not show.
DEVIATION = 0.6
SEED = 20261129
# As tokenizers write bytes that are no printable letters of Latin-1.
PRINTABLE = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]

CONFIG = {
    # Not bfloat16: on a CPU with AMX an engine whose first prompt comes from another ends with "illegal instruction" in its attention.
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "float16", "torch_dtype": "float16",
    "hidden_size": HIDDEN, "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "head_dim": HEAD,
    "intermediate_size": INTERMEDIATE, "num_hidden_layers": LAYERS, "vocab_size": VOCABULARY,
    # What the examples ask for with --max-model-len must fit.
    "max_position_embeddings": 131072, "rope_theta": 500000.0, "rms_norm_eps": 1e-05, "initializer_range": DEVIATION,
    "hidden_act": "silu", "attention_bias": False, "mlp_bias": False, "tie_word_embeddings": False,
    "bos_token_id": BEGIN, "eos_token_id": END,
}
TEMPLATE = "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}assistant:"


def write(folder):
    """Writes the checkpoint, the same bytes each time."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "config.json": CONFIG,
        "generation_config.json": {"bos_token_id": BEGIN, "eos_token_id": END},
        "tokenizer.json": _tokenizer(),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>",
            "model_max_length": CONFIG["max_position_embeddings"], "chat_template": TEMPLATE, "clean_up_tokenization_spaces": False,
        },
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    (folder / "model.safetensors").write_bytes(_safetensors(_weights()))


def _tokenizer():
    """Byte-level BPE without merges: a byte is a token."""
    rest = iter(range(256, 512))
    letters = [chr(byte) if byte in PRINTABLE else chr(next(rest)) for byte in range(256)]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0", "truncation": None, "padding": None, "normalizer": None, "post_processor": None,
        "added_tokens": [{"id": BEGIN, "content": "<s>", **flags}, {"id": END, "content": "</s>", **flags}],
        "pre_tokenizer": byte_level, "decoder": byte_level,
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
            "fuse_unk": False, "byte_fallback": False, "vocab": {letter: byte for byte, letter in enumerate(letters)}, "merges": [],
        },
    }


def _weights():
    """Name, shape and numbers of each tensor."""
    numbers = random.Random(SEED)

    def normal(*shape):
        return shape, [numbers.gauss(0, DEVIATION) for _ in range(shape[0] * shape[1])]

    ones = (HIDDEN,), [1.0] * HIDDEN
    yield "model.embed_tokens.weight", *normal(VOCABULARY, HIDDEN)
    for layer in range(LAYERS):
        prefix = f"model.layers.{layer}"
        yield f"{prefix}.input_layernorm.weight", *ones
        yield f"{prefix}.post_attention_layernorm.weight", *ones
        for name, rows, columns in [
            ("self_attn.q_proj", HEADS * HEAD, HIDDEN), ("self_attn.k_proj", KV_HEADS * HEAD, HIDDEN),
            ("self_attn.v_proj", KV_HEADS * HEAD, HIDDEN), ("self_attn.o_proj", HIDDEN, HEADS * HEAD),
            ("mlp.gate_proj", INTERMEDIATE, HIDDEN), ("mlp.up_proj", INTERMEDIATE, HIDDEN), ("mlp.down_proj", HIDDEN, INTERMEDIATE),
        ]:
            yield f"{prefix}.{name}.weight", *normal(rows, columns)
    yield "model.norm.weight", *ones
    shape, head = normal(VOCABULARY, HIDDEN)
    # Answers are letters that a person can compare, and never end early: what has no weights is never the likeliest.
    for token in [*range(ord(" ")), *range(ord("~") + 1, VOCABULARY)]:
        head[token * HIDDEN : (token + 1) * HIDDEN] = [0.0] * HIDDEN
    yield "lm_head.weight", shape, head


def _safetensors(tensors):
    """The file format: the length of a header, the header as JSON, the numbers."""
    header, data = {}, bytearray()
    for name, shape, values in tensors:
        begin = len(data)
        data += struct.pack(f"<{len(values)}e", *values)
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data
