#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy on every source of ours that changed since it was last clean.

usage: tidy.py BUILD_DIR [FILTER]

Tests, fuzzers and benchmarks are looked at only when FILTER names them: they are half of all sources, and what is found in them is noise more often than not.

A source is known by the hash of itself, of our headers it reaches, of its command line and of .clang-tidy; the hashes that were
clean are kept in $WEFT_CACHE_DIR/tidy, so that a second run takes a second."""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = pathlib.Path(os.environ.get("WEFT_CACHE_DIR", pathlib.Path.home() / ".cache/weft")) / "tidy"
# How many states of one function the analyzer looks at. With its own 225,000 it takes twice the time of all other checks together.
ANALYZER = [word for argument in ("-analyzer-config", "max-nodes=40000") for word in ("--extra-arg=-Xclang", f"--extra-arg={argument}")]
ASIDE = re.compile(r"_test\.cpp$|_fuzz\.cpp$|^bench/|^tests/")
COROUTINE = re.compile(r"\bco_await\b|\bTask<")
INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]', re.MULTILINE)


def reach(path, seen):
    """The source and every header of ours that it includes, directly or not."""
    if path in seen:
        return
    seen.add(path)
    for target in INCLUDE.findall(path.read_text(encoding="utf-8")):
        for base in (ROOT / "src", ROOT / "include", ROOT / "crates/weft-engine/include", path.parent):
            if (base / target).is_file():
                reach((base / target).resolve(), seen)
                break


def fingerprint(path, command):
    digest = hashlib.sha256()
    seen = set()
    reach(path, seen)
    digest.update(command.replace(str(ROOT), "").encode())
    for part in [ROOT / ".clang-tidy", *sorted(seen)]:
        digest.update(part.read_bytes())
    return digest.hexdigest()


def tidy(build, path, mark):
    # The analyzer walks every path through GoogleTest's macros: half of the time, and nothing found there but noise. Coroutines it does not understand:
    # it takes their frames for uninitialized.
    beyond_analyzer = path.stem.endswith("_test") or COROUTINE.search(path.read_text(encoding="utf-8")) is not None
    analyzer = ["--checks=-clang-analyzer-*"] if beyond_analyzer else ANALYZER
    run = subprocess.run(
        ["clang-tidy-19", "--quiet", *analyzer, "-p", str(build), str(path)], capture_output=True, text=True, check=False)
    if run.returncode == 0:
        mark.touch()
    return path, run.returncode, run.stdout


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    wanted = re.compile(sys.argv[2] if len(sys.argv) > 2 else ".")
    CACHE.mkdir(parents=True, exist_ok=True)
    todo = []
    total = 0
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"]).resolve()
        if not path.is_relative_to(ROOT) or path.is_relative_to(build) or not wanted.search(str(path)):
            continue
        if len(sys.argv) <= 2 and ASIDE.search(str(path.relative_to(ROOT))):
            continue
        total += 1
        mark = CACHE / fingerprint(path, entry["command"])
        if not mark.exists():
            todo.append((path, mark))
    print(f"clang-tidy: {total} sources, {total - len(todo)} unchanged since they were clean", flush=True)
    failures = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = [pool.submit(tidy, build, path, mark) for path, mark in todo]
        for run in concurrent.futures.as_completed(runs):
            path, status, output = run.result()
            failures += status != 0
            print(f"{'ok  ' if status == 0 else 'FAIL'} {path.relative_to(ROOT)}", flush=True)
            if status != 0:
                print(output, flush=True)
    print(f"clang-tidy: {failures} sources with findings")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
