"""Names, cells and options of strangers cannot rewrite the screen."""

import pytest

from bertkit.console import clean
from tests.command_line import write_csv

pytest_plugins = ("tests.fixtures",)

EVIL = "\x1b[2J\x9b31m\u202e\u2066\rgood\x07"
CELL = EVIL.replace("\r", "")


def check(done):
    for text in (done.out, done.err):
        assert clean(text, keep="\n\t") == text
    assert "good" in done.out + done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("finetune", "--data", f"{EVIL}.csv"),
        ("finetune", f"{EVIL}"),
        ("predict", "rows.csv", "--run", EVIL),
        ("predict", f"--{EVIL}"),
        (f"{EVIL}",),
        ("tasks", "show", EVIL),
        ("eval", "--fail-under", EVIL),
        ("finetune", "sentiment", "--set", f"train.{EVIL}=1", "--data", "sample"),
        ("finetune", "sentiment", "--data", "sample", "--model", f"./{EVIL}"),
    ],
)
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_errors_show_options_without_what_a_terminal_obeys(bertkit, arguments, form):
    done = bertkit(*arguments, *form)
    assert done.code == 2
    check(done)


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_names_columns_labels_and_cells_are_shown_without_what_a_terminal_obeys(bertkit, tiny, tmp_path, form):
    rows = [["text", f"label {CELL}"], *([f"a day {CELL} {row}", (f"x {CELL}", "y")[row % 2]] for row in range(12))]
    table = write_csv(tmp_path / "a good \u202e\x1b[31m name.csv", rows)
    columns = ("--text", "text", "--label", f"label {CELL}")
    trained = bertkit(
        *("finetune", "--data", table, *columns, "--model", tiny, "-o", tmp_path / f"run {CELL}"),
        *("--set", "train.epochs=1", *form),
    )
    assert trained.code == 0, trained.err
    check(trained)
    scored = bertkit(
        *("eval", "--run", tmp_path / f"run {CELL}", "--data", table, "--errors", tmp_path / "errors.csv", *form)
    )
    assert scored.code == 0, scored.err
    check(scored)
