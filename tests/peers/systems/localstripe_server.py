"""Serves localstripe on loopback, and says at which port. It runs in the environment `.stripe`."""

import socket
import sys

from aiohttp import web
from localstripe import resources, server

resources.Store.dump_to_disk = lambda _: None  # its file is one for all of a machine
with socket.socket() as listening:
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    web.run_app(server.app, sock=listening, print=None)
