import json
import shlex
import shutil
import subprocess
import sys

import pytest

from bertkit import cli
from tests.command_line import environment, leaves, write_csv

pytest_plugins = ("tests.fixtures",)

HEAVY = ("torch", "transformers", "datasets", "evaluate", "accelerate", "sklearn")
IMPORTED = """
import json, sys
from bertkit.cli import run
loaded = []
for arguments in json.loads(sys.argv[2]):
    code = run(arguments)
    loaded.append([code, sorted(set(json.loads(sys.argv[1])) & set(sys.modules))])
print(json.dumps(loaded), file=sys.stderr)
"""
COMMANDS = leaves()


def examples():
    """Every example with the words of its verb."""
    for module in cli.verbs():
        name = module.__name__.rpartition(".")[2]
        if hasattr(module, "group"):
            yield from (((name, sub), lines) for sub, (_, lines) in module.group.items())
        else:
            yield (name,), module.EXAMPLES


def test_verbs_are_found():
    assert {words[0] for words in COMMANDS} == {
        "data",
        "doctor",
        "eval",
        "export",
        "finetune",
        "models",
        "predict",
        "runs",
        "tasks",
    }


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_of_every_verb_says_what_it_does_and_shows_its_options(bertkit, words):
    shown = bertkit(*words, "--help")
    assert shown.code == 0
    assert "Usage: bertkit" in shown.out
    assert COMMANDS[words].help.split(".")[0] in " ".join(shown.out.split())
    for parameter in COMMANDS[words].params:
        assert all(option in shown.out for option in parameter.opts if option.startswith("--"))


@pytest.mark.parametrize(
    ("words", "lines"), list(examples()), ids=lambda value: " ".join(value) if len(value) < 3 else ""
)
def test_examples_of_every_verb_are_shown_and_parse(bertkit, words, lines):
    assert len(lines) >= 2
    shown = " ".join(bertkit(*words, "--help").out.split())
    for line in lines:
        assert line in shown
        typed = shlex.split(line.partition("bertkit ")[2])
        assert tuple(typed[: len(words)]) == words
        context = COMMANDS[words].make_context(" ".join(words), typed[len(words) :])
        assert context.args == []


@pytest.mark.parametrize("arguments", [(), ("tasks",), ("runs",)])
def test_help_is_shown_where_a_verb_is_missing(bertkit, arguments):
    shown = bertkit(*arguments)
    assert shown.code == 2
    assert "Commands" in shown.out


def test_version_is_printed(bertkit):
    from bertkit import __version__

    assert bertkit("--version").out == f"{__version__}\n"


def test_help_and_early_mistakes_import_no_heavy_library(tmp_path):
    own = str(write_csv(tmp_path / "own.csv", [["review", "stars"], ["a fine day", "5"], ["a dull day", "1"]]))
    commands = {
        ("--help",): 0,
        **{(*words, "--help"): 0 for words in COMMANDS},
        ("tasks", "list"): 0,
        ("finetune", "--modle", "minilm"): 2,
        ("finetune", "sentiment", "--data", "sample", "--set", "train.epoch=3"): 2,
        ("finetune", "sentiment", "--data", "sample", "--set", "adapter.thresold=off"): 2,
        ("finetune", "--data", "nowhere.csv"): 2,
        ("finetune", "--data", own, "--text", "reviews", "--label", "stars"): 2,
        ("finetune", "sentimant"): 2,
        ("predict", own): 2,
        ("eval", "--run", "nowhere"): 2,
    }
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, json.dumps(HEAVY), json.dumps(list(commands))],
        env=environment(HF_HOME=tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stderr.splitlines()[-1])
    assert dict(zip(commands, found, strict=True)) == {words: [code, []] for words, code in commands.items()}


def test_completion_offers_verbs_and_options():
    def offered(line):
        words = {"COMP_WORDS": line, "COMP_CWORD": line.count(" "), "_BERTKIT_COMPLETE": "complete_bash"}
        command = [sys.executable, "-m", "bertkit"]
        return subprocess.run(command, env=environment(**words), capture_output=True, text=True, check=True).stdout

    assert offered("bertkit fine").split() == ["finetune"]
    assert set(offered("bertkit tasks ").split()) == {"list", "show", "copy", "check"}
    assert "--fail-under" in offered("bertkit eval --f").split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_completion_script_is_valid_bash(process, tmp_path):
    shown = process("--show-completion", "bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION=1)
    assert shown.code == 0
    assert "_BERTKIT_COMPLETE=complete_bash" in shown.out
    subprocess.run(["bash", "-n"], input=shown.out, text=True, check=True)
