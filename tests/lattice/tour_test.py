# SPDX-License-Identifier: Apache-2.0
"""The README's tour, word for word: alone, and with a NATS server. Only the path of the program, the folder and the port are this test's."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest
import urllib.request

import weft

TOUR = re.compile(r"<!-- tour:.*?```sh\n(.*?)```\n<!-- end of tour -->", re.S)
LATTICE = re.compile(r"<!-- lattice:.*?```sh\n(.*?)```\n<!-- end of lattice -->", re.S)
EXPORT = 'export PATH="$PWD/build/release/bin:$PATH" WEFT_DATA_DIR="$(mktemp -d)"\n'
ANSWER = re.compile(r"^(?:curl|weft call) .*?\s# (.*)$", re.M)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


class Tour(weft.WeftTest):
    def setUp(self):
        for app in ("hits", "hello-c", "hello-cpp", "values-callee"):
            weft.app(app)
        self.folder = tempfile.TemporaryDirectory(prefix="weft-tour-")
        self.addCleanup(self.folder.cleanup)
        self.environment = {**os.environ, "PATH": f"{weft.BINARY.parent}:{os.environ['PATH']}", "WEFT_DATA_DIR": f"{self.folder.name}/data"}
        self.port = free_port()
        text = TOUR.search((weft.ROOT / "README.md").read_text())
        self.assertIsNotNone(text, "README.md has no tour")
        self.tour = text.group(1)
        self.assertTrue(self.tour.startswith(EXPORT), "the tour begins otherwise")
        self.tour = self.tour[len(EXPORT):].replace("127.0.0.1:8080", f"127.0.0.1:{self.port}").replace("build/apps/", f"{weft.APPS}/")

    def run_tour(self, script):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, timeout=120, cwd=weft.ROOT, env=self.environment,
                              check=False)
        log = pathlib.Path(self.environment["WEFT_DATA_DIR"], "weft.log")
        self.assertEqual(done.returncode, 0, f"{done.stdout}\n{done.stderr}\n{log.read_text() if log.exists() else ''}")
        return done.stdout

    def check_answers(self, out):
        wanted = ANSWER.findall(self.tour)
        self.assertEqual(len(wanted), 5)
        place = 0
        for answer in wanted:
            found = out.find(answer + "\n", place)
            self.assertGreaterEqual(found, 0, f"'{answer}' did not come in its turn:\n{out}")
            place = found + len(answer)

    def stop_daemon(self):
        subprocess.run([str(weft.BINARY), "down"], env=self.environment, capture_output=True, timeout=60, check=False)

    def test_alone(self):
        self.addCleanup(self.stop_daemon)
        out = self.run_tour(self.tour)
        self.check_answers(out)
        self.assertRegex(out, r"components \[supervisor\] ready")

    def test_as_a_member_of_a_lattice(self):
        server = shutil.which(os.environ.get("WEFT_NATS_SERVER", "nats-server"))
        if server is None:
            raise unittest.SkipTest("there is no nats-server here")
        port = free_port()
        nats = subprocess.Popen([server, "-js", "-sd", f"{self.folder.name}/js", "-a", "127.0.0.1", "-p", str(port)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(nats.wait)
        self.addCleanup(nats.kill)
        self.addCleanup(self.stop_daemon)

        def listens():
            try:
                with socket.create_connection(("127.0.0.1", port), 1):
                    return True
            except OSError:
                return False

        weft.wait_for(listens, "nats-server")
        self.environment["WEFT_NATS"] = f"nats://127.0.0.1:{port}"
        self.check_answers(self.run_tour(self.tour))

    def test_updates_under_load_lose_no_request(self):
        self.addCleanup(self.stop_daemon)
        until_update = self.tour[:self.tour.index("weft scale hello")]
        self.run_tour(until_update)
        url = f"http://127.0.0.1:{self.port}/hello"
        stop = threading.Event()
        answers, faults = [], []

        def ask():
            while not stop.is_set():
                try:
                    answers.append(get(url))
                except OSError as error:
                    faults.append(error)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for turn in range(10):
            file = weft.app("hello-c" if turn % 2 == 0 else "hello-cpp")
            done = weft.weft("update", "hello", file, env=self.environment)
            self.assertEqual(done.code, 0, done)
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(faults, [])
        self.assertEqual(set(answers), {"hello from C\n", "hello from C++\n"})


class LatticeTour(weft.WeftTest):
    """Two hosts: the second tour of the README."""

    def test_of_two_hosts(self):
        if shutil.which("nats-server", path=os.environ["PATH"] + ":/usr/sbin") is None:
            raise unittest.SkipTest("there is no nats-server here")
        if subprocess.run([weft.ROOT / "scripts/python_env", "true"], check=False).returncode == 77:
            raise unittest.SkipTest("scripts/python_env cannot make what the Python SDK needs")
        weft.app("hits")
        text = LATTICE.search((weft.ROOT / "README.md").read_text())
        self.assertIsNotNone(text, "README.md has no tour of a lattice")
        with tempfile.TemporaryDirectory(prefix="weft-tour-") as folder:
            script = text.group(1).replace("$PWD/build/release/bin", str(weft.BINARY.parent)).replace("build/apps/", f"{weft.APPS}/")
            script = script.replace("4222", str(free_port())).replace("8080", str(free_port()))
            environment = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin", "TMPDIR": folder}
            environment.pop("PYTHONPATH", None)
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", f"trap 'kill %1 2>/dev/null || true' EXIT\n{script}"], capture_output=True, text=True, timeout=120,
                                  cwd=weft.ROOT, env=environment, check=False)
            logs = "\n".join(log.read_text()[-3000:] for log in pathlib.Path(folder).glob("*/weft.log"))
        self.assertEqual(done.returncode, 0, f"{done.stdout}\n{done.stderr}\n{logs}")
        self.assertRegex(done.stdout, r"(?s)zone=[ab].*zone=[ab].*\n1 visits\n.*\n2 visits\n[^\n]*\n[^\n]*zone=a\n[^\n]*stopped\n$", logs)


if __name__ == "__main__":
    weft.main()
