import json
import shutil

import pytest

from bertkit.data.tables import open_table
from bertkit.engine import evaluate, predict, run
from bertkit.engine.agreement import same
from bertkit.engine.backends.onnx import Onnx
from bertkit.engine.finetune import finetune
from bertkit.engine.predictor import load_run
from bertkit.errors import RunError
from bertkit.recipe import catalog

pytest_plugins = ("tests.fixtures",)

ROWS = 60


def sentiment(source):
    lines = source.read_text(encoding="utf-8").splitlines()
    return "\n".join(lines[: ROWS + 1]) + "\n"


def ner(source):
    return "\n\n".join(source.read_text(encoding="utf-8").split("\n\n")[:ROWS]) + "\n\n"


def qa(source):
    document = json.loads(source.read_text(encoding="utf-8"))
    short = [{**article, "paragraphs": article["paragraphs"][:2]} for article in document["data"]]
    return json.dumps({**document, "data": short})


PART = {"sentiment": sentiment, "ner": ner, "qa": qa}


@pytest.fixture(scope="module", params=PART)
def real(request, minilm_folder, tmp_path_factory):
    """A run of the packaged checkpoint on some rows of a built-in sample, and the file of these rows."""
    sample = catalog.sample(catalog.find(request.param))["validation"]
    rows = tmp_path_factory.mktemp(request.param) / sample.name
    rows.write_text(PART[request.param](sample), encoding="utf-8")
    output = str(rows.with_name("run"))
    options = ["train.epochs=1", "encode.max_length=128"]
    run = finetune(request.param, model=str(minilm_folder), data=str(rows), overrides=options, output=output)
    return run, rows


def test_graph_answers_as_the_weights_do_on_real_rows(real):
    run, rows = real
    found = {name: evaluate.evaluate(run.folder, data=str(rows), backend=name) for name in ("torch", "onnx")}
    assert [found[name].backend for name in found] == list(found)
    assert found["onnx"].scores == pytest.approx(found["torch"].scores, abs=1e-5)
    examples = evaluate.validation_rows(run).rows
    answers = [load_run(run.folder, backend=name).answer(examples) for name in found]
    assert len(examples) > 5
    assert all(same(one.answer, other.answer) for one, other in zip(*answers, strict=True))


def test_graph_gives_the_same_numbers_whatever_is_beside_a_row(real):
    predictor = load_run(real[0].folder, backend="onnx")
    examples = evaluate.validation_rows(real[0]).rows[:12]
    together = predictor.answer(examples)
    alone = [predictor.answer([example])[0] for example in examples]
    for one, other in zip(together, alone, strict=True):
        assert same(one.answer, other.answer)
        assert one.score == pytest.approx(other.score, abs=1e-6)


def test_predict_tells_which_backend_answered(finished, reviews, tmp_path):
    outputs = {name: tmp_path / f"{name}.csv" for name in ("torch", "onnx")}
    for name, output in outputs.items():
        assert predict.predict(reviews, output, run=finished, backend=name).backend == name
    answers = []
    for output in outputs.values():
        with open_table(output) as table:
            answers.append([row.values["answer"] for row in table])
    assert answers[0] == answers[1]


def test_damaged_graph_is_an_error_of_the_run(finished, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    (folder / "onnx/model.onnx").write_bytes(b"no graph")
    with pytest.raises(RunError, match=r"model\.onnx is damaged"):
        load_run(folder, backend="onnx").predict(["a fine day"])
    with pytest.raises(RunError, match=r"model\.onnx cannot be used"):
        Onnx.open(folder, run.load(folder).adapter)
