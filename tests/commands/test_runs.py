import shutil

pytest_plugins = ("tests.fixtures",)


def test_list_names_finished_and_unfinished_runs(bertkit, finished, runs):
    shutil.copytree(finished, runs / "first")
    (runs / "second").mkdir()
    (runs / "second" / "unfinished.json").write_text("{}")
    data = bertkit("runs", "list", "--json").document["data"]
    assert [run["run"] for run in data["runs"]] == ["first"]
    assert data["runs"][0]["metric"] == "accuracy"
    assert data["unfinished"] == [str(runs / "second")]
    assert f"bertkit finetune --resume {runs / 'second'}" in bertkit("runs", "list").out


def test_show_tells_what_a_run_was_made_of(bertkit, finished, tiny, reviews):
    done = bertkit("runs", "show", finished)
    for text in (str(tiny), "sequence-classification", "bad, good", f"48 of {reviews}", f"24 of {reviews}", "accuracy"):
        assert text in done.out
    assert bertkit("runs", "show", finished, "--json").document["data"]["adapter"]["labels"] == ["bad", "good"]


def test_show_of_an_unfinished_run_says_how_to_go_on(bertkit, runs):
    (runs / "stopped").mkdir(parents=True)
    (runs / "stopped" / "unfinished.json").write_text("{}")
    done = bertkit("runs", "show", "stopped")
    assert done.code == 2
    assert f"bertkit finetune --resume {runs / 'stopped'}" in done.err
