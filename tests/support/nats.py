# SPDX-License-Identifier: Apache-2.0
"""A NATS server for one test, and a wire to it that can be cut without either side noticing."""

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import threading
import unittest

from weft import wait_for


def find_server():
    # Debian has it in sbin, which is not on everybody's PATH.
    named = os.environ.get("WEFT_NATS_SERVER") or "nats-server"
    found = shutil.which(named, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if found is None:
        raise unittest.SkipTest("there is no nats-server here; install it, or name one with WEFT_NATS_SERVER")
    return found


class NatsServer:
    """With JetStream, its data in `folder`."""

    def __init__(self, folder, port):
        self.port = port
        self._words = [find_server(), "-js", "-sd", str(folder), "-a", "127.0.0.1", "-p", str(port)]
        self.start()

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    def start(self):
        self._process = subprocess.Popen(self._words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self._listens, "nats-server")

    def _listens(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return True
        except OSError:
            return False

    def pause(self):
        self._process.send_signal(signal.SIGSTOP)

    def resume(self):
        self._process.send_signal(signal.SIGCONT)

    def kill(self):
        self._process.kill()
        self._process.wait()


class Wire:
    """Carries connections to a port. While it is cut it takes bytes and new connections and gives nothing on, as a network does that drops packets."""

    def __init__(self, to_port):
        self._to = to_port
        self._cut = threading.Event()
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    def cut(self):
        self._cut.set()

    def heal(self):
        self._cut.clear()

    def _wait_until_whole(self):
        while self._cut.is_set() and not self._ended.is_set():
            self._ended.wait(0.01)

    def _accept(self):
        while not self._ended.is_set():
            if select.select([self._listener], [], [], 0.05)[0]:
                thread = threading.Thread(target=self._carry, args=(self._listener.accept()[0],))
                self._threads.append(thread)
                thread.start()

    def _carry(self, client):
        self._wait_until_whole()
        with contextlib.suppress(OSError), client, socket.create_connection(("127.0.0.1", self._to)) as server:
            ends = {client: server, server: client}
            while not self._ended.is_set():
                for ready in select.select(list(ends), [], [], 0.05)[0]:
                    self._wait_until_whole()
                    data = ready.recv(65536)
                    if not data:
                        return
                    ends[ready].sendall(data)

    def close(self):
        self._ended.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()
