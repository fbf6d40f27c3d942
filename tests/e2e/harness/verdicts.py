"""What an API server may refuse, and what it must."""

from .kubernetes_client import ApiError
from .tools import Failure


def permitted(what, action):
    """Does what must not be refused, and gives back what comes of it."""
    try:
        return action()
    except ApiError as error:
        raise Failure(f"{what} is refused: {error}") from None


def refused(what, action, reason, codes=(403,)):
    """Fails unless something is refused for a reason."""
    try:
        action()
    except ApiError as error:
        if error.code not in codes or reason not in error.message:
            raise Failure(f"{what} is refused, but not because \"{reason}\": {error}") from None
        return
    raise Failure(f"{what} is admitted, which should be refused because \"{reason}\"")


def expect(what, found, wanted):
    """Fails with both when they differ."""
    if found != wanted:
        raise Failure(f"{what}: {found}, not {wanted}")
