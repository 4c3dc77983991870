import pytest

from bertkit.data import hub_card
from bertkit.errors import DataError

CARD = "---\nconfigs:\n- config_name: default\n  {}\n---\n# About\n"
OUTSIDE = ("/etc/passwd", "../other/rows.csv", "data/../../rows.csv", "file:///etc/passwd", "zip://x::/rows.zip")


@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize(
    "form",
    [
        "data_files: '{}'",
        "data_files: ['train.csv', '{}']",
        "data_files: [{{split: train, path: '{}'}}]",
        "data_files: [{{split: train, path: [train.csv, '{}']}}]",
        "data_dir: '{}'",
    ],
)
def test_card_that_names_files_elsewhere_is_refused(tmp_path, form, path):
    (tmp_path / "README.md").write_text(CARD.format(form.format(path)))
    with pytest.raises(DataError, match="which is not in the data set"):
        hub_card.check(tmp_path, "some/rows")


@pytest.mark.parametrize(
    "metadata", ["configs: 5", "configs: [a, b]", "configs: {a: b}", "configs: [", "- a", "a: !!python/name:os.system"]
)
def test_card_of_no_form_is_refused(tmp_path, metadata):
    (tmp_path / "README.md").write_text(f"---\n{metadata}\n---\n")
    with pytest.raises(DataError, match="cannot be read"):
        hub_card.check(tmp_path, "some/rows")


@pytest.mark.parametrize("path", ["train.csv", "data/train-*.parquet", "**", "a..b/c.csv", "en/[0-9]*.jsonl"])
def test_card_that_names_its_own_files_passes(tmp_path, path):
    (tmp_path / "README.md").write_text(CARD.format(f"data_files: [{{split: train, path: '{path}'}}]"))
    hub_card.check(tmp_path, "some/rows")


@pytest.mark.parametrize("text", ["", "# no metadata\n", "---\nlicense: mit\n---\n"])
def test_card_without_files_passes(tmp_path, text):
    hub_card.check(tmp_path, "some/rows")
    (tmp_path / "README.md").write_text(text)
    hub_card.check(tmp_path, "some/rows")
