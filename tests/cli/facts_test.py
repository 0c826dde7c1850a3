# SPDX-License-Identifier: Apache-2.0
"""`weft inspect`, `version`, `help`: what weft tells about components and itself."""

import json
import os
import pathlib
import re
import subprocess

from weft import ROOT, WeftTest, app, main, open_terminal, weft

COMMANDS = ("up", "down", "status", "host", "run", "call", "get hosts", "get inventory", "get components", "get providers", "get links", "get config",
            "get claims", "start component", "start provider", "stop component", "stop provider", "stop host", "scale", "update", "link put", "link del",
            "link get", "config put", "config get", "config del", "config show", "label", "tree", "ops", "events", "logs", "spy", "push", "pull", "par create",
            "par insert", "par inspect", "claims sign", "claims inspect", "claims token", "keys gen", "keys get", "keys list", "inspect", "compile", "wit bindgen", "wit new",
            "version", "completions", "help")
LIBRARIES = ("wasmtime", "wasmtime-wasi", "wasmtime-wasi-http", "cranelift-codegen", "wasm-wave", "wit-component", "wit-bindgen-c",
             "wasi-preview1-component-adapter-provider", "tokio", "boost", "fmt", "libstdc++", "glibc")


class FactsTest(WeftTest):
    def test_inspect_tells_kind_version_size_and_wit(self):
        outcome = weft("inspect", app("hello-c"))
        self.assertEqual(outcome.code, 0, outcome)
        self.assertIn("wasi:http/incoming-handler@0.2", outcome.out)
        self.assertIn("HTTP component", outcome.out)
        self.assertIn("handle", outcome.out)

    def test_inspect_as_data(self):
        outcome = weft("inspect", app("hello-c"), "--output", "json")
        facts = json.loads(outcome.out)
        self.assertEqual(facts["kind"], "http")
        self.assertTrue(facts["wasi_version"].startswith("0.2"), facts["wasi_version"])
        self.assertEqual(facts["size_bytes"], pathlib.Path(app("hello-c")).stat().st_size)
        self.assertTrue(any(name.startswith("wasi:http/incoming-handler") for name in facts["exports"]))
        self.assertTrue(any(name.startswith("wasi:http/types") for name in facts["imports"]))
        self.assertIn("types", facts)

    def test_inspect_prints_only_wit(self):
        outcome = weft("inspect", "--wit", app("hello-c"))
        self.assertEqual(outcome.code, 0, outcome)
        self.assertIn("world", outcome.out)
        self.assertNotIn("toolchain ", outcome.out)

    def test_inspect_knows_commands_and_libraries(self):
        self.assertEqual(json.loads(weft("inspect", app("cli-hello"), "-o", "json").out)["kind"], "command")
        self.assertEqual(json.loads(weft("inspect", app("values-callee"), "-o", "json").out)["kind"], "library")

    def test_version_names_the_libraries(self):
        outcome = weft("version", "--output", "json")
        versions = json.loads(outcome.out)
        self.assertRegex(versions["weft"], r"^\d+\.\d+\.\d+")
        self.assertEqual(sorted(versions["libraries"]), sorted(LIBRARIES))
        self.assertEqual(sorted(versions["compilers"]), ["clang", "rustc"])
        text = weft("version").out
        for name, version in {**versions["libraries"], **versions["compilers"]}.items():
            self.assertRegex(version, r"^\d+(\.\d+)*$", name)
            self.assertRegex(text, rf"(?m)^  {re.escape(name)} +{re.escape(version)}$")
        self.assertEqual(weft("--version").out, text)

    def test_versions_of_crates_are_those_of_the_lock_file(self):
        versions = json.loads(weft("version", "--output", "json").out)["libraries"]
        lock = (ROOT / "crates/Cargo.lock").read_text()
        for name in LIBRARIES[:9]:
            self.assertIn(f'name = "{name}"\nversion = "{versions[name]}"\n', lock)

    def test_every_command_has_help_with_exit_codes(self):
        for command in COMMANDS:
            with self.subTest(command=command):
                outcome = weft("help", *command.split())
                self.assertEqual(outcome.code, 0, outcome)
                self.assertIn("Exit codes:", outcome.out)
                self.assertRegex(outcome.out, rf"\nExamples:\n( .*\n)*.*weft {command}")
                self.assertEqual(weft(*command.split(), "--help").out, outcome.out)

    def test_help_is_data_for_programs(self):
        facts = json.loads(weft("help", "--output", "json").out)
        self.assertEqual(sorted(command["name"] for command in facts["commands"]), sorted(COMMANDS))
        for command in COMMANDS:
            facts = json.loads(weft("help", *command.split(), "--output", "json").out)
            self.assertEqual(facts["name"], command)
            self.assertTrue(facts["examples"] and facts["options"] and facts["exit_codes"], facts)

    def test_every_command_and_option_is_documented(self):
        documentation = (ROOT / "docs/cli.md").read_text()
        rows = [line.replace("`", "").replace("\\|", "|") for line in documentation.splitlines() if line.startswith("| ")]
        for command in COMMANDS:
            self.assertIn(f"weft {command}", documentation)
            for option in json.loads(weft("help", *command.split(), "-o", "json").out)["options"]:
                letter = f"-{option['letter']}, " if "letter" in option else ""
                value = f" {option['value']}" if "value" in option else ""
                row = [line for line in rows if line.startswith(f"| {letter}--{option['name']}{value} |")]
                self.assertTrue(row, f"weft help {command}: {option}")
                if "default" in option and option["group"] != "Common options":
                    self.assertTrue(any(line.endswith(f"| {option['default']} |") for line in row), f"{row}, but {option}")

    def test_no_colours_into_a_pipe(self):
        outcome = weft("run", "none.wasm", env={"TERM": "xterm-256color"})
        self.assertNotIn("\x1b", outcome.err)

    def test_colours_on_a_terminal_unless_unwanted(self):
        for extra, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
            with self.subTest(extra=extra):
                self.assertEqual("\x1b[" in on_terminal("run", "none.wasm", env=extra), coloured)

    def test_a_full_disk_behind_stdout_is_told(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            outcome = subprocess.run([os.environ["WEFT_BINARY"], "help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(outcome.returncode, 3)
        self.assertIn("error: ", outcome.stderr)


def on_terminal(*words, env):
    """What weft prints when its stderr is a terminal."""
    ours, theirs = open_terminal()
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    with subprocess.Popen([os.environ["WEFT_BINARY"], *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs,
                          env={**environment, "TERM": "xterm", **env}) as process:
        process.wait(60)
    os.close(theirs)
    text = b""
    try:
        while chunk := os.read(ours, 4096):
            text += chunk
    except OSError:  # EIO: the other end is closed and all was read
        pass
    os.close(ours)
    return text.decode()


if __name__ == "__main__":
    main()
