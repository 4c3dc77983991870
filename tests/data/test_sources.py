import json
import os
import subprocess
import sys

import pytest

from bertkit.data.sources import available, files_of, open_split
from bertkit.errors import DataError
from bertkit.recipe.schema import DataSettings
from tests.hub_server import HubServer

NOWHERE = "http://127.0.0.1:9"
READ = """
import json, sys
from bertkit.data.sources import available, open_split
from bertkit.errors import BertkitError
from bertkit.recipe.schema import DataSettings
found = []
for settings in json.loads(sys.argv[1]):
    data = DataSettings.model_validate(settings)
    try:
        splits = {}
        for split in available(data):
            with open_split(data, split) as table:
                splits[split] = [[table.name, row.line, row.values] for row in table]
        found.append(splits)
    except BertkitError as error:
        found.append([type(error).__name__, error.exit_code, error.message, error.hint])
print(json.dumps(found))
"""
CARD = """---
configs:
- config_name: first
  data_files:
  - split: train
    path: first/train-*
  - split: validation_matched
    path: first/validation_matched-*
- config_name: second
  data_files:
  - split: train
    path: second/train-*
dataset_info:
- config_name: first
  features:
  - name: text
    dtype: string
  - name: label
    dtype:
      class_label:
        names:
          '0': negative
          '1': positive
- config_name: second
  features:
  - name: text
    dtype: string
  - name: labels
    sequence:
      class_label:
        names:
          '0': joy
          '1': love
---
"""


@pytest.fixture
def read(tmp_path):
    """Reads data sets of the hub in a new process, which reads the hub's settings at import."""

    def run(*settings, url=NOWHERE, home=tmp_path / "home", **environment):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        own = {"HF_HOME": str(home), "HF_ENDPOINT": url, "HF_HUB_DISABLE_TELEMETRY": "1", **environment}
        done = subprocess.run(
            [sys.executable, "-c", READ, json.dumps(settings)],
            env=clean | own,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture
def repository(tmp_path):
    """A data set with two configurations, as Parquet files."""
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = tmp_path / "repository"
    files = {
        "first/train-0": {"text": ["a", "b"], "label": [1, 0]},
        "first/validation_matched-0": {"text": ["c"], "label": [-1]},
        "second/train-0": {"text": ["d", "e"], "labels": [[1, 0], []]},
    }
    for name, columns in files.items():
        path = folder / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(arrow.table(columns), path)
    (folder / "README.md").write_text(CARD)
    return folder


def test_hub_data_set_is_read_by_configuration_with_the_names_of_its_classes(read, repository, tmp_path):
    first = {"hub": "some/rows", "config": "first", "validation": "validation_matched"}
    second = {"hub": "some/rows", "config": "second"}
    wanted = [
        {
            "train": [
                ["some/rows[train]", 1, {"text": "a", "label": "positive"}],
                ["some/rows[train]", 2, {"text": "b", "label": "negative"}],
            ],
            "validation": [["some/rows[validation_matched]", 1, {"text": "c", "label": None}]],
        },
        {
            "train": [
                ["some/rows[train]", 1, {"text": "d", "labels": ["love", "joy"]}],
                ["some/rows[train]", 2, {"text": "e", "labels": []}],
            ],
        },
    ]
    with HubServer({"datasets/some/rows": repository}) as hub:
        assert read(first, url=hub.url) == wanted[:1]
        assert not any("second" in request for request in hub.requests if "/resolve/" in request)
        assert read(second, url=hub.url) == wanted[1:]
        assert read(second, url=hub.url, home=tmp_path / "another") == wanted[1:]
        asked = len(hub.requests)
        assert read(first, second, url=hub.url) == wanted
        assert len(hub.requests) == asked
    assert read(first, second, url=hub.url) == wanted


def test_hub_data_set_of_text_files_stays_text(read, tmp_path):
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "train.csv").write_text('text,label,day\nNA,007,2024-01-02\n"",True,x\n')
    (folder / "test.csv").write_text("text,label,day\nnull,1e5,y\nbad,row\n")
    lines = tmp_path / "lines"
    lines.mkdir()
    (lines / "train.jsonl").write_text('{"text": "2024-01-02", "label": null}\n')
    with HubServer({"datasets/some/plain": folder, "datasets/some/lines": lines}) as hub:
        skipping = {"hub": "some/plain", "test": "test", "on_bad_row": "skip"}
        stopping = {"hub": "some/plain", "test": "test"}
        plain, stopped, typed = read(skipping, stopping, {"hub": "some/lines"}, url=hub.url)
    assert plain == {
        "train": [
            ["some/plain[train]", 1, {"text": "NA", "label": "007", "day": "2024-01-02"}],
            ["some/plain[train]", 2, {"text": "", "label": "True", "day": "x"}],
        ],
        "test": [["some/plain[test]", 1, {"text": "null", "label": "1e5", "day": "y"}]],
    }
    assert stopped[0] == "DataError"
    assert "test.csv:3: 2 fields, the header has 3" in stopped[2]
    assert typed == {"train": [["some/lines[train]", 1, {"text": "2024-01-02", "label": None}]]}


CARD_OF_READINGS = """---
configs:
- config_name: first
  default: true
  data_files: [{split: train, path: "first/*"}]
  {}
- config_name: second
  data_files: [second/rows.csv]
  sep: "|"
---
"""


