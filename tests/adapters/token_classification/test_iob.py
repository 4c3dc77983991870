import pytest

from bertkit.adapters._token_classification import iob

SCHEMES = [
    ("IOB2", "B-PER I-PER O B-LOC B-LOC I-LOC", "B-PER I-PER O B-LOC B-LOC I-LOC"),
    ("IOB1", "I-PER I-PER O I-LOC B-LOC I-LOC I-ORG", "B-PER I-PER O B-LOC B-LOC I-LOC B-ORG"),
    ("IOB1", "I-PER O I-LOC", "B-PER O B-LOC"),
    ("IOBES", "B-PER E-PER O S-LOC B-LOC I-LOC E-LOC", "B-PER I-PER O B-LOC B-LOC I-LOC I-LOC"),
    ("BILOU", "B-PER L-PER O U-LOC B-LOC I-LOC L-LOC", "B-PER I-PER O B-LOC B-LOC I-LOC I-LOC"),
    ("BMES", "B-PER M-PER E-PER S-LOC", "B-PER I-PER I-PER B-LOC"),
    ("IOB2", "O O", "O O"),
    ("IOB2", "B-creative-work I-creative-work", "B-creative-work I-creative-work"),
]


@pytest.mark.parametrize(("scheme", "tags", "expected"), SCHEMES)
def test_recognise_and_convert_every_scheme(scheme, tags, expected):
    assert iob.recognise([tags.split()]) == scheme
    assert iob.to_iob2(tags.split())[0] == expected.split()
    assert iob.to_iob2(expected.split()) == (expected.split(), 0)


@pytest.mark.parametrize(
    ("tags", "expected", "count"),
    [
        ("B-PER O I-PER I-PER", "B-PER O B-PER I-PER", 1),
        ("B-PER I-LOC", "B-PER B-LOC", 1),
        ("S-PER I-PER E-PER E-PER", "B-PER B-PER I-PER B-PER", 2),
    ],
)
def test_to_iob2_begins_what_no_tag_has_begun(tags, expected, count):
    assert iob.to_iob2(tags.split()) == (expected.split(), count)


def test_recognise_sees_all_rows_of_a_file():
    assert iob.recognise([["O", "I-PER"], ["B-LOC", "I-LOC"]]) == "IOB2"
    assert iob.recognise([["O", "I-PER"], ["I-LOC", "B-LOC"]]) == "IOB1"


@pytest.mark.parametrize(
    ("text", "expected"), [("O", True), ("U-a-b", True), ("B-", False), ("NN", False), ("", False)]
)
def test_is_tag_knows_the_letters_of_schemes(text, expected):
    assert iob.is_tag(text) is expected


def test_tags_of_types_and_types_of_tags():
    tags = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
    assert iob.tags_of(["PER", "LOC"]) == tags
    assert iob.types_of(tags) == ("PER", "LOC")


@pytest.mark.parametrize(
    ("rows", "names", "expected"),
    [
        ([["0", "2"], ["1"]], ["a", "b", "c"], [["a", "c"], ["b"]]),
        ([["0", "3"]], ["a", "b", "c"], [["0", "3"]]),
        ([["0", "1" * 5000]], ["a", "b", "c"], [["0", "1" * 5000]]),
        ([["0", "1"]], [], [["0", "1"]]),
        ([["1", "0"]], ["0", "1"], [["1", "0"]]),
    ],
)
def test_named_reads_positions_in_the_names(rows, names, expected):
    assert iob.named(rows, names) == expected


def test_chunks_are_the_entities_of_tags():
    assert iob.chunks(["B-X", "I-X", "B-X", "O", "B-Y"]) == [("X", 0, 1), ("X", 2, 2), ("Y", 4, 4)]


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([(0, 5)], "B-X I-X O O"),
        ([(4, 9)], "O B-X I-X O"),
        ([(0, 1), (1, 5)], "B-X B-X O O"),
        ([(0, 1), (1, 3)], "B-X O O O"),
        ([(3, 4)], "O O O O"),
    ],
)
def test_project_tags_the_words_that_entities_touch(spans, expected):
    offsets = [[0, 3], [4, 6], [7, 10], [10, 11]]
    entities = [{"type": "X", "start": start, "end": end} for start, end in spans]
    assert iob.project(entities, offsets) == expected.split()
