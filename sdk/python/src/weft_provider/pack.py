# SPDX-License-Identifier: Apache-2.0
"""Makes one executable file of a provider, for `wash par create --binary`: a host has no place for more, and starts it without any environment.

    python3 -m weft_provider.pack counter.py -o counter [--python /usr/bin/python3] [more files and packages that it imports]

In the file are the provider as the main module, this package, nats-py and what else is named; of the machine it needs the Python of its first line. What is
compiled for one machine cannot be in it: a provider that opens link secrets needs PyNaCl in that Python."""

from __future__ import annotations

import argparse
import pathlib
import shutil
import sys
import tempfile
import zipapp

import nats

import weft_provider

_ignored = shutil.ignore_patterns("__pycache__", "*.so")


def pack(main: pathlib.Path, output: pathlib.Path, python: str, more: list[pathlib.Path]) -> None:
    """Writes `output`. Raises OSError."""
    packages = [pathlib.Path(str(package.__file__)).parent for package in (weft_provider, nats)]
    with tempfile.TemporaryDirectory() as folder:
        target = pathlib.Path(folder)
        for source in [*packages, *more]:
            if source.is_dir():
                shutil.copytree(source, target / source.name, ignore=_ignored)
            else:
                shutil.copy(source, target / source.name)
        shutil.copy(main, target / "__main__.py")
        # Renamed into place: a file that is being run cannot be written over.
        partial = output.with_name(output.name + ".partial")
        zipapp.create_archive(target, partial, python, compressed=True)
        partial.chmod(0o755)
        partial.rename(output)


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python3 -m weft_provider.pack", description="One executable file of a provider.")
    parser.add_argument("main", type=pathlib.Path, help="the provider: a file that calls run() when it is the main module")
    parser.add_argument("more", type=pathlib.Path, nargs="*", help="files and packages that it imports")
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True)
    parser.add_argument("--python", default=str(pathlib.Path(sys.executable).resolve()), help="the interpreter on the host's machine (%(default)s)")
    arguments = parser.parse_args()
    pack(arguments.main, arguments.output, arguments.python, arguments.more)


if __name__ == "__main__":
    _main()
