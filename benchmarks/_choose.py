"""Which rows of a data set go into a sample: those that suit strangers, in an order that never changes."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

TASKS = Path(__file__).resolve().parent.parent / "tasks"
SEED = 42

# Samples are shown to strangers: rows with insults or about sex, drugs, violence, and about faith or origin, where
# comments most often turn ugly, are left out. The parts are too wide on purpose (skill goes with kill).
LEFT_OUT = re.compile(
    r"""
      abuse | adult | arse | asshat | asshole | autis | babe | badass | bastard | bi(?:t|a)ch
    | blow\s?job | bollock | boob | boytoy | breast | bugger | butthole | circle\s?jerk | cocaine | cocks
    | condom | crap | crippl | cunt | damn | dick | dirty | dogging | douche | drunk | dumbass | dyke
    | erotic | fag | fck | feminis | fetish | flirt | fu+c | fuk | genital | genocid | gunshot | hardcore
    | heroin | hexy | hitler | holocaust | homo | horny | housewi | incel | islam | jackass | jew
    | kike | kill | kinky | lesb | lmao | lmfao | loverboy | lynch | masturb | milf | moan | molest
    | moron | murder | muslim | naked | naughty | nazi | negro | nigg | nsfw | nude | nudi | omfg
    | orgas | orgy | overdos | paki | passionate | pedo | penis | piss | porn | prick | pussy | queef
    | queer | racis | rape | rapist | religion | retard | saucy | sex | shag | shi+t | slave | slut
    | spank | spastic | strip | suicid | synagog | tadger | tard | terroris | trann | transg | twat
    | undocumented | urin | vagina | virgin | wank | whor | wifebeat | wtf | xxx
    | \b(?:abort\w* | acab | anal | ass | asses | bj | blacks | bs | chink | cock | cum | die | dies
        | gays? | hell | ho | hoes? | jap | jfc | kys | laid | licks? | lube | spic | stfu | tits?
        | trump | turds? | weed | wet | whites)\b
    | in\s+bed | body\s+bag | her\s+period | slept\s+with | [a-z]\*+[a-z]?\b
    """,
    re.IGNORECASE | re.VERBOSE,
)


class Example(NamedTuple):
    """One candidate: its texts, its label or what is written of it, and the groups that a quota counts it in."""

    texts: tuple[str, ...]
    label: str
    groups: tuple[str, ...]

    @property
    def key(self) -> str:
        """The text without case, punctuation and exact numbers, so that near copies count as one."""
        joined = re.sub(r"\d+", "0", "\n".join(self.texts).casefold())
        return re.sub(r"\W+", " ", joined).strip()

    @property
    def rank(self) -> str:
        """A seeded hash of the texts: an order that no version of Python's random changes."""
        return hashlib.sha256("\n".join((str(SEED), *self.texts)).encode()).hexdigest()

    def is_fit(self, used: Container[str]) -> bool:
        """Tell whether it may be shown, and no copy of it is among the keys that are taken."""
        return bool(self.key) and self.key not in used and not any(LEFT_OUT.search(text) for text in self.texts)


def choose(examples: Iterable[Example], quotas: Mapping[str, int], used: set[str]) -> list[Example]:
    """Return the first fit examples, in order of rank, of every group that is not full yet.

    Args:
        examples: The candidates.
        quotas: Group to number of examples.
        used: Keys that are taken; those of the chosen examples are added.
    """
    chosen: list[Example] = []
    counts: Counter[str] = Counter()
    for example in sorted(examples, key=lambda example: example.rank):
        if all(counts[group] >= quotas[group] for group in example.groups):
            continue
        if not example.is_fit(used):
            continue
        used.add(example.key)
        counts.update(example.groups)
        chosen.append(example)
    return chosen


def write_text(task: str, file: str, text: str, contents: str) -> None:
    """Write a file of a sample and say what it holds."""
    path = TASKS / task / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")
    print(f"{path.relative_to(TASKS)}: {contents}, {path.stat().st_size} bytes")
