"""Prints what the parser of a release of vLLM takes, as JSON: every option, and the keys of --kv-transfer-config.

What a type takes is not read off its name but tried, because the same function goes by many names. Run by read-options.
"""

import argparse
import ast
import dataclasses
import inspect
import json
import sys

import release_parser

BOUNDS = {"Ge": "ge", "Gt": "gt", "Le": "le", "Lt": "lt"}


def takes(action):
    """How many words an option takes."""
    if action.nargs == 0 or isinstance(action, argparse.BooleanOptionalAction):
        return "none"
    return {None: "one", "?": "maybe", "+": "some", "*": "some"}[action.nargs]


def tried(convert):
    """What a type takes for a value."""
    if convert is None:
        return "text"

    def takes(word):
        try:
            convert(word)
        except (argparse.ArgumentTypeError, TypeError, ValueError):
            return False
        return True

    return kind_of(takes) + ("?" if takes("") and takes("None") and not takes("four") else "")


def kind_of(takes):
    if takes("four"):
        # Text, unless it looks like an object: then it has to be one.
        return "text" if takes("{four}") else "text or object"
    if takes("1k"):
        return "count or auto" if takes("auto") else "count"
    if takes("[]"):
        return "json"
    if takes("1"):
        return "integer or object" if takes("{}") else "number" if takes("1.5") else "integer"
    return "object"


def folds(convert):
    """Whether a type spells its words anew before they are compared with the choices."""
    try:
        return convert is not None and convert("A-b") == "a_b"
    except (argparse.ArgumentTypeError, TypeError, ValueError):
        return False


def fields_behind():
    """The field of a configuration's class that EngineArgs makes each option of, by the option's first name."""
    from vllm.engine import arg_utils

    tree = list(ast.walk(ast.parse(inspect.getsource(arg_utils))))
    asks = [node for node in tree if isinstance(node, ast.Assign) and is_call(node.value, "get_kwargs") and isinstance(node.value.args[0], ast.Name)]
    classes = {ask.targets[0].id: getattr(arg_utils, ask.value.args[0].id, None) for ask in asks}
    found = {}
    for call in (node for node in tree if is_call(node, "add_argument") and node.args and isinstance(node.args[0], ast.Constant)):
        for spread in (keyword.value for keyword in call.keywords if keyword.arg is None and isinstance(keyword.value, ast.Subscript)):
            if isinstance(spread.value, ast.Name) and spread.value.id in classes and isinstance(spread.slice, ast.Constant):
                found[call.args[0].value] = (classes[spread.value.id], spread.slice.value)
    return found


def is_call(node, name):
    """Whether a piece of source calls a function or method of a name."""
    return isinstance(node, ast.Call) and name == getattr(node.func, "id", getattr(node.func, "attr", None))


def bounds(cls, field):
    """What pydantic holds a field to."""
    known = getattr(cls, "__pydantic_fields__", {}).get(field)
    metadata = known.metadata if known is not None else []
    return {word: value for thing in metadata if (word := BOUNDS.get(type(thing).__name__)) for value in [getattr(thing, word)]}


def option(action, strings, behind):
    """One option as the parser has it."""
    chosen = None if action.choices is None or takes(action) == "none" else [str(choice) for choice in action.choices if choice is not None]
    return {
        "strings": strings, "takes": takes(action), "type": "none" if takes(action) == "none" else tried(action.type),
        "choices": chosen, "folds": chosen is not None and folds(action.type), "negative": sorted(negative(action, strings)),
        "bounds": bounds(*behind.get(strings[0], (None, None))),
    }


def negative(action, strings):
    """Those of a switch's names that turn it off."""
    known = getattr(action, "negative_option_strings", None)
    if known is not None:
        return set(known) & set(strings)
    return {name for name in strings if isinstance(action, argparse.BooleanOptionalAction) and name.startswith("--no-")}


def transfer():
    """The keys of --kv-transfer-config, and whether others are refused: as an argument, and within MultiConnector."""
    from pydantic import TypeAdapter, ValidationError
    from vllm.config import KVTransferConfig

    adapter = TypeAdapter(KVTransferConfig)

    def wrong(key, value):
        try:
            adapter.validate_json(json.dumps({key: value}))
        except ValidationError as error:
            return [found for found in error.errors() if found["loc"][:1] == (key,)]
        return []

    def within(key):
        try:
            KVTransferConfig(**{key: "x"})
        except (TypeError, ValidationError):
            return False
        return True

    keys = {}
    for field in dataclasses.fields(KVTransferConfig):
        samples = {"text": "x", "word": "true", "whole": 2, "fraction": 1.5, "object": {}, "list": [], "null": None}
        good = {name for name, value in samples.items() if not wrong(field.name, value)}
        literal = [word for found in wrong(field.name, "x") if found["type"] == "literal_error" for word in found["ctx"]["expected"].split("'")[1::2]]
        keys[field.name] = {"takes": key_type(good, literal), "null": "null" in good, "choices": literal}
    return {"keys": keys, "closed": bool(wrong("no_such_key", 1)), "closed_within": not within("no_such_key")}


def key_type(good, literal):
    if literal:
        return "choice"
    for name, needs, lacks in [
        ("object", {"object"}, {"text", "list", "whole"}), ("text", {"text"}, {"whole", "object"}), ("flag", {"word"}, {"text", "whole"}),
        ("integer", {"whole"}, {"fraction", "text"}), ("number", {"whole", "fraction"}, {"text"}),
    ]:
        if needs <= good and not lacks & good:
            return name
    return "anything"


def main():
    _, serve, _ = release_parser.make()
    import vllm

    behind = fields_behind()
    by_action = {}
    for string, action in serve._option_string_actions.items():
        by_action.setdefault(id(action), (action, []))[1].append(string)
    options = [option(action, strings, behind) for action, strings in by_action.values()]
    json.dump({"file": vllm.__file__, "options": options, "transfer": transfer()}, sys.stdout)


if __name__ == "__main__":
    main()
