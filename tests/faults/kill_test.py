# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the daemon at random instants while a client writes: what was acknowledged is there when it is started again, and it serves.

WEFT_TEST_SEED repeats a run, WEFT_TEST_KILLS says how often it is killed."""

import os
import random
import subprocess
import threading
import time

from control import Gone, link
from daemon import CACHE, DaemonTest, main
from weft import BINARY

ABSENT = None


class Ledger:
    """What must be there: for each thing its acknowledged value, and what it may have become by a command that was never answered."""

    def __init__(self):
        self.known = {}
        self.asked = {}

    def ask(self, thing, value):
        self.asked[thing] = value

    def acknowledge(self, thing):
        self.known[thing] = self.asked.pop(thing)

    def refuse(self, thing):
        del self.asked[thing]

    def check(self, kind, found):
        """`found` has all things of one kind; what a command without an answer has made of them is what is known from now on."""
        wrong = []
        for thing in {key for key in {*self.known, *self.asked} if key[0] == kind} | {(kind, name) for name in found}:
            value = found.get(thing[1], ABSENT)
            allowed = [self.known.get(thing, ABSENT)]
            if thing in self.asked:
                allowed.append(self.asked.pop(thing))
            if value not in allowed:
                wrong.append(f"{kind} {thing[1]} is {value}, acknowledged was {allowed[0]}" + (f", asked for {allowed[1]}" if len(allowed) > 1 else ""))
            self.known[thing] = value
        return wrong


class KillTest(DaemonTest):
    APPS = ("hello-c", "hello-cpp")

    def setUp(self):
        super().setUp()
        self.kills = int(os.environ.get("WEFT_TEST_KILLS", "200"))
        self.seed = int(os.environ.get("WEFT_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
        print(f"WEFT_TEST_SEED={self.seed}", flush=True)
        self.random = random.Random(self.seed)
        self.ledger = Ledger()
        self.number = 0
        self.acknowledged = 0

    # ---- what is written ----

    def next_command(self):
        """A command about something that no command under way is about: its thing, value, subject and body."""
        while True:
            thing, value, command = self.random.choice([self.config, self.config, self.a_link, self.a_link, self.component, self.component, self.provider])()
            if thing not in self.ledger.asked:
                return thing, value, command

    def config(self):
        self.number += 1
        name = f"c{self.random.randrange(12)}"
        if self.random.random() < 0.2:
            return ("config", name), ABSENT, (f"config.del.{name}", None)
        return ("config", name), {"n": str(self.number)}, (f"config.put.{name}", {"n": str(self.number)})

    def a_link(self):
        # Some of one source, which are one entry of the store, and some of others.
        source, name = f"s{self.random.randrange(3)}", f"l{self.random.randrange(8)}"
        if self.random.random() < 0.4:
            return ("link", (source, name)), ABSENT, ("link.del", {"source_id": source, "name": name, "wit_namespace": "wasi", "wit_package": "keyvalue"})
        return ("link", (source, name)), "target", link(source, "target", "wasi:keyvalue", ["store"], name=name)

    def component(self):
        name = f"k{self.random.randrange(6)}"
        now = self.ledger.known.get(("component", name))
        choice = self.random.random()
        if now and choice < 0.3:
            other = "hello-cpp" if now[0] == "hello-c" else "hello-c"
            body = {"component_id": name, "new_component_ref": self.control.scale(name, other, 1)[1]["component_ref"], "host_id": self.daemon.id}
            return ("component", name), (other, now[1]), ("component.update.HOST", body)
        if now and choice < 0.5:
            return ("component", name), ABSENT, self.control.scale(name, now[0], 0)
        self.number += 1
        code, count = (now[0] if now else self.random.choice(["hello-c", "hello-cpp"])), self.number % 1000 + 1
        return ("component", name), (code, count), self.control.scale(name, code, count)

    def provider(self):
        name = f"p{self.random.randrange(3)}"
        if self.ledger.known.get(("provider", name)):
            return ("provider", name), ABSENT, ("provider.stop.HOST", {"provider_id": name, "host_id": self.daemon.id})
        return ("provider", name), "keyvalue", self.control.start_provider(name, "keyvalue")

    def write_until_killed(self):
        """Keeps eight commands under way. The answer, not the end of the work, is what counts as acknowledged."""
        waiting = {}
        try:
            while True:
                while len(waiting) < 8:
                    thing, value, command = self.next_command()
                    self.ledger.ask(thing, value)
                    waiting[self.control.begin_command(*command)] = (thing, command)
                self.control.read()
                for number in list(self.control.answers):
                    thing, command = waiting.pop(number)
                    answer = self.control.answers.pop(number)
                    if answer.success:
                        self.ledger.acknowledge(thing)
                        self.acknowledged += 1
                    else:
                        self.assertTrue(self.may_refuse(thing, command, answer), f"{command} {answer}")
                        self.ledger.refuse(thing)
        except Gone:
            pass

    @staticmethod
    def may_refuse(thing, command, answer):
        """A command may come while what it is about is still being started or stopped: that is told, and not lost."""
        return command[0].startswith("component.update") and "not found" in answer.message or thing[0] == "provider" and "provider" in answer.message

    # ---- what is found ----

    def check_all(self):
        links = {(one["source_id"], one["name"]): one["target"] for one in self.control.command("link.get").response if one["source_id"] != "web"}
        numbers = {f"c{index}": self.control.begin_command(f"config.get.c{index}") for index in range(12)}
        configs = {name: self.control.wait(number).response for name, number in numbers.items()}
        inventory = self.control.inventory()
        components = {one["id"]: (one["image_ref"].rpartition("/")[2].removesuffix(".wasm"), one["max_instances"])
                      for one in inventory["components"] if one["id"] != "hello"}
        providers = {one["id"]: "keyvalue" for one in inventory["providers"] if one["id"] != "web"}
        wrong = (self.ledger.check("link", links) + self.ledger.check("config", {name: value for name, value in configs.items() if value is not None})
                 + self.ledger.check("component", components) + self.ledger.check("provider", providers))
        self.assertEqual(wrong, [], f"seed {self.seed}\n{self.daemon.err[-3000:]}")

    def kill_while_it_starts(self):
        """As early as before its first instruction, as late as when it serves."""
        words = [str(BINARY), "up", "--data-dir", str(self.daemon.data_dir), "--cache-dir", str(CACHE), "--allow-file-load", "--shards", "2"]
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(self.random.uniform(0, 0.06))
        process.kill()
        process.wait()

    def test_kill_at_any_instant_loses_nothing_acknowledged(self):
        self.up()
        self.start_hello()
        for kill in range(self.kills):
            self.assertTrue(self.serves("/", "hello from C\n"), f"kill {kill}, seed {self.seed}\n{self.daemon.err[-3000:]}")
            killer = threading.Timer(self.random.uniform(0, 0.05), self.daemon.process.kill)
            killer.start()
            self.write_until_killed()
            killer.join()
            self.daemon.kill()
            if kill % 8 == 7:
                self.kill_while_it_starts()
            self.up()
            self.check_all()
        print(f"{self.kills} kills, {self.acknowledged} commands acknowledged", flush=True)
        self.assertGreater(self.acknowledged, 5 * self.kills)
        self.down()


if __name__ == "__main__":
    main()
