# SPDX-License-Identifier: Apache-2.0
"""How a call fails. Application errors are no failures: they are Err(...) in what the function answers."""


class CallError(Exception):
    """A call did not bring an answer."""


class NobodyListens(CallError):
    """No one serves this function of this target. Known at once, unless someone watches the lattice with a wildcard: then CallTimeout."""


class CallTimeout(CallError):
    """The callee did not accept, not answer or not go on in time. It may have done, or still be doing, what was asked."""


class CalleeFailed(CallError):
    """The callee accepted and then had no answer: it trapped, raised, refused, or could not read the parameters. There is no more to know."""


class ConnectionLost(CallError):
    """The connection to the lattice broke while the call was under way. The callee may have done what was asked."""


class ProtocolError(CallError):
    """A peer did what the protocol has no meaning for."""


class TooMuchData(CallError):
    """A peer sent more than the limits allow, or faster than it was read. Only this call fails."""
