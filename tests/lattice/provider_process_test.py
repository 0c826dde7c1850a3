# SPDX-License-Identifier: Apache-2.0
"""Providers that are processes, in Python and in JavaScript, answer components of two hosts.

Run by scripts/python_env, which has what they are made of."""

import os
import pathlib
import shutil
import signal
import stat
import subprocess
import sys
import unittest

from lattice import LatticeTest, fetch
from weft import main, wait_for

ROOT = pathlib.Path(os.environ["WEFT_SOURCE_DIR"])


class ProviderProcessTest(LatticeTest):
    APPS = ("hits",)

    def setUp(self):
        super().setUp()
        self.here, self.there = self.host("here"), self.host("there")

    def serve(self):
        """`hits` on one host, its store on the other."""
        self.here.start("hits", "hits")
        site = self.here.web()
        self.put_link("web", "hits", "wasi:http", ["incoming-handler"])
        self.put_link("hits", "kv", "wasi:keyvalue", ["store", "atomics"])
        return site

    def start(self, program):
        control = self.there.control
        control.do("provider.start.HOST", {"provider_id": "kv", "provider_ref": f"file://{program}", "host_id": self.there.id, "config": []})

    def counts(self, site):
        first, second = (fetch(site, "/").text for _ in range(2))
        self.assertNotEqual(first, second, self.logs())

    def check(self, program, name):
        site = self.serve()
        self.start(program)
        self.wait_until_served(site)
        self.counts(site)
        # Its end is noticed, and another takes its place.
        process = self.process_of(name)
        os.kill(process, signal.SIGKILL)
        wait_for(lambda: self.process_of(name) not in (None, process), "it is started again")
        self.wait_until_served(site)
        self.counts(site)
        # The end of its host is its own.
        self.there.kill()
        wait_for(lambda: self.process_of(name) is None, "it has ended with its host")

    def process_of(self, name):
        found = subprocess.run(["pgrep", "-f", "-n", f"{self.folder}/.*{name}"], capture_output=True, text=True)
        return int(found.stdout) if found.stdout else None

    def test_one_in_python(self):
        program = self.folder / "hits-provider"
        subprocess.run([sys.executable, "-m", "weft_provider.pack", ROOT / "sdk/python/examples/hits.py", "-o", program, "--python", sys.executable],
                       check=True, env={**os.environ, "PYTHONPATH": str(ROOT / "sdk/python/src")})
        self.check(program, "run/programs/kv")

    def test_one_in_javascript(self):
        node = shutil.which("node")
        if node is None or "NODE_PATH" not in os.environ:
            raise unittest.SkipTest("there is no Node.js here, or the modules of apps/provider-js cannot be installed")
        program = self.folder / "provider.sh"
        program.write_text(f'#!/bin/sh\nNODE_PATH={os.environ["NODE_PATH"]} exec {node} {ROOT / "apps/provider-js/provider.js"} {self.folder}/kv-in-js\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        self.check(program, "kv-in-js")


if __name__ == "__main__":
    main()
