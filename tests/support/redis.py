# SPDX-License-Identifier: Apache-2.0
"""A Redis server for one test, and a client of it."""

import os
import shutil
import socket
import subprocess
import unittest

from weft import DEADLINE, wait_for


class RedisServer:
    """Its data in `folder`, which is there."""

    def __init__(self, folder, port, *options):
        named = os.environ.get("WEFT_REDIS_SERVER") or "redis-server"
        if shutil.which(named) is None:
            raise unittest.SkipTest("there is no redis-server here; install it, or name one with WEFT_REDIS_SERVER")
        self.port = port
        self._words = [named, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "yes", *options]
        self.start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def start(self):
        self._process = subprocess.Popen(self._words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self._answers, "redis-server")

    def _answers(self):
        try:
            # It may ask for a password first.
            return self.ask("PING").startswith((b"+PONG", b"-NOAUTH"))
        except (OSError, AssertionError):
            return False

    def ask(self, *words):
        """The first line of the answer, and of a bulk its bytes."""
        with socket.create_connection(("127.0.0.1", self.port), DEADLINE) as asker, asker.makefile("rb") as reader:
            asker.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word.encode()) for word in words))
            line = reader.readline().strip()
            assert line, "the server closed the connection"
            return reader.read(int(line[1:])) if line.startswith(b"$") and line != b"$-1" else line

    def kill(self):
        self._process.kill()
        self._process.wait()
