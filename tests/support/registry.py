# SPDX-License-Identifier: Apache-2.0
"""A real docker-registry on a port of its own, and the real `wash` with a home of its own; tests without them are skipped, visibly."""

import os
import pathlib
import re
import shutil
import subprocess
import threading
import unittest

from weft import DEADLINE, Outcome

USER, PASSWORD = "puller", "s3cr3t"
# Of that password, as htpasswd -B makes it.
PASSWORD_HASH = "$2b$05$abcdefghijklmnopqrstuu9Avu/WgbsK7g7xfCY1X3pdjsTgxqQLS"


class Registry:
    """`host` is how references name it. Ended and started again it has the same port and what it had."""

    def __init__(self, folder, certificate=None, key=None, closed=False):
        self.program = shutil.which("docker-registry")
        if self.program is None:
            raise unittest.SkipTest("there is no docker-registry here; scripts/deps --with test installs it")
        self.folder = pathlib.Path(folder, "registry")
        self.folder.mkdir()
        self._name = "localhost" if certificate else "127.0.0.1"
        self._tls = f", tls: {{certificate: {certificate}, key: {key}}}" if certificate else ""
        self._auth = ""
        if closed:
            logins = self.folder / "htpasswd"
            logins.write_text(f"{USER}:{PASSWORD_HASH}\n")
            self._auth = f"auth: {{htpasswd: {{realm: here, path: {logins}}}}}\n"
        self._port = 0
        self.start()

    def start(self):
        settings = self.folder / "config.yml"
        settings.write_text("version: 0.1\nlog: {level: info}\n"
                            f"storage: {{filesystem: {{rootdirectory: {self.folder / 'store'}}}, delete: {{enabled: true}}}}\n"
                            f"http: {{addr: '127.0.0.1:{self._port}', secret: test{self._tls}}}\n{self._auth}")
        self._process = subprocess.Popen([self.program, "serve", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        lines = []
        for line in self._process.stderr:
            lines.append(line)
            if found := re.search(r"listening on 127\.0\.0\.1:(\d+)", line):
                self._port = int(found.group(1))
                break
        else:
            raise AssertionError("docker-registry did not start:\n" + "".join(lines))
        # Whatever it says later is read, so that it never waits for us.
        self._reader = threading.Thread(target=self._process.stderr.read, daemon=True)
        self._reader.start()

    @property
    def host(self):
        return f"{self._name}:{self._port}"

    def stop(self):
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        self._process.stderr.close()

    def content(self, digest):
        """The file of a blob."""
        name = digest.removeprefix("sha256:")
        return self.folder / "store/docker/registry/v2/blobs/sha256" / name[:2] / name / "data"


class Wash:
    """wasmCloud's command line."""

    def __init__(self, folder):
        cache = pathlib.Path(os.environ.get("WEFT_CACHE_DIR", pathlib.Path.home() / ".cache/weft"))
        found = os.environ.get("WEFT_WASH") or (str(cache / "peer/bin/wash") if (cache / "peer/bin/wash").exists() else shutil.which("wash"))
        if not found:
            raise unittest.SkipTest("there is no wash here")
        self.program, self.folder = found, folder

    def __call__(self, *words):
        done = subprocess.run([self.program, *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE, cwd=self.folder,
                              env={**os.environ, **home(self.folder)}, check=False)
        return Outcome(done.returncode, done.stdout, done.stderr)


def home(folder):
    """Variables of a user who has nothing but this folder."""
    return {"HOME": str(folder), "XDG_DATA_HOME": "", "XDG_CACHE_HOME": "", "XDG_CONFIG_HOME": "", "WASH_KEYS": str(folder / "keys"), "USER": "tester",
            "WEFT_ARTIFACT_CACHE": str(folder / "images"), "DOCKER_CONFIG": str(folder / "docker")}
