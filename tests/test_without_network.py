import errno
import os
import socket

import pytest

from tests.without_network import INSIDE


@pytest.mark.skipif(os.environ.get(INSIDE) != "yes", reason="this run of the tests has a network")
@pytest.mark.parametrize("address", ["192.0.2.1", "8.8.8.8"])
def test_nothing_outside_can_be_reached(address):
    with socket.socket() as probe, pytest.raises(OSError, match="unreachable") as error:
        probe.connect((address, 443))
    assert error.value.errno == errno.ENETUNREACH


def test_this_machine_answers():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass
