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


@pytest.mark.parametrize("form", ["configs: [{data_files: &a [*a]}]", "configs: [{names: &a {b: *a}}]", "x: &a [[*a]]"])
def test_card_that_holds_itself_is_refused(tmp_path, form):
    (tmp_path / "README.md").write_text(f"---\n{form}\n---\n")
    with pytest.raises(DataError, match="a value holds itself"):
        hub_card.check(tmp_path, "some/rows")


def test_card_that_says_the_same_twice_is_looked_through_once(tmp_path):
    doubled = "".join(f"x{n}: &x{n} [*x{n - 1}, *x{n - 1}]\n" for n in range(1, 60))
    (tmp_path / "README.md").write_text(f"---\nx0: &x0 [a.csv]\n{doubled}configs: [{{data_files: *x59}}]\n---\n")
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
