"""Has the nursery whose socket it was given run optafly, with its own streams, folder and environment."""

import json
import os
import socket
import sys


def main() -> int:
    """Its exit code, as a shell tells it."""
    reply, theirs = socket.socketpair()
    wish = json.dumps([sys.argv[2:], os.getcwd(), dict(os.environ), False]).encode()  # noqa: PTH109
    with socket.socket(fileno=int(sys.argv[1])) as wishes, theirs:
        socket.send_fds(wishes, [wish], [0, 1, 2, theirs.fileno()])
    with reply:
        reply.recv(4)
        code = int.from_bytes(reply.recv(4), signed=True)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
