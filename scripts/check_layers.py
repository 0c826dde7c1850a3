#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Refuses an include that crosses a layer. The table below is the architecture: which folder may include which.

Exits 1 and names file and line for every include that is not allowed."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# folder under src/ -> the folders it may include, besides itself and include/weft.
ALLOWED = {
    "base": set(),
    "wire": {"base"},
    "async": {"base"},
    "supervision": {"base", "async"},
    "bus": {"base", "wire", "async"},
    "engine": {"base", "async"},
    "web": {"base", "async"},
    "dispatch": {"base", "wire", "async", "web"},
    "guest": {"base", "wire", "async", "engine", "web", "dispatch"},
    "lattice": {"base", "wire", "async", "bus"},
    "wrpc": {"base", "wire", "async", "bus", "web", "dispatch"},
    "builtins": {"base", "wire", "async", "bus", "web", "dispatch"},
    "sdk": {"base", "wire", "async", "bus", "web", "dispatch", "wrpc", "builtins"},
    "providers": {"builtins", "sdk"},
    "registry": {"base", "wire", "async"},
    "host": {"base", "wire", "async", "supervision", "bus", "engine", "web", "dispatch", "guest", "lattice", "builtins",
             "registry", "wrpc"},
    "cli": {"base", "wire", "async", "bus", "lattice", "registry", "host"},
}
# Foreign headers that have one home: pattern of the include, folders that may have it.
HOMES = [
    (re.compile(r"^weft_engine\.h$|^weft-engine/"), {"engine"}),
    (re.compile(r"^weft_wit\.h$"), {"cli"}),
    (re.compile(r"^nats[./]"), {"bus"}),
    (re.compile(r"^sqlite3\.h"), {"bus", "builtins"}),
    (re.compile(r"^hiredis/"), {"builtins"}),
    (re.compile(r"^sodium"), {"wire"}),
    (re.compile(r"^boost/beast"), {"web"}),
    (re.compile(r"^openssl/"), {"web"}),
    (re.compile(r"^boost/asio"), {"async", "supervision", "bus", "engine", "web", "dispatch", "guest", "lattice", "builtins", "wrpc", "sdk", "host", "cli"}),
    (re.compile(r"^CLI/"), {"cli"}),
    (re.compile(r"^archive(_entry)?\.h$|^curl/"), {"registry"}),
]
# Installed headers stand on the standard library alone.
PUBLIC_FORBIDDEN = re.compile(r"^(boost|fmt|spdlog|CLI|async|base|wire|bus|supervision|dispatch|lattice|builtins|registry|sdk|wrpc|engine|web|guest|host|cli)/|^weft_")
INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]')


def includes(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if match := INCLUDE.match(line):
            yield number, match.group(1)


def check_source(path, folder):
    for number, target in includes(path):
        first = target.split("/")[0]
        if first in ALLOWED and first != folder and first not in ALLOWED[folder]:
            allowed = ", ".join(sorted(ALLOWED[folder])) or "nothing but include/weft"
            yield f"{path}:{number}: {folder}/ may not include {target}; it may include {allowed}"
        for pattern, homes in HOMES:
            if pattern.search(target) and folder not in homes:
                yield f"{path}:{number}: {target} is included only in {', '.join(sorted(homes))}/, not in {folder}/"


def check_public(path):
    for number, target in includes(path):
        if PUBLIC_FORBIDDEN.search(target):
            yield f"{path}:{number}: an installed header may not include {target}"


def sources(folder):
    return sorted(path for path in folder.rglob("*") if path.suffix in {".hpp", ".cpp", ".h"})


def main():
    root = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT
    faults = []
    count = 0
    for folder in sorted(path for path in (root / "src").iterdir() if path.is_dir()):
        if folder.name not in ALLOWED:
            faults.append(f"{folder}: not in the table of scripts/check_layers.py")
            continue
        for path in sources(folder):
            count += 1
            faults.extend(check_source(path, folder.name))
    for path in sources(root / "include"):
        count += 1
        faults.extend(check_public(path))
    for fault in faults:
        print(fault.replace(f"{root}/", ""))
    print(f"check_layers: {count} files, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
