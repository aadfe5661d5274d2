"""`Gated`: what a replay says of its estimates as a whole."""

from __future__ import annotations

from recsys.ope.checks import SEVERITY
from recsys.ope.results import Estimate, Status


class Gated:
    """A result that holds estimates of policies, each with its status and reasons."""

    __slots__ = ()

    estimates: tuple[Estimate, ...]

    @property
    def policies(self) -> tuple[str, ...]:
        """The policies replayed."""
        return tuple(dict.fromkeys(one.policy for one in self.estimates))

    @property
    def status(self) -> Status:
        """The worst status of any estimate."""
        return max((one.status for one in self.estimates), key=SEVERITY.__getitem__)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What puts estimates into doubt."""
        return tuple(dict.fromkeys(f"{one.policy}: {why}" for one in self.estimates for why in one.reasons))
