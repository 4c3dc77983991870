"""A prediction that is killed at any time is finished by the same command, with the bytes of one that was not."""

import random
import signal

import pytest

from bertkit.engine import signals
from tests.reliability import forked
from tests.reliability.fake_run import left, predict, write_table
from tests.reliability.sizes import size

pytestmark = [pytest.mark.soak, pytest.mark.forks]
EXTENSIONS = ("csv", "jsonl", "csv.gz", "json", "parquet")
KILLS = size(100, 5000)


def answer(source, output):
    predict(source, output)


def answer_until_told(source, output):
    """Answer a table, and end as the command line does."""
    try:
        for number in signals.CAUGHT:
            signal.signal(number, signals.stop_now)
        predict(source, output)
    except KeyboardInterrupt:
        return 128 + signals.taken()
    return 0


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_the_bytes_are_those_of_a_prediction_that_was_never_killed(extension, tmp_path):
    source = write_table(tmp_path / "rows.csv")
    (tmp_path / "whole").mkdir()
    name = f"out.{extension}"
    seconds = forked.seconds(answer, source, tmp_path / "whole" / name)
    whole = left(tmp_path / "whole")
    assert set(whole) == {name, f"{name}.rejects.csv"}
    draw = random.Random(extension)
    kills = outputs = 0
    while kills < KILLS // len(EXTENSIONS):
        folder = tmp_path / f"killed-{outputs}"
        folder.mkdir()
        outputs += 1
        while not (folder / name).exists():
            code = forked.run(answer, source, folder / name, kill_after=draw.uniform(0, seconds))
            assert code in (0, -signal.SIGKILL)
            kills += code != 0
            # Neither appears before its last row.
            assert {key: held for key, held in left(folder).items() if key in whole}.items() <= whole.items()
        # Killed between its last steps, it leaves what the whole output was made with.
        useless = {f"{name}.part.journal", *([f"{name}.part"] if extension == "parquet" else [])}
        assert set(left(folder)) - useless == set(whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_what_a_further_command_continues(number, tmp_path):
    source = write_table(tmp_path / "rows.csv")
    (tmp_path / "whole").mkdir()
    seconds = forked.seconds(answer, source, tmp_path / "whole" / "out.csv")
    draw = random.Random(number)
    for attempt in range(size(10, 200)):
        folder = tmp_path / f"stopped-{attempt}"
        folder.mkdir()
        after = draw.uniform(0, seconds)
        code = forked.run(answer_until_told, source, folder / "out.csv", kill_after=after, number=number)
        # It may come before the process has begun to listen, or after its work.
        assert code in (0, -number, 128 + number, 70)
        if not (folder / "out.csv").exists():
            assert forked.run(answer, source, folder / "out.csv") == 0
        stopped = left(folder)
        stopped.pop("out.csv.part.journal", None)
        assert stopped == left(tmp_path / "whole")
