import json
import logging

import pytest

from bertkit.console import Console, clean, shown
from bertkit.errors import UsageError


@pytest.fixture
def console():
    """A console for this test; the logger is put back afterwards."""
    log = logging.getLogger("bertkit")
    before = log.handlers, log.level, log.propagate
    found = Console()
    found.configure(json=False, quiet=False, verbose=False)
    yield found
    log.handlers, log.level, log.propagate = before


@pytest.mark.parametrize(
    "unsafe",
    ["\x1b[31m", "\x07", "\x9b2J", "\u202e", "\u2066", "\u200f", "\r", "\x00"],
    ids=["escape", "bell", "c1", "override", "isolate", "mark", "return", "nul"],
)
def test_clean_neutralises_what_could_rewrite_the_screen(console, capsys, unsafe):
    console.table("title" + unsafe, ["head" + unsafe], [["cell" + unsafe]])
    console.line("line" + unsafe)
    console.note("note" + unsafe)
    console.error(UsageError("error" + unsafe, "hint" + unsafe))
    out, err = capsys.readouterr()
    for text, words in ((out, ("title", "head", "cell", "line")), (err, ("note", "error", "hint"))):
        assert unsafe[0] not in text
        assert all(f"{word}\ufffd" in text for word in words)


def test_clean_keeps_other_scripts_and_what_is_asked_for():
    assert clean("café 日本 שלום\t😑") == "café 日本 שלום\ufffd😑"
    assert clean("a\tb\nc", keep="\n\t") == "a\tb\nc"


def test_markup_is_printed_literally(console, capsys):
    console.table("[bold]title[/bold]", ["[red]head"], [["[red]cell[/red]"]])
    console.line("[red]line[/red]")
    console.note("[red]note[/red]")
    console.error(UsageError("[red]error[/red]", "[link=x]hint[/link]"))
    out, err = capsys.readouterr()
    literal = ("[bold]title[/bold]", "[red]head", "[red]cell[/red]", "[red]line[/red]")
    assert all(text in out for text in literal)
    assert all(text in err for text in ("[red]note[/red]", "[red]error[/red]", "[link=x]hint[/link]"))


@pytest.mark.parametrize(
    ("cell", "text"), [(0.5, "0.5000"), (7, "7"), (None, ""), (True, "True"), ("007", "007"), (float("nan"), "nan")]
)
def test_shown_cells(cell, text):
    assert shown(cell) == text


def test_wide_cells_are_not_cut_where_nobody_looks(console, capsys):
    console.table("t", ["name", "text"], [["n", "word " * 25 + "end"]])
    console.line("x" * 400)
    out = capsys.readouterr().out
    assert "end" in out
    assert "x" * 400 in out


def test_json_has_null_for_what_is_no_number(console, capsys):
    console.configure(json=True, quiet=False, verbose=False)
    values = {"nan": float("nan"), "deep": [float("inf"), {"x": float("-inf")}], "pair": (1.5, 2), 3: "key"}
    console.table("not", ["shown"], [["here"]])
    console.result(values)
    console.finish()
    document = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert document["data"] == {"nan": None, "deep": [None, {"x": None}], "pair": [1.5, 2], "3": "key"}


def test_json_of_a_late_failure_is_one_document_with_the_results(console, capsys):
    console.configure(json=True, quiet=False, verbose=False)
    console.warn("look")
    console.result({"accuracy": 0.5})
    console.error(UsageError("no", "yes"))
    console.finish()
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is False
    assert document["error"] == {"code": "UsageError", "message": "no", "hint": "yes"}
    assert (document["data"], document["warnings"]) == ({"accuracy": 0.5}, ["look"])


def test_notes_of_the_engine_come_from_its_logger(console, capsys):
    logging.getLogger("bertkit").info("a fact")
    logging.getLogger("bertkit").warning("a doubt")
    assert capsys.readouterr().err == "a fact\nWarning: a doubt\n"
    assert console.warnings == ["a doubt"]


def test_quiet_keeps_errors_only(console, capsys):
    console.configure(json=False, quiet=True, verbose=False)
    console.note("note")
    console.warn("warning")
    with console.progress() as progress:
        progress("train", 1, 2)
    console.error(UsageError("error"))
    assert capsys.readouterr().err == "Error: error\n"
    assert console.warnings == ["warning"]


def test_progress_without_a_terminal_is_plain_lines(console, capsys):
    with console.progress() as progress:
        for step in range(1, 1001):
            progress("train", step, 1000, loss=0.25, epoch=1.0)
        progress("predict", 5, None)
    lines = capsys.readouterr().err.split("\n")
    assert lines == ["train 1/1000  loss 0.25  epoch 1", "train 1000/1000  loss 0.25  epoch 1", "predict 5 rows", ""]


def test_progress_in_a_terminal_is_a_bar_on_stderr(console, capsys, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with console.progress() as progress:
        progress("train", 1, 2, loss=0.25)
    out, err = capsys.readouterr()
    assert "train 1/2  loss 0.25" in err
    assert out == ""


UNSAFE = "\x1b[2J \x9b2J \u202e \u2066 \u200f \x7f \u2028 \ud800"


def test_json_keeps_values_and_holds_nothing_that_a_terminal_obeys(console, capsys):
    console.configure(json=True, quiet=False, verbose=False)
    console.result({"cell " + UNSAFE: UNSAFE + " café 日本 😑"})
    console.finish()
    out = capsys.readouterr().out
    assert json.loads(out)["data"] == {"cell " + UNSAFE: UNSAFE + " café 日本 😑"}
    assert clean(out, keep="\n") == out
    assert "café 日本 😑" in out


def test_traceback_of_a_bug_is_shown_without_control_characters(console, capsys):
    try:
        raise ValueError("cell \x1b[31m")
    except ValueError:
        console.traceback()
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "ValueError: cell \ufffd[31m" in err


def test_names_in_colons_are_not_made_pictures(console, capsys):
    console.line(":smile:.csv")
    console.note(":smile:.csv")
    assert "".join(capsys.readouterr()).count(":smile:.csv") == 2


SECRETS = ["hf_abcdefgh12345678abcdefgh12345678ab", "hf_oauth_eyJhbGci.x-y_z.eyJhbGci.x-y_z-12"]


@pytest.mark.parametrize("secret", [*SECRETS, "another kind of secret"])
def test_tokens_are_shown_nowhere(console, capsys, monkeypatch, secret):
    monkeypatch.setenv("HF_TOKEN", secret)
    console.table(f"title {secret}", [f"head {secret}"], [[f"cell {secret}"]])
    console.line(f"line {secret}")
    console.note(f"note {secret}")
    console.warn(f"warning {secret}")
    try:
        raise ValueError(f"error {secret}")
    except ValueError:
        console.traceback()
    console.error(UsageError(f"error {secret}", f"hint {secret}"))
    console.configure(json=True, quiet=False, verbose=False)
    console.result({"value": secret})
    console.finish()
    out, err = capsys.readouterr()
    assert secret not in out + err
    assert out.count("hf_***") == 5
    assert err.count("hf_***") == 5


@pytest.mark.parametrize(
    "text",
    [
        "hf_hub_download",
        "hf_home",
        "hf_sentiment.csv",
        "hf_oauth_answers.csv",
        f"s{SECRETS[0]}",
        "hf_",
    ],
)
def test_what_is_no_token_is_shown(text):
    assert clean(text) == text
