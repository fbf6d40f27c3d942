"""Says of each command line that it is given as JSON whether the real parser refuses it, and how. Run by sample-options."""

import json
import sys

import introspect
import parse_all
import release_parser


def refusal(whole, serve, behind, args):
    """What the parser says against arguments; None where it takes them."""
    try:
        read = whole.parse_args(["serve", parse_all.MODEL, *args])
    except release_parser.Refused as refused:
        return parse_all.gist(str(refused))
    except (AssertionError, IndexError, ValueError) as error:
        return f"{type(error).__name__}: {parse_all.gist(str(error))}"
    return parse_all.out_of_bounds(serve, behind, read)


def main():
    lines = json.load(sys.stdin)
    whole, serve, _ = release_parser.make()
    release_parser.refuse(whole)
    behind = introspect.fields_behind()
    answers = [refusal(whole, serve, behind, args) for args in lines]
    import vllm

    print()
    print(json.dumps({"file": vllm.__file__, "answers": answers}))


if __name__ == "__main__":
    main()
