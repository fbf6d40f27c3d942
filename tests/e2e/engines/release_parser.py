"""The parser of `vllm serve`, of whichever release Python finds first on its path."""

import argparse
import importlib.abc
import importlib.machinery
import sys
import types

# What old releases import at their top and only use to serve. It has no part in reading arguments.
UNUSED = {"diskcache", "gguf", "orjson"}


class StandIn(types.ModuleType):
    """A module in which everything is a class."""

    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds stand-ins for what is not installed."""

    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if name.split(".")[0] in UNUSED else None

    def create_module(self, spec):
        return StandIn(spec.name)

    def exec_module(self, module):
        pass


def let_import():
    """Lets releases import that were made for other libraries than those installed."""
    import torch
    import transformers

    # 0.17 and 0.18 choose their kernels by these, which are gone; which kernels they are does not matter here.
    for name in ["_is_avx512_supported", "_is_avx2_supported"]:
        if not hasattr(torch._C._cpu, name):
            setattr(torch._C._cpu, name, lambda: False)
    register = transformers.AutoConfig.register
    # Models that vLLM brought along, and transformers has by now.
    transformers.AutoConfig.register = staticmethod(lambda kind, config, exist_ok=False: register(kind, config, exist_ok=True))
    sys.meta_path.append(StandIns())


def make():
    """The parser of the command `vllm`, the one of `serve` within it, and the subcommand."""
    let_import()
    import vllm.entrypoints.cli.serve as serve

    try:
        from vllm.utils.argparse_utils import FlexibleArgumentParser
    except ImportError:
        from vllm.utils import FlexibleArgumentParser
    whole = FlexibleArgumentParser(prog="vllm")
    (command,) = serve.cmd_init()
    return whole, command.subparser_init(whole.add_subparsers(required=False, dest="subparser")), command


class Refused(Exception):
    """What the parser says instead of ending the process."""


def refuse(parser):
    """Lets a parser raise what it would print before it exits."""

    def error(message):
        raise Refused(message)

    parser.error = error
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                refuse(sub)
