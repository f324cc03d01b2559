"""What a run knows as secrets once its sources have told what they have asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dango_action.credentials.forms import skipped
from dango_action.credentials.held import Used
from dango_action.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dango_action.credentials.forms import Known
    from dango_action.credentials.held import Credentials
    from dango_action.plan import Plan
    from dango_action.results import SourceResult


def secrets_of(plan: Plan, credentials: Credentials, results: Sequence[SourceResult]) -> tuple[Known, ...]:
    """Return what may not leave of what this run has used; what is a setting, or a word, is marked as such."""
    return tuple(credentials.known(plan.sources, _used(results, words_of(plan))))


def unhidden(plan: Plan, credentials: Credentials, results: Sequence[SourceResult]) -> Iterator[Problem]:
    """Give a warning for each secret that can't be hidden: it stands everywhere, for all that anybody can tell."""
    used = _used(results)
    known = [one for one in credentials.known(plan.sources, used) if one.text and not one.setting]
    words = [one.path for one in known if any(one.text in word for word in words_of(plan))]
    for path in dict.fromkeys((*skipped(known), *words)):
        what = f"{path} can't be hidden in logs: it is short, a number, a date, or a word of the configuration"
        yield Problem(what=what, hint="if it is a secret, replace it by a longer one")


def _used(results: Sequence[SourceResult], words: tuple[str, ...] = ()) -> Used:
    secret = {name for result in results for name in result.asked_secret}
    plain = {name for result in results for name in result.asked_plain}
    return Used(secret=secret, plain=plain - secret, words=words)


def words_of(plan: Plan) -> tuple[str, ...]:
    """Return the words of a plan that stand in reports and outputs, so that no secret can be one of them."""
    return (*(source.name for source in plan.sources), *plan.broken, str(plan.target), str(plan.project))
