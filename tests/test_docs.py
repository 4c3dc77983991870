"""The documents say what the program does: generated parts are fresh, commands parse, links lead somewhere."""

import re
import shlex
import shutil
from itertools import takewhile

import pytest
import typer

import bertkit
from bertkit import cli
from bertkit.recipe import catalog
from docs import generate

ROOT = generate.ROOT
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "tasks/*/README.md")
    for path in ROOT.glob(pattern)
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(r"(?:bertkit|docs|tasks|tests|benchmarks|examples)/[\w./-]*")


def read(page):
    return re.sub(r"<!--.*?-->", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)


def spans(page):
    return SPAN.findall(FENCE.sub("", read(page)))


def fenced_lines(page):
    blocks = (body for language, body in FENCE.findall(read(page)) if not language)
    return [line for body in blocks for line in body.replace("\\\n", " ").splitlines()]


def commands(page):
    """Return the words of each `bertkit ...` of a page, up to a redirection."""
    found = []
    for line in [*fenced_lines(page), *spans(page)]:
        for part in re.split(r"\s\|\s", line):
            if part.startswith("bertkit "):
                words = shlex.split(part)[1:]
                found.append(list(takewhile(lambda word: word != ">", words)))
    return found


@pytest.mark.parametrize("page", PAGES)
def test_named_tests_exist(page):
    for name in spans(page):
        file, found, function = name.partition("::")
        if found and file.startswith("tests/"):
            assert f"def {function}(" in (ROOT / file).read_text(encoding="utf-8"), name


def parse(words):
    """Parse as the program would, without running anything; a bare name of a verb is no command."""
    command = typer.main.get_command(cli.build())
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]
    if hasattr(command, "commands"):
        assert words in ([], ["--help"], ["--version"], ["VERB", "--help"]), words
    elif words and "[OPTIONS]" not in words:
        command.make_context("bertkit", list(words))


def anchors(page):
    titles = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


def test_generated_pages_are_fresh():
    assert generate.stale() == [], "run: make docs"


def test_generate_check_names_a_changed_and_a_superfluous_page(tmp_path, monkeypatch):
    for page in PAGES:
        (tmp_path / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / page, tmp_path / page)
    shutil.copytree(ROOT / "bertkit", tmp_path / "bertkit", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    generate.main([])
    generate.main(["--check"])
    fresh = (tmp_path / "docs/verbs/eval.md").read_text(encoding="utf-8")
    (tmp_path / "docs/verbs/eval.md").write_text("old", encoding="utf-8")
    (tmp_path / "docs/verbs/gone.md").write_text("old", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"docs/verbs/eval\.md, docs/verbs/gone\.md"):
        generate.main(["--check"])
    generate.main([])
    assert (tmp_path / "docs/verbs/eval.md").read_text(encoding="utf-8") == fresh
    assert not (tmp_path / "docs/verbs/gone.md").exists()


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_a_page_parse(page):
    for words in commands(page):
        parse(words)


@pytest.mark.parametrize(
    "words", ["finetune --no-such-flag", "predict a.csv b.csv", "fly", "tasks list extra", "models x"]
)
def test_parse_refuses_what_the_program_refuses(words):
    with pytest.raises((typer.exceptions.TyperException, AssertionError)):
        parse(words.split())


def test_commands_are_found_in_blocks_spans_and_pipes():
    found = commands("README.md")
    assert ["eval"] in found
    assert ["predict", "examples/reviews.csv", "-o", "-"] in found
    assert any(words[0] == "finetune" and "train.batch_size=4" in words for words in found)


@pytest.mark.parametrize("page", PAGES)
def test_links_of_a_page_lead_somewhere(page):
    for link in LINK.findall(FENCE.sub("", read(page))):
        if re.match(r"https?://", link):
            continue
        file, _, anchor = link.partition("#")
        target = (ROOT / page).parent / file if file else ROOT / page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", [page for page in PAGES if not page.startswith("tasks/")])
def test_paths_that_a_page_names_exist(page):
    described = "token_regression"  # what docs/adapters.md tells how to write
    for span in spans(page):
        for word in span.split():
            if PATH.fullmatch(word) and described not in word:
                assert (ROOT / word).exists(), word


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_that_a_page_names_exist(page):
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    named = [line.split()[1] for line in [*fenced_lines(page), *spans(page)] if line.startswith("make ")]
    assert set(named) <= set(targets)


@pytest.mark.parametrize("command", ["make demo", "make test"])
def test_readme_names_the_two_commands(command):
    assert command in fenced_lines("README.md")
    assert command in spans("README.md")


@pytest.mark.parametrize("verb", [module.__name__.rpartition(".")[2] for module in cli.verbs()])
def test_readme_names_every_verb(verb):
    assert f"docs/verbs/{verb}.md" in LINK.findall(read("README.md"))
    assert verb in {words[0] for words in commands("README.md") if words}


def test_readme_lists_exactly_the_built_in_tasks():
    lines = re.findall(
        r"^\| \[([\w-]+)\]\(tasks/([\w-]+)/README\.md\) \|[^|]+\| (yes|no) \| ([^|]*?) ?\|$", read("README.md"), re.M
    )
    assert [(name, name) for name in catalog.names()] == [line[:2] for line in lines]
    for name, _, sample, licence in lines:
        assert (sample == "yes") == bool(catalog.sample(catalog.find(name)))
        assert (sample == "yes") == bool(licence)


def test_readme_python_uses_public_names_only():
    (code,) = [body for language, body in FENCE.findall(read("README.md")) if language == "python"]
    compile(code, "README.md", "exec")
    assert set(re.findall(r"\bbertkit\.(\w+)\(", code)) <= set(bertkit.__all__)


def test_changelog_has_the_current_version():
    assert f"## [{bertkit.__version__}]" in read("CHANGELOG.md")
