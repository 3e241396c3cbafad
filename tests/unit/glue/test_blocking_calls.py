"""The list of blocking calls so far is judged when there is something new in it."""

from __future__ import annotations

from types import SimpleNamespace

from by_hand import call, observations

from pytest_asyncbench._glue import blocking_calls
from pytest_asyncbench._words.promised import Policy


def test_it_is_judged_anew_only_where_something_was_seen_since(monkeypatch):
    """A test may ask for its length after each of many thousand calls."""
    judged = []

    def findings(policy, seen, rules):
        judged.append(seen)
        return list(seen.calls)

    monkeypatch.setattr(blocking_calls, "findings", findings)
    watch = SimpleNamespace(seen_so_far=1)
    seen = [observations(calls=(call(),))]
    trial = SimpleNamespace(
        watched=SimpleNamespace(policy=Policy(), rules=(), watch=watch),
        call=SimpleNamespace(seen=lambda: seen[-1]),
    )
    listed = blocking_calls.BlockingCalls(trial)
    assert [len(listed), len(listed), len([*listed])] == [1, 1, 1]
    assert len(judged) == 1
    watch.seen_so_far = 2
    seen.append(observations(calls=(call(), call(began=1.0))))
    assert [len(listed), len(listed)] == [2, 2]
    assert len(judged) == 2
