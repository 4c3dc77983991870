import json

import pytest

from bertkit.engine.tokenizer import load_encoder
from bertkit.errors import MachineError, ModelError
from bertkit.recipe.schema import EncodeSettings
from tests.families import LIMIT, TEXTS, build

ENCODE = EncodeSettings(max_length=LIMIT, truncate="windows", stride=8)


def test_load_encoder_tells_that_a_window_is_longer_than_the_model_reads(tmp_path, caplog):
    folder = build("electra", tmp_path / "electra")
    with caplog.at_level("WARNING", logger="bertkit"):
        assert load_encoder(folder, EncodeSettings(max_length=LIMIT), LIMIT).max_length == LIMIT
        assert not caplog.messages
        assert load_encoder(folder, EncodeSettings(max_length=LIMIT + 1), LIMIT).max_length == LIMIT
    (said,) = caplog.messages
    assert f"max_length = {LIMIT + 1} is lowered to {LIMIT}" in said


@pytest.mark.parametrize("name", ["bert", "distilbert", "electra", "mobilebert", "mpnet", "deberta", "roberta"])
def test_load_encoder_reads_the_older_files_of_a_tokenizer(tmp_path, name):
    folder = build(name, tmp_path / name)
    whole = load_encoder(folder, ENCODE, LIMIT)
    parts = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    (folder / "tokenizer.json").unlink()
    if "merges" in parts:
        (folder / "vocab.json").write_text(json.dumps(parts["vocab"]), encoding="utf-8")
        merges = "\n".join(" ".join(pair) for pair in parts["merges"])
        (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n", encoding="utf-8")
    else:
        (folder / "vocab.txt").write_text("\n".join(sorted(parts["vocab"], key=parts["vocab"].get)), encoding="utf-8")
    older = load_encoder(folder, ENCODE, LIMIT)
    for texts in [(text,) for text in TEXTS] + [TEXTS[:2], TEXTS[8:10]]:
        views = [list(encoder.views(*encoder.ids(texts))) for encoder in (whole, older)]
        assert [view.input_ids.tolist() for view in views[0]] == [view.input_ids.tolist() for view in views[1]]


@pytest.mark.parametrize(
    ("installed", "kind", "said"), [(False, MachineError, "SentencePiece"), (True, ModelError, "read")]
)
def test_load_encoder_names_what_a_sentencepiece_model_lacks(tmp_path, monkeypatch, installed, kind, said):
    folder = build("deberta-v2", tmp_path / "deberta-v2")
    (folder / "tokenizer.json").rename(folder / "spm.model")
    for package in ("sentencepiece", "protobuf"):
        monkeypatch.setattr(f"transformers.utils.is_{package}_available", lambda: installed)
    with pytest.raises(kind, match=said) as error:
        load_encoder(folder, ENCODE, LIMIT)
    assert ("pip install sentencepiece protobuf" in error.value.hint) is not installed
