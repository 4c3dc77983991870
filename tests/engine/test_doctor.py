import pytest

from bertkit.engine import doctor
from bertkit.errors import MachineError, ModelError

pytest_plugins = ("tests.fixtures",)


def test_facts_name_versions_device_and_hub():
    found = dict(doctor.facts())
    assert {"bertkit", "python", "torch", "transformers", "device", "cache", "hub", "disk"} <= set(found)
    assert found["device"].split()[0] in {"cpu", "cuda", "mps"}
    assert "offline by HF_HUB_OFFLINE" in found["hub"]
    assert "GiB free" in found["disk"]


def test_prove_says_which_step_does_not_work(monkeypatch):
    def refused(*_, **__):
        raise ModelError("no weights", "get some")

    monkeypatch.setattr(doctor, "finetune", refused)
    with pytest.raises(MachineError, match="the installation does not work: no weights") as error:
        list(doctor.prove())
    assert error.value.hint == "get some"


@pytest.mark.slow
def test_doctor_trains_scores_and_predicts(bertkit, runs):
    done = bertkit("doctor", "--json")
    assert done.code == 0
    data = done.document["data"]
    assert set(data) == {"machine", "proofs"}
    assert list(data["proofs"]) == ["finetune", "eval", "predict"]
    assert float(data["proofs"]["eval"].split()[1]) > 0.9
    assert data["proofs"]["predict"] == "answers 'good'"
    assert not runs.exists()
