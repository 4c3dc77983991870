"""The token of a user: taken from no recipe or option, sent where it is asked for, shown and written nowhere."""

import os
import subprocess
import sys
from typing import ClassVar

import pytest

from bertkit.errors import RecipeError
from bertkit.recipe.read import parse_override
from tests.command_line import environment, write_reviews
from tests.hub_server import HubServer, _Handler

pytest_plugins = ("tests.fixtures",)

TOKEN = "hf_canary0123456789abcdef0123456789ab"
RECIPE = '[adapter]\nname = "sequence-classification"\n{}\n'
CRASH = """
import os, shutil
def crash(*_):
    raise RuntimeError(f"a library tells {os.environ['HF_TOKEN']}")
shutil.disk_usage = crash
"""


@pytest.mark.parametrize(
    "option",
    [
        ("--model", TOKEN),
        ("--model", f"owner/name@{TOKEN}"),
        ("--set", f"data.hub={TOKEN}"),
        ("--set", f"train.extra.lr_scheduler_kwargs={{a = ['{TOKEN}']}}"),
        ("--set", f"train.extra.{TOKEN}=1"),
        ("--set", f"title=about {TOKEN}"),
    ],
)
def test_tokens_among_the_options_are_refused_and_not_shown(bertkit, reviews, option):
    done = bertkit("finetune", "--data", reviews, "--text", "text", "--label", "label", *option)
    assert done.code == 2
    assert "holds a token of the hub" in done.err
    assert "hf auth login" in done.err
    assert TOKEN not in done.out + done.err


def test_tokens_in_a_recipe_are_refused(tmp_path, bertkit, reviews):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE.format(f'[train.extra]\noptim_args = "token={TOKEN}"'))
    done = bertkit("finetune", path, "--data", reviews)
    assert done.code == 2
    assert "a value from recipe.toml holds a token" in done.err
    assert TOKEN not in done.out + done.err


def test_a_table_whose_name_begins_like_a_token_is_read(bertkit, tmp_path):
    data = write_reviews(tmp_path / "hf_sentiment.csv")
    done = bertkit("data", "check", data, "--text", "text", "--label", "label", "--model", "none")
    assert done.code == 0, done.err


def test_an_override_of_no_form_does_not_show_a_token(bertkit, reviews):
    done = bertkit("finetune", "--data", reviews, "--set", TOKEN)
    assert done.code == 2
    assert TOKEN not in done.out + done.err
    with pytest.raises(RecipeError):
        parse_override(TOKEN)


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_token_of_the_environment_is_nowhere_after_a_crash(tiny, reviews, tmp_path, form):
    (tmp_path / "sitecustomize.py").write_text(CRASH)
    command = ["finetune", "--data", reviews, "--model", tiny, "-o", tmp_path / "run", "--text", "text", "-v", *form]
    done = subprocess.run(
        [sys.executable, "-m", "bertkit", *map(str, command), "--label", "label"],
        env=environment(HF_TOKEN=TOKEN, HF_HUB_OFFLINE=1, PYTHONPATH=f"{tmp_path}{os.pathsep}{os.getcwd()}"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 70, done.stderr
    assert "a library tells hf_***" in done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert found(tmp_path) == []


def test_token_of_the_environment_is_in_no_file_of_a_run(bertkit, tiny, reviews, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    options = ("--text", "text", "--label", "label", "--set", "train.epochs=1", "-v")
    done = bertkit("finetune", "--data", reviews, "--model", tiny, "-o", tmp_path / "run", *options)
    assert done.code == 0, done.err
    assert TOKEN not in done.out + done.err
    assert found(tmp_path) == []


def found(folder):
    return [path for path in folder.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]


class Gated(_Handler):
    """A hub that shows its repository to those alone who send the token, and notes what each request sent."""

    seen: ClassVar[list[tuple[str, str | None]]] = []
    asks = False

    def _answer(self):
        sent = self.headers.get("Authorization")
        self.seen.append((self.path, sent))
        if self.asks and sent != f"Bearer {TOKEN}":
            return self._send(401, b"{}", {"X-Error-Code": "RepoNotFound", "Content-Type": "application/json"})
        return super()._answer()


@pytest.mark.parametrize("asks", [False, True])
def test_token_is_sent_only_to_a_repository_that_asks_for_it(tiny, tmp_path, monkeypatch, asks):
    monkeypatch.setattr("tests.hub_server._Handler", Gated)
    monkeypatch.setattr(Gated, "seen", [])
    monkeypatch.setattr(Gated, "asks", asks)
    with HubServer({"models/some/model": tiny}) as server:
        subprocess.run(
            [sys.executable, "-c", "from bertkit.engine.checkpoint import resolve; resolve('some/model')"],
            env=environment(HF_ENDPOINT=server.url, HF_HOME=tmp_path / "home", HF_TOKEN=TOKEN),
            check=True,
        )
    sent = {token for _, token in Gated.seen}
    assert sent == ({None, f"Bearer {TOKEN}"} if asks else {None})
