"""The section of results.md about speed, from the log."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

from _results import table, write_section

from _speed.measure import ratios
from _speed.setup import Setup, Work

HEADER = ["work", "against", "theirs", "bertkit", "ours", "ratio", "of one round", "goal", "reached"]
SHARES = ["work", "side", "GFLOP/s", "share of the best rate", "`linear`", "oneDNN"]
SAME = ["work", "side", "same answers"]
NOTE = """## Speed

`python benchmarks/speed.py`: {environment}

{clock}, {rounds} rounds, all sides of one piece of work by turns in one process (cold start: in processes). Rates are
medians, in the unit named; the ratio is that of the medians, and "of one round" its least and greatest value in a
single one. Both sides have the same threads, rows and weights. Training: the timed steps are a few of each side's own
epoch, evenly spaced by the tokens they hold; a step before them, evaluation and saving are left out; "Trainer" is the
procedure of transformers' example scripts with their defaults, its tokens counted without padding. Prediction: texts
in, answers out, by `load_run(...).predict(texts)` and by a loaded pipeline; "same answers" are those like bertkit's
own in torch; of questions, the example looks for spans among the 20 best starts and ends of a window only, and after a
short training it may find none. Decoding of answers alone: `python benchmarks/qa_decoding.py`.

{table}

{same}

Arithmetic: a real token costs 2 operations a weight of the layers' matrices, and 4 · length · width a layer for its
attention, three times as much with the way back; padding counts nothing, and a last layer of which only the first
token is computed counts as a full one, so that a share can exceed what was computed. The best rate is that of a large
fp32 product in the same round, by `torch.nn.functional.linear` (MKL) or by oneDNN, whichever is faster.

{shares}"""


def report(works: Mapping[str, Work], records: Mapping[str, Mapping[str, Any]], setup: Setup, *, keep: bool) -> None:
    """Print the tables, and keep them in results.md unless they are of a trial.

    Args:
        works: By name.
        records: What was measured, by the same names; some may be missing.
        setup: They were measured with.
        keep: Whether to write.
    """
    found = {name: records[name] for name in works if name in records}
    tables = {
        "table": table(HEADER, [line for name in found for line in _goals(works[name], found[name])]),
        "same": table(SAME, [line for name in found for line in _same(works[name], found[name])]),
        "shares": table(SHARES, [line for name in found for line in _shares(works[name], found[name])]),
    }
    if keep:
        rounds = " or ".join(map(str, sorted({record["rounds"] for record in found.values()})))
        facts = {"environment": list(found.values())[-1]["environment"], "clock": setup.clock_name, "rounds": rounds}
        write_section("speed", NOTE.format(**facts, **tables))
    print(*tables.values(), sep="\n\n")


def _goals(work: Work, record: Mapping[str, Any]) -> list[list[str]]:
    rates, lines = record["rates"], []
    for goal in work.goals:
        if goal.ours not in rates:
            lines.append([work.title, goal.theirs, "", goal.ours, "not there", "", "", f"{goal.ratio:g}", "no"])
            continue
        ours, theirs = rates[goal.ours], rates[goal.theirs]
        ratio, least, most = ratios(ours, theirs)
        speeds = [f"{median(values):,.1f} {work.unit}/s" for values in (theirs, ours)]
        reached = "yes" if ratio >= goal.ratio else "NO"
        spread = f"{least:.2f} to {most:.2f}"
        lines.append(
            [
                work.title,
                goal.theirs,
                speeds[0],
                goal.ours,
                speeds[1],
                f"{ratio:.2f}",
                spread,
                f"{goal.ratio:g}",
                reached,
            ]
        )
    return lines


def _same(work: Work, record: Mapping[str, Any]) -> list[list[str]]:
    return [[work.title, side, f"{share:.1%}"] for side, share in record["same"].items()]


def _shares(work: Work, record: Mapping[str, Any]) -> list[list[str]]:
    matrices = {library: median(rates) / 1e9 for library, rates in record["matrices"].items()}
    best = max(matrices.values())
    rates = [f"{matrices[name]:.0f}" if name in matrices else "" for name in ("linear", "oneDNN")]
    return [
        [work.title, side, f"{median(shares) * best:.0f}", f"{median(shares):.0%}", *rates]
        for side, shares in record["shares"].items()
    ]
