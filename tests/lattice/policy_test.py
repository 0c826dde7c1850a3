# SPDX-License-Identifier: Apache-2.0
"""A policy service decides what is started and what is called, in the words of wasmCloud 1.9."""

import json

from lattice import LatticeTest, fetch
from lattice_service import Service
from weft import main, wait_for, weft
from wrpc import Nats

TOPIC, CHANGES = "wasmcloud.policy", "wasmcloud.policy.changes"


class PolicyService(Service):
    """Permits all but what `refuses` says."""

    def __init__(self, test, port):
        self.refusals = {}
        super().__init__(test, port, TOPIC)

    def refuse(self, kind, word, message):
        """Questions of that kind in which `word` is."""
        self.refusals[kind, word] = message

    def answer(self, message):
        question = json.loads(message.payload)
        for (kind, word), reason in self.refusals.items():
            if question["kind"] == kind and word in json.dumps(question["request"]):
                return self.decision(question, False, reason), None
        return self.decision(question, True), None

    @staticmethod
    def decision(question, permitted, message=None):
        return json.dumps({"requestId": question["requestId"], "permitted": permitted, "message": message}).encode()

    def questions(self, kind):
        return [question for message in self.asked if (question := json.loads(message.payload))["kind"] == kind]


class PolicyTest(LatticeTest):
    APPS = ("relay", "hello-c", "echo")

    def up(self, *options, **process):
        self.policy = PolicyService(self, self.server.port)
        self.nats = Nats(self.server.port)
        self.addCleanup(self.nats.close)
        self.nats.subscribe("wasmbus.evt.default.>")
        self.nats.flush()
        self.on = self.host("on", "--policy-topic", TOPIC, "--policy-changes-topic", CHANGES, *options, **process)

    def failure(self, tail, body):
        accepted = self.on.control.command(tail, body)
        self.assertTrue(accepted.success, accepted)
        ended = self.on.control.outcome(accepted)
        self.assertEqual(ended["state"], "failed", ended)
        return json.dumps(ended)

    def event(self, name):
        message = self.nats.next(f"wasmbus.evt.default.{name}")
        self.assertIsNotNone(message, f"no event {name}")
        return json.loads(message.payload)["data"]

    def call(self, component, script):
        return weft("call", component, "weft:relay/relay#run", json.dumps(script), "--nats", self.server.url, env={"HOME": str(self.folder)})

    def change(self, question, permitted, message=None):
        self.nats.publish(CHANGES, PolicyService.decision(question, permitted, message))
        self.nats.flush()

    def test_a_start_is_asked_for_once_with_all_that_is_known_of_it(self):
        self.up("--label", "zone=b")
        self.on.start("hello", "hello-c", 3, annotations={"wasmcloud.dev/appspec": "shop"})
        (asked,) = self.policy.questions("startComponent")
        self.assertEqual(asked["version"], "v1")
        self.assertEqual(asked["request"], {"componentId": "hello", "imageRef": f"file://{self.on_file('hello-c')}", "maxInstances": 3,
                                            "annotations": {"wasmcloud.dev/appspec": "shop"}, "claims": None})
        self.assertEqual((asked["host"]["publicKey"], asked["host"]["lattice"], asked["host"]["labels"]["zone"]), (self.on.id, "default", "b"))
        self.on.start("hello", "hello-c", 5)
        self.on.stop_component("hello", "hello-c")
        self.on.start("hello", "hello-c", 1)
        self.assertEqual(len(self.policy.questions("startComponent")), 1)
        self.on.web()
        (asked,) = self.policy.questions("startProvider")
        self.assertEqual(asked["request"], {"providerId": "web", "imageRef": "http-server", "annotations": {}, "claims": None})

    def on_file(self, app):
        return self.on.control.scale("x", app, 1)[1]["component_ref"].removeprefix("file://")

    def test_what_is_not_permitted_does_not_start_and_the_lattice_hears_why(self):
        self.up()
        self.policy.refuse("startComponent", '"hello"', "unsigned workloads only on staging")
        self.policy.refuse("startProvider", '"kv"', "no stores here")
        told = self.failure(*self.on.control.scale("hello", "hello-c", 1))
        self.assertIn("unsigned workloads only on staging", told)
        self.assertIn("unsigned workloads only on staging", self.event("component_scale_failed")["error"])
        self.assertIn("no stores here", self.failure(*self.on.control.start_provider("kv", "keyvalue")))
        self.assertIn("no stores here", self.event("provider_start_failed")["error"])
        inventory = self.on.control.inventory()
        self.assertEqual((inventory["components"], inventory["providers"]), ([], []))
        # Another is none of its business.
        self.on.start("other", "hello-c")

    def test_a_change_counts_from_then_on_and_stops_nothing(self):
        self.up()
        self.on.start("hello", "hello-c", 1)
        (asked,) = self.policy.questions("startComponent")
        self.change(asked, False, "not any more")
        wait_for(lambda: not self.on.control.outcome(self.on.control.command(*self.on.control.scale("hello", "hello-c", 2)))["state"] == "done", "it counts")
        self.assertEqual(len(self.on.control.inventory()["components"]), 1)
        # What is refused can still be stopped.
        self.on.stop_component("hello", "hello-c")
        self.assertIn("not any more", self.failure(*self.on.control.scale("hello", "hello-c", 1)))
        self.change(asked, True)
        wait_for(lambda: self.on.control.outcome(self.on.control.command(*self.on.control.scale("hello", "hello-c", 1)))["state"] == "done", "it may again")

    def test_calls_are_asked_for_once_for_each_function(self):
        self.up()
        self.on.start("caller", "relay")
        self.on.start("callee", "relay")
        self.put_link("caller", "callee", "weft:relay", ["relay"])
        for _ in range(3):
            self.assertEqual(self.call("caller", "call say hello").code, 0)
        asked = {question["request"]["target"]["componentId"]: question for question in self.policy.questions("performInvocation")}
        self.assertEqual(len(self.policy.questions("performInvocation")), 2)
        request = asked["callee"]["request"]
        self.assertEqual((request["interface"], request["function"], request["target"]["maxInstances"]), ("weft:relay/relay", "run", 0))
        self.change(asked["callee"], False, "callee is not for everybody")
        wait_for(lambda: self.call("caller", "call say hello").code != 0, "the change counts")
        self.assertIn("callee is not for everybody", self.call("caller", "call say hello").err)
        self.assertEqual(self.call("caller", "say hello").code, 0)
        self.change(asked["callee"], True)
        wait_for(lambda: self.call("caller", "call say hello").code == 0, "it may be called again")

    def test_a_call_that_comes_from_another_host_is_asked_for_where_it_arrives(self):
        self.up()
        self.policy.refuse("performInvocation", '"callee"', "not from outside")
        there = self.host("off")
        self.on.start("callee", "relay")
        there.start("caller", "relay")
        self.put_link("caller", "callee", "weft:relay", ["relay"])
        self.assertIn("not from outside", self.call("caller", "call say hello").err)
        self.assertEqual(len(self.policy.questions("startComponent")), 1, "the other host has no policy")

    def test_requests_are_calls_of_the_http_handler(self):
        self.up()
        site = self.on.web()
        self.on.start("hello", "hello-c")
        self.put_link("web", "hello", "wasi:http", ["incoming-handler"])
        self.wait_until_served(site)
        (asked,) = self.policy.questions("performInvocation")
        self.assertEqual((asked["request"]["interface"], asked["request"]["function"]), ("wrpc:http/incoming-handler@0.1.0", "handle"))
        self.assertEqual(fetch(site, "/").text, "hello from C\n")
        self.change(asked, False, "closed for today")
        wait_for(lambda: fetch(site, "/").status == 403, "it is refused")
        self.change(asked, True)
        wait_for(lambda: fetch(site, "/").status == 200, "it is answered again")

    def test_a_body_waits_for_the_verdict_and_arrives_whole(self):
        self.up()
        site = self.on.web()
        self.on.start("echo", "echo")
        self.put_link("web", "echo", "wasi:http", ["incoming-handler"])
        body = bytes(range(256)) * 4096
        self.assertEqual(fetch(site, "/", "POST", body=body).body, body)
        self.assertEqual(len(self.policy.questions("performInvocation")), 1)

    def test_no_answer_is_a_refusal_until_there_is_one(self):
        self.up("--policy-timeout-ms", "200")
        self.on.start("hello", "hello-c", 1)
        site = self.on.web()
        self.put_link("web", "hello", "wasi:http", ["incoming-handler"])
        self.policy.close()
        told = self.failure(*self.on.control.scale("more", "hello-c", 1))
        self.assertIn("policy service on wasmcloud.policy", told)
        wait_for(lambda: fetch(site, "/").status == 503, "a request is refused")
        self.policy = PolicyService(self, self.server.port)
        self.on.start("more", "hello-c", 1)
        self.wait_until_served(site)


if __name__ == "__main__":
    main()
