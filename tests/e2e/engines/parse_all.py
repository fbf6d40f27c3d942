"""Prints what the real parser makes of the arguments that the tests know, as JSON, one row for each. Run by parse-arguments."""

import dataclasses
import json
import re
import sys
from pathlib import Path
from typing import Annotated

import introspect
import release_parser
import yaml

MODEL = "/mnt/models"
# What the product says of arguments: what it reads off the same words is compared with these.
READ = (
    "tensor_parallel_size pipeline_parallel_size prefill_context_parallel_size data_parallel_size data_parallel_size_local data_parallel_rank nnodes "
    "headless block_size dtype kv_cache_dtype quantization served_model_name max_lora_rank load_format seed enforce_eager enable_prefix_caching "
    "disable_hybrid_kv_cache_manager kv_transfer_config"
).split()


def command_lines(tests):
    """The arguments of every engine and test, each once, but for those that only a kubelet can read."""
    profiles = yaml.safe_load((tests / "lint" / "profiles.yaml").read_text(encoding="utf-8"))
    phases = [phase for one in profiles["published"] for phase in [one["profile"], one["profile"].get("prefill", {})]]
    written = [phase.get("engine", {}).get("args", []) for phase in phases] + yaml.safe_load((tests / "engine" / "arguments.yaml").read_text(encoding="utf-8"))
    found = []
    for args in written:
        if args not in found and not any("$(" in word for word in args):
            found.append(args)
    return found


def outcome(whole, serve, behind, args):
    """What the parser says of arguments."""
    try:
        read = whole.parse_args(["serve", MODEL, *args])
    except release_parser.Refused as refused:
        return {"refused": gist(str(refused))}
    except (AssertionError, IndexError, ValueError) as error:
        return {"refused": f"{type(error).__name__}: {gist(str(error))}"}
    if (wrong := out_of_bounds(serve, behind, read)) is not None:
        return {"refused": wrong}
    return {"sets": {name: value for name in READ if (value := plain(getattr(read, name))) != plain(serve.get_default(name))}}


def gist(message):
    """The first line of a message, without what differs from run to run."""
    return re.sub(r" at 0x[0-9a-f]+", "", message.splitlines()[0].split(" (choose from ")[0])[:160] if message else ""


def out_of_bounds(serve, behind, read):
    """What pydantic says when the engine's configuration is made, of a number that is too small or too large."""
    from pydantic import TypeAdapter, ValidationError

    for action in serve._actions:
        cls, field = behind.get((action.option_strings or [""])[0], (None, None))
        value = getattr(read, action.dest, None)
        if value is None or value == action.default or not introspect.bounds(cls, field):
            continue
        known = cls.__pydantic_fields__[field]
        try:
            TypeAdapter(Annotated[(known.annotation, *known.metadata)]).validate_python(value)
        except ValidationError as error:
            return f"{field}: {error.errors()[0]['msg']}"
    return None


def plain(value):
    """A value as JSON; of a transfer what its author wrote."""
    if dataclasses.is_dataclass(value):
        return {name: getattr(value, name) for name in ["kv_connector", "kv_role", "kv_connector_extra_config"]}
    return value


def main():
    whole, serve, _ = release_parser.make()
    release_parser.refuse(whole)
    behind = introspect.fields_behind()
    rows = [{"args": args, **outcome(whole, serve, behind, args)} for args in command_lines(Path(sys.argv[1]))]
    print()
    print(json.dumps({"defaults": {name: plain(serve.get_default(name)) for name in READ}, "rows": rows}))


if __name__ == "__main__":
    main()
