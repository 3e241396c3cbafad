"""A rule made ready for its calls, and what makes these on a loop's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from pytest_asyncbench._interception.predicates import PREDICATES
from pytest_asyncbench._rules.callers import never_from
from pytest_asyncbench._words.globs import Globs, any_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_asyncbench._interception.signatures import Args, Kwargs, Predicate
    from pytest_asyncbench._words.promised import Rule

__all__ = ["CompiledRule", "Intercept", "compiled"]

T = TypeVar("T")


class CompiledRule:
    """A rule whose predicate is found, and whose globs are put together."""

    __slots__ = "_allowed", "active", "harmless", "rule"

    def __init__(self, rule: Rule, harmless: Predicate | None) -> None:
        self.rule = rule
        self.harmless = harmless
        self.active = False
        """Whether somebody listens to its family."""
        self._allowed: Globs | None = None

    @property
    def allowed(self) -> Globs:
        """Who may make the call: for any rule, and for this one."""
        # Not before there is a call: most rules see none, and all together take long.
        if self._allowed is None:
            rule = self.rule
            self._allowed = any_of({**never_from(rule.target), **rule.allowed})
        return self._allowed


def compiled(rule: Rule) -> CompiledRule:
    """Make a rule ready; nobody listens to it yet."""
    return CompiledRule(rule, PREDICATES[rule.harmless] if rule.harmless else None)


class Intercept(Protocol):
    """Makes a call on the thread of a running loop, and tells of it if it counts."""

    def __call__(
        self,
        rule: CompiledRule,
        function: Callable[..., T],
        args: Args,
        kwargs: Kwargs,
        /,
    ) -> T:
        """Give what the function gives; called by a wrapper itself, never deeper."""
