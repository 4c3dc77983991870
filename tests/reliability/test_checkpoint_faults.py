"""Damaged, foreign and half-written checkpoints, changed recipes and full disks: named, and never gone on from."""

import ctypes
import errno
import json
import os
import random
import shutil
import signal

import pytest

from bertkit.engine import checkpoints, finetune, run, sealed, threads
from bertkit.errors import RunError
from bertkit.recipe.schema import TrainSettings
from tests.reliability import failing, forked
from tests.reliability.sizes import size
from tests.reliability.trainings import OFTEN, killed_after, scores, sha256

pytestmark = [pytest.mark.soak, pytest.mark.forks]
# Another valid value of each key of [train]; save_minutes changes nothing of what is computed.
OTHER = {
    "epochs": 2, "batch_size": 8, "accumulation": 2, "group_by_length": "true", "learning_rate": 2e-3, "warmup": 0.2,
    "weight_decay": 0.1, "max_grad_norm": 0.5, "patience": 1, "precision": "fp32", "gradient_checkpointing": "true",
    "seed": 7, "metric": "f1_macro", "extra.adam_beta2": 0.98,
}  # fmt: skip
NEWNS, NEWUSER, REMOUNT = 0x20000, 0x10000000, 32
MIB = 2**20


@pytest.fixture(scope="module")
def whole(trainings, tmp_path_factory):
    """A run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert forked.run(trainings.train, folder, OFTEN) == 0
    return folder


@pytest.fixture(scope="module")
def killed(trainings, tmp_path_factory):
    """A run that was killed after step 6 of 12: its first epoch of four steps is the best one."""
    folder = tmp_path_factory.mktemp("killed") / "run"
    assert forked.run(lambda: trainings.train(folder, OFTEN, progress=killed_after(7))) == -signal.SIGKILL
    names = sorted(path.name for path in (folder / run.CHECKPOINTS).iterdir())
    assert names == ["checkpoint-4", "checkpoint-5", "checkpoint-6"]
    return folder


@pytest.fixture
def stopped(killed, tmp_path):
    """A copy of it."""
    return shutil.copytree(killed, tmp_path / "run")


def resume(folder, *overrides, allow_change=False):
    """Go on as far as the first step: what is refused is refused before."""
    with threads.using(1):
        return finetune.resume(folder, overrides=overrides, allow_change=allow_change)


def files(folder):
    """Return the files of the checkpoints that are looked at: the newest and the best."""
    return sorted(path for step in (4, 6) for path in (folder / run.CHECKPOINTS / f"checkpoint-{step}").iterdir())


def test_a_missing_file_is_named_and_the_checkpoint_not_used(killed, tmp_path):
    for number, path in enumerate(files(killed)):
        folder = shutil.copytree(killed, tmp_path / str(number))
        lost = folder / path.relative_to(killed)
        lost.unlink()
        found, skipped = checkpoints.newest(folder / run.CHECKPOINTS)
        assert str(lost) in skipped[0]
        if path.parent.name == "checkpoint-6":
            assert found.step == 5
        else:
            # The newest one needs the best one.
            assert found is None
            with pytest.raises(RunError, match=r"no checkpoint of .* can be used") as refused:
                resume(folder)
            assert str(lost) in refused.value.message
            assert refused.value.exit_code == 2
            assert not lost.exists()
            assert (folder / run.STATE_FILE).exists()


def test_damage_anywhere_is_found(stopped):
    drawn = random.Random(17)
    for _ in range(size(100, 250)):
        path = drawn.choice(files(stopped))
        content = path.read_bytes()
        place = drawn.randrange(len(content))
        flipped = content[:place] + bytes([content[place] ^ 1 << drawn.randrange(8)]) + content[place + 1 :]
        path.write_bytes(content[:place] if drawn.random() < 0.2 else flipped)
        found, skipped = checkpoints.newest(stopped / run.CHECKPOINTS)
        assert str(path.parent) in skipped[0]
        assert (found is None) == (path.parent.name == "checkpoint-4")
        path.write_bytes(content)
    assert checkpoints.newest(stopped / run.CHECKPOINTS)[1] == []


def test_older_checkpoint_is_taken_and_ends_in_the_same_weights(trainings, stopped, whole, capfd):
    newest = stopped / run.CHECKPOINTS / "checkpoint-6"
    (newest / "optimizer.safetensors").write_bytes(b"")
    # Neither a foreign folder, nor a copy under another name, nor an empty one is taken for a checkpoint.
    for name in ("checkpoint-99", "checkpoint-x", ".checkpoint-7", "notes"):
        (newest.parent / name).mkdir()
    shutil.copytree(newest.with_name("checkpoint-4"), newest.with_name("checkpoint-50"))

    def told():
        import logging

        logging.getLogger("bertkit").addHandler(logging.StreamHandler())
        return trainings.resume(stopped)

    assert forked.run(told) == 0
    said = capfd.readouterr().err
    reasons = {"checkpoint-99": "is missing", "checkpoint-50": "holds step 4", "checkpoint-6": "damaged"}
    for name, reason in reasons.items():
        assert any(name in line and reason in line for line in said.splitlines())
    assert sha256(stopped) == sha256(whole)
    assert scores(stopped) == scores(whole)


def test_damaged_state_is_refused(stopped):
    path = stopped / run.STATE_FILE
    path.write_text(path.read_text().replace('"seed": 42', '"seed": 43'))
    with pytest.raises(RunError, match=r"unfinished\.json is damaged"):
        resume(stopped)


def test_every_key_of_train_is_among_the_changed_ones():
    assert {key.partition(".")[0] for key in OTHER} == TrainSettings.model_fields.keys() - {"save_minutes"}


@pytest.mark.parametrize("key", OTHER)
def test_another_recipe_is_refused(killed, key):
    with pytest.raises(RunError, match=f"cannot go on as it began: train.{key} was .* and is .*") as refused:
        resume(killed, f"train.{key}={OTHER[key]}")
    assert "--allow-change" in refused.value.hint
    assert refused.value.exit_code == 2


def test_state_that_was_rewritten_is_found_by_its_checkpoint(killed, tmp_path):
    folder = shutil.copytree(killed, tmp_path / "run")
    state = sealed.read(folder / run.STATE_FILE)
    state["recipe"]["train"]["seed"] = state["same"]["train.seed"] = 43
    sealed.write(folder / run.STATE_FILE, state)
    with pytest.raises(RunError, match=r"train\.seed was 42 and is 43"):
        resume(folder)


@pytest.mark.parametrize("library", ["torch", "transformers", "accelerate", "tokenizers"])
def test_another_version_is_refused(killed, monkeypatch, library):
    from bertkit.engine import unchanged

    real = unchanged.version
    monkeypatch.setattr(unchanged, "version", lambda name: "0.0.1" if name == library else real(name))
    with pytest.raises(RunError, match=rf'the version of {library} was ".*" and is "0\.0\.1"'):
        resume(killed)


@pytest.mark.parametrize("override", ["encode.max_length=32", "adapter.threshold=off"])
def test_another_model_or_encoding_is_never_taken(killed, override):
    with pytest.raises(RunError, match="cannot go on as it began") as refused:
        resume(killed, override, allow_change=True)
    assert refused.value.hint == "a new training"


def test_accepted_change_has_an_effect_and_is_recorded(trainings, stopped, whole):
    changes = ("train.epochs=2", "train.learning_rate=5e-4")
    assert forked.run(lambda: trainings.resume(stopped, *changes, allow_change=True)) == 0
    training = run.load(stopped).info["training"]
    assert training["steps"] == 8
    assert [(one["what"], one["before"], one["now"]) for one in training["changed"]] == [
        ("train.epochs", 3.0, 2.0),
        ("train.learning_rate", 1e-3, 5e-4),
    ]
    rates = [entry["learning_rate"] for entry in training["history"] if "learning_rate" in entry]
    assert max(rates[6:]) < 5e-4
    assert run.load(whole).info["training"]["changed"] == []


def test_changed_rows_are_refused_or_accepted_and_recorded(trainings, tmp_path):
    rows = tmp_path / "rows.jsonl"
    lines = trainings.recipes["sequence-classification"].with_name("rows.jsonl").read_text().splitlines()
    rows.write_text("\n".join(lines))
    folder = tmp_path / "run"
    assert forked.run(lambda: trainings.train(folder, data=rows, progress=killed_after(5, 15))) == 143
    rows.write_text("\n".join([*lines[1:], lines[0]]))
    with pytest.raises(RunError, match="the training rows have changed; the validation rows have changed"):
        resume(folder)
    assert forked.run(lambda: trainings.resume(folder, allow_change=True)) == 0
    recorded = [one["what"] for one in run.load(folder).info["training"]["changed"]]
    assert recorded == ["the training rows", "the validation rows"]


def test_another_number_of_threads_is_told_and_recorded(trainings, stopped, capfd):
    def with_two():
        import logging

        logging.getLogger("bertkit").addHandler(logging.StreamHandler())
        threads.using = lambda asked, real=threads.using: real(2)
        return trainings.resume(stopped)

    assert forked.run(with_two) == 0
    assert "not bit for bit: threads was 1 and is 2" in capfd.readouterr().err
    (change,) = run.load(stopped).info["training"]["changed"]
    assert change == {"what": "threads", "before": 1, "now": 2}


def _failing_from(trainings, folder, number, call, counts=None):
    from contextlib import ExitStack

    stack = ExitStack()
    seen = []

    def progress(phase, done, total, **facts):
        if done == 6 and not seen:
            seen.append(stack.enter_context(failing.nth(call, number)))

    code = trainings.train(folder, OFTEN, progress=progress)
    if counts is not None:
        counts.write_text(json.dumps(seen[0].count))
    return code


def test_any_call_to_the_disk_may_fail(trainings, whole, tmp_path):
    counts = tmp_path / "counts.json"
    assert forked.run(_failing_from, trainings, tmp_path / "counted", errno.EIO, 0, counts) == 0
    calls = json.loads(counts.read_text())
    assert calls > 100
    drawn = random.Random(19)
    for call in drawn.sample(range(1, calls + 1), size(10, calls)):
        folder = tmp_path / str(call)
        number = drawn.choice((errno.EIO, errno.ENOSPC))
        code = forked.run(_failing_from, trainings, folder, number, call)
        assert code in (0, 3)
        assert not list((folder / run.CHECKPOINTS).glob(".checkpoint-*[0-9d]"))
        assert forked.run(trainings.resume, folder) == 0
        assert sha256(folder) == sha256(whole)


def _mount(folder, limit, flags=0):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"disk", str(folder).encode(), b"tmpfs", flags, f"size={limit}".encode()):
        raise OSError(ctypes.get_errno(), "mount")


def _on_a_small_disk(trainings, whole, folder, limit, checked):
    """Train on a disk of so many bytes until it is full, then go on with more room."""
    from bertkit.engine import storage

    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if libc.unshare(NEWNS | NEWUSER):
        return 77
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as stream:
            stream.write(text)
    try:
        _mount(folder, limit)
    except OSError:
        return 77
    require = storage.require
    if not checked:
        storage.require = lambda *_: None
    code = trainings.train(folder / "run", OFTEN)
    if code == 0:
        return 0
    storage.require = require
    left = checkpoints.listed(folder / "run" / run.CHECKPOINTS)
    _mount(folder, 64 * MIB, REMOUNT)
    if code != 3 or (left and checkpoints.newest(left[0].folder.parent) != (left[0], [])):
        return code
    if left and trainings.resume(folder / "run"):
        return 70
    return 3 if not left or sha256(folder / "run") == sha256(whole) else 71


@pytest.mark.parametrize("checked", [True, False], ids=["checked before", "found while writing"])
def test_full_disk_keeps_the_older_checkpoint(trainings, whole, tmp_path, checked, capfd):
    weights = (whole / "model.safetensors").stat().st_size
    levels = size(4, 25)
    codes = []
    for level in range(levels):
        folder = tmp_path / str(level)
        folder.mkdir()
        limit = int(weights * (0.5 + 10 * level / levels)) // 4096 * 4096
        codes.append(forked.run(_on_a_small_disk, trainings, whole, folder, limit, checked))
    if 77 in codes:
        pytest.skip("a disk of its own cannot be mounted here")
    assert set(codes) <= {0, 3}
    assert 3 in codes
    said = capfd.readouterr().err
    assert "MiB are free" in said or "MiB free" in said
    assert "needs about" in said
