# SPDX-License-Identifier: Apache-2.0
"""The completion scripts in the shells they are for, those of them that are installed."""

import json
import os
import select
import shutil
import subprocess
import time
import unittest

from weft import DEADLINE, WeftTest, main, open_terminal, weft

# What has been typed, the words it must be completed to, and some that must not be offered.
CASES = (
    ("weft insp", ["inspect"], ["run"]),
    ("weft ", ["run", "call", "inspect", "compile", "wit", "version", "completions", "help"], ["bindgen"]),
    ("weft wit ", ["bindgen", "new"], ["run"]),
    ("weft wit new --adapter pr", ["proxy"], ["none"]),
    ("weft run --listen 8000 --std", ["--stdio"], ["--listen"]),
    ("weft run --stdio ", ["log", "inherit", "discard"], ["json"]),
    ("weft call --output js", ["json"], ["text"]),
    ("weft inspect --w", ["--wit"], ["--world"]),
    ("weft wit bindgen --w", ["--world"], ["--wit"]),
    ("weft completions ", ["bash", "zsh", "fish"], ["run"]),
    ("weft help com", ["compile", "completions"], ["run"]),
)


class CompletionsTest(WeftTest):
    def script(self, shell, filename):
        if shutil.which(shell) is None:
            raise unittest.SkipTest(f"{shell} is not installed")
        outcome = weft("completions", shell)
        self.assertEqual(outcome.code, 0, outcome)
        path = self.folder / filename
        path.write_text(outcome.out)
        return path

    def shell(self, *words, **more):
        done = subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE, check=False, stdin=subprocess.DEVNULL, cwd=self.folder, **more)
        self.assertEqual((done.returncode, done.stderr), (0, ""), words)
        return done.stdout

    def check(self, offered):
        """`offered` gives the words that a shell proposes for what was typed."""
        for typed, wanted, unwanted in CASES:
            with self.subTest(typed=typed):
                words = offered(typed)
                for word in wanted:
                    self.assertIn(word, words)
                for word in unwanted:
                    self.assertNotIn(word, words)
        (self.folder / "guest.wasm").touch()
        for command in ("run", "call", "inspect", "compile", "wit new"):
            with self.subTest(command=command):
                self.assertIn("guest.wasm", offered(f"weft {command} gue"))

    def test_bash(self):
        script = self.script("bash", "weft.bash")

        def offered(typed):
            words = typed.split(" ")
            quoted = " ".join(f"'{word}'" for word in words)
            return self.shell("bash", "--norc", "-c", f"source {script}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _weft; "
                                                      "printf '%s\\n' \"${COMPREPLY[@]}\"; complete -p weft").splitlines()

        self.check(offered)
        self.assertIn("complete -o filenames -F _weft weft", offered("weft "))

    def test_fish(self):
        script = self.script("fish", "weft.fish")
        home = {**os.environ, "HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder / "config"), "XDG_DATA_HOME": str(self.folder / "data")}
        self.check(lambda typed: [line.partition("\t")[0] for line in
                                  self.shell("fish", "-c", f"source {script}; complete -C '{typed}'", env=home).splitlines()])

    def test_zsh(self):
        self.script("zsh", "_weft")
        with Zsh(self.folder) as zsh:
            self.check(zsh.offered)

    def test_inside_json(self):
        for shell in ("bash", "zsh", "fish"):
            answer = json.loads(weft("completions", shell, "--output", "json").out)
            self.assertEqual(answer, {"shell": shell, "script": weft("completions", shell).out})


class Zsh:
    """zsh completes only where someone types: a terminal, in which Tab writes what compadd was offered instead of showing it."""

    SETUP = r"""
PS1='' ; unset zle_bracketed_paste
fpath=($PWD $fpath) ; autoload -Uz compinit ; compinit -u -d $PWD/dump
weft() { : }
compadd() {
  if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]] { local -a kept ; builtin compadd -A kept "$@" ; print -rl -- $kept >> offered }
  builtin compadd "$@"
}
silent() { compstate[list]='' compstate[insert]='' }
complete_and_leave() { comppostfuncs=(silent) ; zle complete-word ; print >> offered ; : > done ; BUFFER='' ; zle .accept-line }
zle -N complete_and_leave ; bindkey '^I' complete_and_leave
: > ready
"""

    def __init__(self, folder):
        self.folder = folder
        (folder / "setup").write_text(self.SETUP)
        self.ours, theirs = open_terminal()
        env = {**os.environ, "TERM": "dumb", "HOME": str(folder), "ZDOTDIR": str(folder)}
        self.process = subprocess.Popen(["zsh", "-f", "-i"], stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=env, start_new_session=True)
        os.close(theirs)
        self.text = b""
        self.type(" source ./setup\n", "ready")

    def type(self, keys, sign):
        """Types, and waits until zsh has made the file `sign`."""
        os.write(self.ours, keys.encode())
        end = time.monotonic() + DEADLINE
        while not (self.folder / sign).exists():
            if time.monotonic() > end or self.process.poll() is not None:
                raise AssertionError(f"zsh did not answer {keys!r}: {self.text.decode(errors='replace')}")
            if select.select([self.ours], [], [], 0.01)[0]:
                self.text += os.read(self.ours, 65536)
        (self.folder / sign).unlink()

    def offered(self, typed):
        (self.folder / "offered").unlink(missing_ok=True)
        self.type(typed + "\t", "done")
        return (self.folder / "offered").read_text().splitlines()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.ours)


if __name__ == "__main__":
    main()
