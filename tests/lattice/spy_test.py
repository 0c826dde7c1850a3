# SPDX-License-Identifier: Apache-2.0
"""`weft spy`: the calls of a host, seen by who may see them and by nobody else."""

import json
import queue
import subprocess
import threading

from daemon import DaemonTest
from lattice import LatticeTest, fetch
from weft import BINARY, DEADLINE, main, wait_for, weft


class Spy:
    """`weft spy` at work: what it prints, line by line. Watches from its making on."""

    def __init__(self, test, *words):
        self.process = subprocess.Popen([str(BINARY), "spy", *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, errors="replace")
        test.addCleanup(self.end)
        self._lines, self.err, self.keeps_lines = queue.Queue(), [], True
        self._threads = [threading.Thread(target=read, daemon=True) for read in (self._read_out, self._read_err)]
        for thread in self._threads:
            thread.start()
        wait_for(lambda: any("watching" in line for line in self.err) or self.process.poll() is not None, "the spy watches")

    def _read_out(self):
        for line in self.process.stdout:
            if self.keeps_lines:
                self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _read_err(self):
        for line in self.process.stderr:
            self.err.append(line)

    def line(self):
        line = self._lines.get(timeout=DEADLINE)
        if line is None:
            raise AssertionError(f"the spy has ended: {''.join(self.err)}")
        return line

    def call(self):
        """The next call, with --output json."""
        return json.loads(self.line())["call"]

    def until(self, wanted):
        """The next call that `wanted` is true of."""
        while True:
            call = self.call()
            if wanted(call):
                return call

    def wait(self):
        return self.process.wait(DEADLINE)

    def kill(self):
        self.process.kill()

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join(DEADLINE)
        self.process.stdout.close()
        self.process.stderr.close()


class LocalTest(DaemonTest):
    APPS = ("relay", "hello-c", "hits", "values-caller", "values-callee")

    def setUp(self):
        super().setUp()
        self.up()

    def spy(self, *words):
        return Spy(self, *words, "--data-dir", self.daemon.data_dir)

    def weft(self, *words):
        outcome = weft(*words, "--data-dir", self.daemon.data_dir)
        self.assertEqual(outcome.code, 0, outcome)
        return outcome.out

    def start_relays(self):
        self.start("caller", "relay")
        self.start("callee", "relay")
        self.link("caller", "callee", "weft:relay", ["relay"])

    def relay(self, script):
        return self.weft("call", "caller", "weft:relay/relay#run", json.dumps(script))

    def spies(self):
        return self.control.question("status")["spies"]

    def test_a_call_between_components_is_shown_with_its_values(self):
        self.start_relays()
        spy = self.spy("--count", 2)
        self.relay('call say "hello" there')
        # The inner call ends first.
        self.assertRegex(spy.line(), r'^\d\d:\d\d:\d\d\.\d{3} caller -> callee weft:relay/relay#run\(script: "say \\"hello\\" there"\) => '
                                     r'"\\"hello\\" there" \[[\d.]+ [um]?s\]$')
        self.assertRegex(spy.line(), r' weft-cli -> caller weft:relay/relay#run\(script: "call say ')
        self.assertEqual(spy.wait(), 0)
        self.assertEqual(self.spies(), 0)

    def test_calls_that_are_watched_give_what_they_give_else(self):
        self.start_relays()
        script = "call call say three deep"
        self.link("callee", "caller", "weft:relay", ["relay"])
        before = self.relay(script)
        spy = self.spy("--output", "json")
        self.assertEqual(self.relay(script), before)
        self.assertEqual([spy.call()["source"] for _ in range(3)], ["callee", "caller", "weft-cli"])
        failed = weft("call", "caller", "weft:relay/relay#run", json.dumps("call trap"), "--data-dir", self.daemon.data_dir)
        self.assertNotEqual(failed.code, 0)
        call = spy.call()
        self.assertEqual((call["source"], call["target"], call["results"]["bytes"]), ("caller", "callee", 0))
        self.assertIn("failed in weft:relay/relay#run", call["error"])

    def test_every_type_of_value_is_shown(self):
        self.start("caller", "values-caller")
        self.start("callee", "values-callee")
        self.link("caller", "callee", "weft:values", ["echo", "counters"])
        spy = self.spy("--output", "json", "--function", "echo-", "--value-size", "64KiB")
        self.weft("call", "caller", "weft:values/drive#run-values")
        seen = {}
        while "echo-everything" not in seen:
            call = spy.call()
            self.assertEqual((call["source"], call["target"], call["way"]), ("caller", "callee", "here"))
            seen.setdefault(call["function"], call)
            # Every function of echo gives what it takes.
            if not call["params"]["text"].endswith("..."):
                self.assertTrue(call["params"]["text"] == f"v: {call['results']['text']}", call["function"])
        everything = seen["echo-everything"]["params"]["text"]
        for part in ("{yes: ", "letter: '", "bytes: b\"", "where: {x: ", "tags: [", "maybe: ", "outcome: ", "shape: ", "color: ", "rights: {", "pair: ("):
            self.assertIn(part, everything)
        self.assertIn(seen["echo-bool"]["params"]["text"], ("v: true", "v: false"))

    def test_a_request_and_the_calls_that_it_leads_to(self):
        self.start_web()
        self.control.do(*self.control.start_provider("kv", "keyvalue"))
        self.start("hits", "hits")
        self.link("web", "hits", "wasi:http", ["incoming-handler"])
        self.link("hits", "kv", "wasi:keyvalue", ["store", "atomics"])
        wait_for(lambda: self.get("/").status == 200, "the page is served")
        spy = self.spy("--output", "json")
        answer = self.get("/page?x=1")
        inner = spy.until(lambda call: call["target"] == "kv")
        self.assertEqual(inner["source"], "hits")
        self.assertTrue(inner["interface"].startswith("wrpc:keyvalue/"), inner)
        # The provider is no component: these are the types of the one that calls.
        self.assertRegex(inner["params"]["text"], r"\w+: ")
        outer = spy.until(lambda call: call["target"] == "hits")
        self.assertEqual(outer["http"], {"method": "GET", "authority": "test", "path": "/page?x=1", "status": 200})
        self.assertEqual((outer["source"], outer["results"]["bytes"]), ("web", len(answer.text)))
        people = self.spy("hits", "--interface", "http")
        self.get("/again")
        self.assertRegex(people.line(), rf" web -> hits GET /again => 200, {len(answer.text)} bytes \[[\d.]+ [um]?s\]$")

    def test_filters_leave_out_what_nobody_asked_for(self):
        self.start_relays()
        self.start("other", "relay")
        of_callee = self.spy("callee", "--output", "json")
        of_greeting = self.spy("--interface", "greeting", "--output", "json")
        self.weft("call", "other", "weft:relay/relay#run", json.dumps("say not this"))
        self.relay("call say this")
        self.weft("call", "other", "weft:relay/greeting#hello")
        self.assertEqual(of_callee.call()["results"]["text"], '"this"')
        self.assertEqual(of_greeting.call()["function"], "hello")

    def test_long_values_are_cut(self):
        self.start_relays()
        spy = self.spy("callee", "--output", "json", "--value-size", "20")
        self.relay(f"call say {'x' * 100_000}")
        call = spy.call()
        self.assertEqual(call["results"]["bytes"], 100_003)
        self.assertRegex(call["results"]["text"], r'^"x{15,20}\.\.\.$')

    def test_whoever_is_killed_watches_no_longer(self):
        self.start_relays()
        spy = self.spy()
        self.assertEqual(self.spies(), 1)
        spy.kill()
        wait_for(lambda: self.spies() == 0, "the host forgets who died")
        self.assertEqual(self.relay("call say still here").strip(), '"still here"')

    def test_what_comes_too_fast_is_counted(self):
        self.start("caller", "values-caller")
        self.start("callee", "values-callee")
        self.link("caller", "callee", "weft:values", ["echo", "counters"])
        spy = self.spy("callee", "--value-size", "64KiB")
        spy.keeps_lines = False
        # 20,000 calls with 16 KiB each way: far more than a session keeps.
        self.weft("call", "caller", "weft:values/drive#pump", "20000", "16384")
        wait_for(lambda: any("too fast to be shown" in line for line in spy.err), "drops are told")

    def test_values_are_in_no_log(self):
        self.start_relays()
        spy = self.spy("--output", "json")
        self.relay("call say open-sesame")
        self.assertIn("open-sesame", json.dumps(spy.call()))
        self.assertNotIn("open-sesame", self.daemon.err)

    def test_what_is_asked_wrongly(self):
        for words in (("--count", "0"), ("--value-size", "1GiB"), ("--all-hosts", "--host", "x")):
            self.assert_error(weft("spy", *words, "--data-dir", self.daemon.data_dir), 2)
        self.assert_error(weft("spy", "--data-dir", self.folder / "nothing"), 1)


class ElsewhereTest(LatticeTest):
    APPS = ("relay", "hello-c")

    def spy(self, *words):
        return Spy(self, *words, "--nats", self.server.url)

    def weft(self, *words):
        outcome = weft(*words, "--nats", self.server.url, env={"HOME": str(self.folder)})
        self.assertEqual(outcome.code, 0, f"{outcome}\n{self.logs()}")

    def start_relays(self, *hosts):
        self.host("here", *hosts[0])
        self.host("there", *hosts[1])
        here, there = self.hosts
        here.start("caller", "relay")
        there.start("callee", "relay")
        self.put_link("caller", "callee", "weft:relay", ["relay"])
        return here, there

    def relay(self, script):
        self.weft("call", "caller", "weft:relay/relay#run", json.dumps(script))

    def test_a_host_shows_nothing_unless_it_allows_it(self):
        here, there = self.start_relays((), ("--allow-spy",))
        refused = weft("spy", "--host", here.id, "--nats", self.server.url)
        self.assertNotEqual(refused.code, 0)
        self.assertIn("does not let its calls be watched", refused.err)
        self.assertIn("--allow-spy", refused.err)
        # Not by the other's socket either; but by its own.
        refused = weft("spy", "--host", here.id, "--data-dir", self.folder / "there")
        self.assertIn("--allow-spy", refused.err)
        own = Spy(self, "--data-dir", self.folder / "here", "--output", "json", "callee")
        self.relay("call say hello")
        self.assertEqual(own.call()["way"], "out")

    def test_what_a_socket_has_begun_nobody_else_carries_on(self):
        here, _ = self.start_relays(("--allow-spy",), ())
        begun = here.control.wait(here.control.begin("weft.local.spy", json.dumps({"session": ""})))
        self.assertTrue(begun.success, begun)
        question = json.dumps({"session": begun.response["session"]})
        stolen = here.control.wait(here.control.begin(f"weft.ctl.{here.control.lattice}.{here.id}.spy", question))
        self.assertFalse(stolen.success)
        self.assertIn("knows nothing of that watch", stolen.message)
        self.assertTrue(here.control.wait(here.control.begin("weft.local.spy", question)).success)

    def test_a_call_between_hosts_is_seen_at_both_ends(self):
        here, there = self.start_relays(("--allow-spy",), ("--allow-spy",))
        ends = {host.name: self.spy("--host", host.id, "--output", "json", "callee") for host in (here, there)}
        everywhere = self.spy("--all-hosts", "callee")
        wait_for(lambda: len([line for line in everywhere.err if "watching" in line]) == 2, "both hosts are watched")
        self.relay("call say hello")
        for name, way in (("here", "out"), ("there", "in")):
            call = ends[name].call()
            self.assertEqual((call["way"], call["source"], call["target"]), (way, "caller", "callee"))
            self.assertEqual((call["params"]["text"], call["results"]["text"]), ('script: "say hello"', '"hello"'))
        lines = sorted(everywhere.line() for _ in range(2))
        self.assertEqual(sum("caller -> callee (elsewhere)" in line for line in lines), 1, lines)
        self.assertEqual(sum("caller (elsewhere) -> callee" in line for line in lines), 1, lines)

    def test_of_all_hosts_those_that_allow_it_are_shown(self):
        here, there = self.start_relays((), ("--allow-spy",))
        spy = self.spy("--all-hosts", "--count", "1", "callee")
        self.relay("call say hello")
        self.assertIn("caller (elsewhere) -> callee", spy.line())
        self.assertEqual(spy.wait(), 0)
        self.assertIn("does not let its calls be watched", "".join(spy.err))

    def test_a_request_from_another_host(self):
        here, there = self.host("here"), self.host("there", "--allow-spy")
        there.start("site", "hello-c")
        site = here.web()
        self.put_link("web", "site", "wasi:http", ["incoming-handler"])
        self.wait_until_served(site)
        spy = self.spy("--host", there.id, "--output", "json")
        self.assertEqual(fetch(site, "/x").status, 200)
        call = spy.call()
        self.assertEqual((call["way"], call["source"], call["target"]), ("in", "web", "site"))
        self.assertEqual((call["http"]["path"], call["http"]["status"]), ("/x", 200))

    def test_a_host_that_goes_is_told(self):
        here, there = self.start_relays((), ("--allow-spy",))
        spy = self.spy("--host", there.id)
        there.kill()
        self.assertNotEqual(spy.wait(), 0)


if __name__ == "__main__":
    main()