@pytest.fixture
def stated(read, tmp_path):
    """Reads a CSV file of the hub whose card states how; returns the cells of each row."""

    def run(content, reading, **settings):
        for name in ("first", "second"):
            (tmp_path / "stated" / name).mkdir(parents=True, exist_ok=True)
            (tmp_path / "stated" / name / "rows.csv").write_bytes(content)
        (tmp_path / "stated/README.md").write_text(CARD_OF_READINGS.replace("{}", "\n  ".join(reading.split(", "))))
        with HubServer({"datasets/some/rows": tmp_path / "stated"}) as hub:
            (found,) = read({"hub": "some/rows", **settings}, url=hub.url)
        return [values for _, _, values in found["train"]] if isinstance(found, dict) else found

    return run


@pytest.mark.parametrize(
    ("content", "reading", "expected"),
    [
        (b"NA,1\nb,2\n", "names: [x,y], header: null", [{"x": "NA", "y": "1"}, {"x": "b", "y": "2"}]),
        (b"NA,1\nb,2\n", "column_names: [x,y]", [{"x": "NA", "y": "1"}, {"x": "b", "y": "2"}]),
        (b"x;y\nNA;\xe9\n", "delimiter: ';', encoding: cp1252", [{"x": "NA", "y": "\xe9"}]),
        (b'x,y\n"NA",1\n', "quoting: 3, keep_default_na: false", [{"x": '"NA"', "y": "1"}]),
        (b"about\nx,y\nb,1\n", "skiprows: 1", [{"x": "b", "y": 1}]),
        (b"a,1\nb,2\n", "names: [x,y], header: 0", [{"x": "b", "y": 2}]),
        (b"x||y\nb||1\n", r"sep: '\|\|', engine: python", [{"x": "b", "y": 1}]),
        (b"x--y\nb--1\n", "sep: '--', engine: python", [{"x": "b", "y": 1}]),
    ],
)
def test_hub_data_set_is_read_as_its_card_states(stated, content, reading, expected):
    assert stated(content, reading) == expected


def test_hub_data_set_is_read_as_the_card_states_for_its_configuration(stated):
    assert stated(b"x|y\nNA|1\n", "sep: ;", config="second") == [{"x": "NA", "y": "1"}]


def test_hub_data_set_whose_card_names_no_configuration_is_refused(read, tmp_path):
    (tmp_path / "nameless").mkdir()
    (tmp_path / "nameless/README.md").write_text("---\nconfigs:\n- data_files: first/rows.csv\n---\n")
    with HubServer({"datasets/some/rows": tmp_path / "nameless"}) as hub:
        found = read({"hub": "some/rows"}, {"hub": "some/rows", "config": "first"}, url=hub.url)
    assert [(kind, code) for kind, code, *_ in found] == [("DataError", 2)] * 2


def test_what_the_user_says_of_the_reading_comes_before_the_card(stated):
    assert stated(b"x|y\nNA|1\n", "sep: ;", delimiter="|", config="first") == [{"x": "NA", "y": "1"}]


@pytest.mark.parametrize("reading", ["sep: [1]", "names: 5", "skiprows: {a: 1}", "encoding: nonsense"])
def test_hub_data_set_whose_card_states_a_reading_that_is_none(stated, reading):
    kind, code, message, _ = stated(b"x,y\nb,1\n", reading, config="first")
    assert (kind, code) == ("DataError", 2)
    assert message


def test_hub_data_set_that_cannot_be_read_says_why(read, repository):
    named = {"hub": "some/rows", "config": "first"}
    with HubServer({"datasets/some/rows": repository}) as hub:
        found = read(
            {"hub": "some/nothing"},
            {"hub": "some/rows", "revision": "v9"},
            {"hub": "some rows/of mine"},
            {**named, "config": "third"},
            {**named, "train": "trian"},
            url=hub.url,
        )
    said = (
        'The hub has no public data set "some/nothing"',
        'some/rows has no revision "v9"',
        '"some rows/of mine" is no owner/name',
        'The hub data set "some/rows" cannot be read',
        'some/rows has no split "trian". It has: train, validation_matched',
    )
    for (kind, code, message, _), words in zip(found, said, strict=True):
        assert (kind, code) == ("DataError", 2)
        assert words in message


@pytest.mark.parametrize("environment", [{}, {"HF_HUB_OFFLINE": "1"}])
def test_hub_data_set_without_network_names_the_ways_out(read, environment):
    ((kind, code, message, hint),) = read({"hub": "some/rows"}, **environment)
    assert (kind, code) == ("MachineError", 3)
    assert '"some/rows" is not in the cache' in message
    assert "--data sample" in hint


def test_files_of_finds_the_splits_by_their_usual_names(tmp_path):
    for name in ("Train.csv", "dev.tsv.gz", "test.jsonl", "trainer.csv", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "validation").mkdir()
    assert files_of(tmp_path) == {
        "train": str(tmp_path / "Train.csv"),
        "validation": str(tmp_path / "dev.tsv.gz"),
        "test": str(tmp_path / "test.jsonl"),
    }


def test_files_of_folder_without_a_training_file_says_what_it_holds(tmp_path):
    (tmp_path / "test.csv").touch()
    with pytest.raises(DataError, match=r"has no training file such as train.csv. It holds: test.csv"):
        files_of(tmp_path)


def test_available_names_the_files_of_a_recipe():
    assert available(DataSettings(train="a.csv", test="b.csv")) == ["train", "test"]


def test_available_without_training_rows_is_refused():
    with pytest.raises(DataError, match="no training rows") as error:
        available(DataSettings(test="b.csv"))
    assert "--data FILE" in error.value.hint


def test_open_split_of_a_file_reads_it_as_the_recipe_says(tmp_path):
    (tmp_path / "rows.txt").write_text("a;1\nb;2\n")
    settings = DataSettings(train=str(tmp_path / "rows.txt"), format="csv", delimiter=";", names=("text", "label"))
    with open_split(settings, "train") as table:
        assert [row.values for row in table] == [{"text": "a", "label": "1"}, {"text": "b", "label": "2"}]
