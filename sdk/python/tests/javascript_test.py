# SPDX-License-Identifier: Apache-2.0
"""The provider in JavaScript, called by the client here: two implementations of the protocol that share no line. Skipped without Node.js."""

import os
import shutil
import unittest
from typing import Any

from provider_test import StoreTest
from support import ROOT, main


class JavaScriptTest(StoreTest):
    """All that the store in Python is asked."""

    def store(self, **host_data: Any) -> Any:
        node, modules = shutil.which("node"), os.environ.get("NODE_PATH")
        if node is None or not modules:
            self.skipTest("there is no Node.js with what apps/provider-js needs; scripts/python_env installs it")
        # An empty environment, as a host gives; NODE_PATH stands for modules that are installed beside the file.
        return self.provider("/usr/bin/env", f"NODE_PATH={modules}", node, str(ROOT / "apps/provider-js/provider.js"), **host_data)


# Else the base class is run here again.
del StoreTest

if __name__ == "__main__":
    main()
