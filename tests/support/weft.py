# SPDX-License-Identifier: Apache-2.0
"""Runs the weft program for tests: one server or command at a time, its output collected, ended with the test.

Reads WEFT_BINARY, WEFT_APPS_DIR and WEFT_BUILD_DIR from the environment, as CTest sets them. Waits for conditions, each with a deadline."""

import json
import os
import pathlib
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(os.environ.get("WEFT_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
BUILD = pathlib.Path(os.environ.get("WEFT_BUILD_DIR", ROOT / "build/dev"))
BINARY = pathlib.Path(os.environ.get("WEFT_BINARY", BUILD / "bin/weft"))
APPS = pathlib.Path(os.environ.get("WEFT_APPS_DIR", ROOT / "build/apps"))
# Sanitizers and a busy machine are slow; nothing waits this long when all is well.
DEADLINE = float(os.environ.get("WEFT_TEST_DEADLINE", "60"))
SKIPPED = 77


def app(name):
    """The path of a built component; skips the test, visibly, if it was not built."""
    path = APPS / f"{name}.wasm"
    if not path.exists():
        raise unittest.SkipTest(f"{path.name} is not built; run scripts/build_apps")
    return str(path)


def open_terminal():
    """Both ends of a pseudo terminal; skips the test, visibly, where there are none (a bare chroot)."""
    try:
        return os.openpty()
    except OSError as error:
        raise unittest.SkipTest(f"no pseudo terminals here: {error}") from error


def wait_for(condition, what, deadline=DEADLINE):
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        threading.Event().wait(0.01)
    raise AssertionError(f"{what}: not within {deadline} s")


class Outcome:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __str__(self):
        return f"exit code {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


def weft(*words, env=None, stdin=None, cwd=None, deadline=DEADLINE, binary=BINARY):
    """Runs a command to its end."""
    done = subprocess.run([str(binary), *map(str, words)], input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL, capture_output=True,
                          text=True, errors="replace", timeout=deadline, cwd=cwd, env={**os.environ, **(env or {})}, check=False)
    return Outcome(done.returncode, done.stdout, done.stderr)


def peak_memory(pid):
    """The most that a process has held, resident, in bytes."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"process {pid} has ended")


def children(pid):
    """The processes that a process has started and that run."""
    return [int(child) for task in pathlib.Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]


class Process:
    """A weft that serves until it is stopped; with `output="json"` its first line is data, `ready`."""

    def __init__(self, *words, env=None, output="json", preexec_fn=None):
        command = [str(BINARY), *map(str, words), "--output", output]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **(env or {})},
                                        preexec_fn=preexec_fn)
        self._lines = queue.Queue()
        self._err = []
        self._threads = [threading.Thread(target=self._read_out, daemon=True), threading.Thread(target=self._read_err, daemon=True)]
        for thread in self._threads:
            thread.start()
        try:
            self.ready = json.loads(self._line()) if output == "json" else self._line()
        except Exception:
            self.kill()
            raise

    def _read_out(self):
        for line in self.process.stdout:
            self._lines.put(line.decode(errors="replace"))
        self._lines.put(None)

    def _read_err(self):
        for line in self.process.stderr:
            self._err.append(line.decode(errors="replace"))

    def _line(self):
        try:
            # A component of many megabytes is compiled before it is ready, on a machine that may have other things to do.
            line = self._lines.get(timeout=3 * DEADLINE)
        except queue.Empty:
            line = None
        if line is None:
            raise AssertionError(f"no ready line; stderr:\n{self.err}")
        return line

    @property
    def err(self):
        return "".join(list(self._err))

    def log(self):
        """Log lines as data."""
        return [json.loads(line) for line in list(self._err) if line.startswith("{")]

    def alive(self):
        return self.process.poll() is None

    def rss(self):
        """Resident bytes."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self, signum=signal.SIGTERM):
        """Drains; the exit code."""
        if self.alive():
            self.process.send_signal(signum)
        return self.wait()

    def wait(self):
        try:
            code = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"weft did not stop; stderr:\n{self.err}") from None
        for thread in self._threads:
            thread.join(DEADLINE)
        self._close()
        return code

    def kill(self):
        if self.alive():
            self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join(DEADLINE)
        self._close()

    def _close(self):
        self.process.stdout.close()
        self.process.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.alive():
            self.kill()
        elif not self.process.stdout.closed:
            self._close()


class Server(Process):
    """`weft run` of an HTTP component on a free port."""

    def __init__(self, file, *options, env=None, output="json"):
        super().__init__("run", file, "--listen", "127.0.0.1:0", *options, env=env, output=output)
        if output == "json":
            self.host, _, port = self.ready["address"].rpartition(":")
            self.port = int(port)


class WeftTest(unittest.TestCase):
    """A test with a folder of its own, and the words that a failure should have said."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        if not BINARY.exists():
            raise AssertionError(f"{BINARY} is not built")

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="weft-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def assert_error(self, outcome, code, *words):
        """It failed with this exit code, one sentence of what and one of the way out, and these words in them."""
        self.assertEqual(outcome.code, code, outcome)
        self.assertRegex(outcome.err, r"(?m)^error: \S", outcome)
        self.assertRegex(outcome.err, r"(?m)^  fix: \S", outcome)
        for word in words:
            self.assertIn(word.lower(), outcome.err.lower(), outcome)


class SharedServerTest(WeftTest):
    """Tests of one server, which `SERVER` (the app's name and the options) describes; it must end well after them all."""

    SERVER = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        name, *options = cls.SERVER
        cls.server = Server(app(name), *options)

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        if code != 0:
            raise AssertionError(f"weft ended with {code}:\n{cls.server.err}")


def main():
    """unittest.main, but a file of which everything was skipped says so to CTest."""
    program = unittest.main(module="__main__", exit=False, verbosity=2)
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if result.skipped and len(result.skipped) >= result.testsRun else 0)
