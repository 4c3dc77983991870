import numpy as np

from bertkit.adapters._class_table import class_table
from bertkit.data.metrics import ClassCounts


def test_class_table_has_a_line_a_class_with_what_supports_it_last():
    counts = ClassCounts(np.array([1.0, 0.0]), np.array([2.0, 0.0]), np.array([1.0, 3.0]))
    grid = class_table("type", ["PER", "LOC"], counts, "entities", area=[0.5, 0.25])
    assert grid.title == "Per type"
    assert grid.header == ["type", "precision", "recall", "f1", "area", "entities"]
    assert grid.rows == [["PER", 0.5, 1.0, 2 / 3, 0.5, 1], ["LOC", 0.0, 0.0, 0.0, 0.25, 3]]
