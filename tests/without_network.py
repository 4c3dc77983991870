"""Run a command in a network namespace of its own, in which nothing but this machine's loopback answers.

`python -m tests.without_network COMMAND ...`; where the system does not permit that, the command runs as it is.
"""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys

# Set for the command if there is no network.
INSIDE = "BERTKIT_WITHOUT_NETWORK"
UNSHARE = ("unshare", "--user", "--map-current-user", "--keep-caps", "--net")
# From linux/sockios.h and linux/if.h.
SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1


def main() -> None:
    """Become the command."""
    command = sys.argv[1:]
    if os.environ.get(INSIDE) == "starting":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            fcntl.ioctl(probe, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))
        os.environ[INSIDE] = "yes"
    elif is_permitted():
        os.environ[INSIDE] = "starting"
        command = [*UNSHARE, sys.executable, "-m", "tests.without_network", *command]
    else:
        sys.stderr.write("This system permits no network namespace: the tests run with the network.\n")
    os.execvp(command[0], command)


def is_permitted() -> bool:
    """Tell whether a process may leave the network here."""
    if shutil.which(UNSHARE[0]) is None:
        return False
    return subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    main()
