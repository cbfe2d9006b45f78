"""Running gates, one after the other, whatever became of those before."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable, Iterator

from release.gates.context import Context
from release.gates.gate import Failed, Gate, NotRun, Result, State

ALL_PASSED, FAILED, NOT_RUN = 0, 1, 2


def run_one(gate: Gate, context: Context) -> Result:
    """How ``gate`` ends. One that breaks down has failed."""
    began = time.monotonic()
    state, words, tolerated = State.PASS, "", False
    try:
        words = gate.run(context)
    except Failed as failed:
        state, words = State.FAIL, str(failed)
    except NotRun as absent:
        state, words = State.NOT_RUN, str(absent)
        tolerated = absent.missing in gate.may_lack and not context.strict
    except Exception:
        state, words = State.FAIL, traceback.format_exc()
    return Result(gate, state, words, time.monotonic() - began, tolerated)


def run(
    gates: Iterable[Gate], context: Context, begun: Callable[[Gate], None] = lambda gate: None
) -> Iterator[Result]:
    """The results as they come; ``begun`` is told of each gate before it runs."""
    for gate in gates:
        begun(gate)
        yield run_one(gate, context)


def exit_code(results: Iterable[Result]) -> int:
    """0: nothing stands against it; 1: a gate failed; 2: one wasn't run that must be."""
    results = list(results)
    if any(result.state is State.FAIL for result in results):
        return FAILED
    if any(result.state is State.NOT_RUN and not result.tolerated for result in results):
        return NOT_RUN
    return ALL_PASSED
