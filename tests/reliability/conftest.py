import pytest

from tests.reliability.trainings import Trainings


@pytest.fixture(scope="session")
def trainings(tmp_path_factory):
    """Small trainings in forked processes."""
    return Trainings(tmp_path_factory.mktemp("trainings"))
