import pytest

from bertkit.commands._options import changes, with_encoding

pytest_plugins = ("tests.fixtures",)


@pytest.fixture
def western(tmp_path):
    path = tmp_path / "days.csv"
    path.write_bytes("id,text\n1,a great café – day\n2,a dull day\n".encode("cp1252"))
    return path


def test_the_option_of_the_encoding_wins_over_set():
    assert with_encoding(None, None) == []
    overrides = with_encoding(["data.encoding=latin-1", "data.delimiter=;"], "cp1252")
    assert changes(overrides, {})["settings"] == {"encoding": "cp1252", "delimiter": ";"}


def test_the_encoding_that_predict_suggests_is_the_one_to_type(bertkit, finished, western):
    refused = bertkit("predict", western, "--run", finished)
    assert refused.code == 2
    assert "days.csv:2: byte 0xE9, number 14 of the line, is not UTF-8" in refused.err.replace("\n", " ")
    assert "--encoding cp1252" in refused.err
    assert bertkit("predict", western, "--run", finished, "--encoding", "cp1252").code == 0


@pytest.mark.parametrize("verb", [("eval", "--data"), ("finetune", "--model", "tiny", "--dry-run", "--data")])
def test_other_verbs_take_the_encoding_too(bertkit, finished, western, verb):
    """It is refused as a name, so it arrives at the reader."""
    run = ["--run", finished] if verb[0] == "eval" else []
    done = bertkit(*verb, western, *run, "--encoding", "no-such")
    assert done.code == 2
    assert '"no-such" is not an encoding' in done.err
