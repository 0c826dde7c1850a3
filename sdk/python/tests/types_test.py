# SPDX-License-Identifier: Apache-2.0
"""The package, its examples and these tests satisfy mypy --strict. Skipped without mypy."""

import importlib.util
import subprocess
import sys
import tempfile
import unittest

from support import SDK, main


class TypesTest(unittest.TestCase):
    def test_mypy(self) -> None:
        if importlib.util.find_spec("mypy") is None:
            self.skipTest("mypy is not installed")
        with tempfile.TemporaryDirectory() as cache:
            done = subprocess.run([sys.executable, "-m", "mypy", "--cache-dir", cache], cwd=SDK, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    main()
