#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// A capability provider with nothing but a NATS client: the key-value store that apps/hits counts in, kept in memory. Read it from top to bottom: values,
// answering calls, what is answered, the host's commands. The same with an SDK: sdk/python/examples/hits.py.
"use strict";
const crypto = require("node:crypto");
const readline = require("node:readline");
const { connect, createInbox, jwtAuthenticator } = require("nats");

const log = (level, text) => process.stderr.write(`${new Date().toISOString()} ${level} ${text}\n`);

// ---- Values: no tags, no padding; both sides know the types. ----

/** Takes values out of bytes; throws where they are not what the type says. */
class Reader {
  constructor(data) {
    this.data = data;
    this.at = 0;
  }
  take(count) {
    if (count > this.data.length - this.at) throw new Error("the parameters are cut short");
    this.at += count;
    return this.data.subarray(this.at - count, this.at);
  }
  unsigned(bits) {
    let value = 0n;
    for (let shift = 0n; shift < bits; shift += 7n) {
      const byte = BigInt(this.take(1)[0]);
      value |= (byte & 0x7fn) << shift;
      if (byte < 0x80n) {
        if (value >> BigInt(bits)) break;
        return value;
      }
    }
    throw new Error(`a number that does not fit ${bits} bits`);
  }
  bytes() {
    return this.take(Number(this.unsigned(32)));
  }
  string() {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.bytes());
  }
  option(take) {
    const some = this.take(1)[0];
    if (some > 1) throw new Error("neither none nor some");
    return some ? take() : null;
  }
  end() {
    if (this.at < this.data.length) throw new Error("something follows the parameters");
  }
}

const byte = (value) => Buffer.of(value);
const unsigned = (value) => {
  const out = [];
  for (let left = BigInt(value); ; left >>= 7n) {
    if (left < 0x80n) return Buffer.from([...out, Number(left)]);
    out.push(Number(left & 0x7fn) | 0x80);
  }
};
const bytes = (value) => Buffer.concat([unsigned(value.length), value]);
const string = (value) => bytes(Buffer.from(value));
const list = (values, encode) => Buffer.concat([unsigned(values.length), ...values.map(encode)]);
const option = (value, encode) => (value == null ? byte(0) : Buffer.concat([byte(1), encode(value)]));
const ok = (value = Buffer.alloc(0)) => Buffer.concat([byte(0), value]);
// error = variant { no-such-store, access-denied, other(string) }
const other = (text) => Buffer.concat([byte(1), byte(2), string(text)]);

// ---- Answering calls. ----

const PARAMETER_MS = 60_000;
const MOST_BYTES = 64 * 1024 * 1024;

/** Serves one function: `answer(call, reader)` takes the parameters and gives the encoded result. */
function serve(nc, prefix, name, answer) {
  nc.subscribe(`${prefix}.wrpc.0.0.1.${name}`, {
    queue: prefix,
    callback: (error, message) => {
      if (error || !message.reply) return;
      receive(nc, message, (parameters) => {
        const reader = new Reader(parameters);
        const header = (key, otherwise) => message.headers?.last(key) || otherwise;
        return answer({ source: header("source-id", "<unknown>"), link: header("link-name", "default") }, reader);
      }, name);
    },
  });
}

/** The parameters are the call's payload and what follows on our inbox until an empty message. Then, and not before, the answer: some callers lose one
 *  that is faster. A failure has no message of its own, it is an answer that is empty. */
function receive(nc, message, answer, name) {
  const inbox = createInbox();
  const pieces = [message.data];
  let size = message.data.length;
  const fail = (why) => {
    log("WARN", `${name}: ${why}`);
    finish(Buffer.alloc(0));
  };
  const finish = (result) => {
    parameters.unsubscribe();
    clearTimeout(timer);
    const most = nc.info.max_payload;
    for (let at = 0; at < result.length; at += most) nc.publish(`${message.reply}.results`, result.subarray(at, at + most));
    nc.publish(`${message.reply}.results`);
  };
  const parameters = nc.subscribe(`${inbox}.params`, {
    callback: (error, piece) => {
      if (error) return;
      size += piece.data.length;
      pieces.push(piece.data);
      if (size > MOST_BYTES) return fail("too many parameters");
      if (piece.data.length > 0) return;
      try {
        finish(answer(Buffer.concat(pieces)));
      } catch (failure) {
        fail(failure.message);
      }
    },
  });
  const timer = setTimeout(() => fail("the parameters did not come"), PARAMETER_MS);
  // After the subscription, on the same connection: so nothing that is sent to the inbox can be missed.
  nc.publish(message.reply, undefined, { reply: inbox });
}

// ---- What is answered: wrpc:keyvalue, as which hosts call wasi:keyvalue. ----

const buckets = new Map();
const links = new Map();

/** The entries of the bucket, and the prefix that the link over which the call came gives its keys. */
function open(call, bucket) {
  if (!buckets.has(bucket)) buckets.set(bucket, new Map());
  return { entries: buckets.get(bucket), prefix: links.get(`${call.source} ${call.link}`)?.prefix ?? "" };
}

/** A function whose first parameters are bucket and key; `more` takes the others. */
const onKey = (work, more = () => undefined) => (call, reader) => {
  const { entries, prefix } = open(call, reader.string());
  const key = prefix + reader.string();
  const value = more(reader);
  reader.end();
  return work(entries, key, value);
};

const functions = {
  "wrpc:keyvalue/store@0.2.0-draft.get": onKey((entries, key) => ok(option(entries.get(key), bytes))),
  "wrpc:keyvalue/store@0.2.0-draft.set": onKey((entries, key, value) => (entries.set(key, Buffer.from(value)), ok()), (reader) => reader.bytes()),
  "wrpc:keyvalue/store@0.2.0-draft.delete": onKey((entries, key) => (entries.delete(key), ok())),
  "wrpc:keyvalue/store@0.2.0-draft.exists": onKey((entries, key) => ok(byte(entries.has(key) ? 1 : 0))),
  "wrpc:keyvalue/store@0.2.0-draft.list-keys": (call, reader) => {
    const { entries, prefix } = open(call, reader.string());
    reader.option(() => reader.unsigned(64));
    reader.end();
    const keys = [...entries.keys()].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
    return ok(Buffer.concat([list(keys, string), option(null)]));
  },
  "wrpc:keyvalue/atomics@0.2.0-draft.increment": onKey((entries, key, delta) => {
    const text = entries.get(key)?.toString() ?? "0";
    if (!/^\d+$/.test(text)) return other(`${key} is no number`);
    const total = BigInt.asUintN(64, BigInt(text) + delta);
    entries.set(key, Buffer.from(total.toString()));
    return ok(unsigned(total));
  }, (reader) => reader.unsigned(64)),
};

// ---- The host's commands. ----

/** Links are put under the public half (`X...`) of the key whose seed (`SX...`) the host hands over; under the provider's id by hosts without keys. */
function linkPutId(host) {
  const seed = host.provider_xkey_private_key;
  if (!seed) return host.provider_key;
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...seed].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const secret = Buffer.from(bits.match(/.{8}/g).map((octet) => parseInt(octet, 2))).subarray(2, 34);
  const pkcs8 = Buffer.concat([Buffer.from("302e020100300506032b656e04220420", "hex"), secret]);
  const pair = crypto.createPublicKey(crypto.createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" }));
  const key = Buffer.concat([byte(0xb8), pair.export({ format: "der", type: "spki" }).subarray(-32)]);
  let crc = 0;
  for (const octet of key) {
    crc ^= octet << 8;
    for (let bit = 0; bit < 8; ++bit) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  const text = [...key, crc & 0xff, crc >> 8].map((octet) => octet.toString(2).padStart(8, "0")).join("").padEnd(280, "0");
  return text.match(/.{5}/g).map((group) => alphabet[parseInt(group, 2)]).join("");
}

/** A link is put once: only after it is deleted can it be put with another configuration. */
function putLink(id, link) {
  const key = `${link.source_id} ${link.name ?? "default"}`;
  if (link.target !== id || link.wit_namespace !== "wasi" || link.wit_package !== "keyvalue" || links.has(key)) return;
  links.set(key, link.target_config ?? {});
}

function deleteLink(id, link) {
  if (link.target === id && link.wit_namespace === "wasi" && link.wit_package === "keyvalue") links.delete(`${link.source_id} ${link.name ?? "default"}`);
}

async function main() {
  // One line: base 64 of JSON.
  const { value: line } = await readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]().next();
  const host = JSON.parse(Buffer.from(line, "base64"));
  const id = host.provider_key;
  const seed = host.lattice_rpc_user_seed;
  const nc = await connect({
    servers: host.lattice_rpc_url || "nats://127.0.0.1:4222",
    name: "provider-js",
    maxReconnectAttempts: -1,
    ...(host.lattice_rpc_user_jwt && { authenticator: jwtAuthenticator(host.lattice_rpc_user_jwt, new TextEncoder().encode(seed)) }),
  });

  const command = (subject, work) =>
    nc.subscribe(`wasmbus.rpc.${host.lattice_rpc_prefix}.${subject}`, {
      callback: (error, message) => {
        try {
          if (!error) work(message);
        } catch (failure) {
          log("WARN", `${subject}: ${failure.message}`);
        }
      },
    });
  command(`${linkPutId(host)}.linkdefs.put`, (message) => putLink(id, message.json()));
  command(`${id}.linkdefs.del`, (message) => deleteLink(id, message.json()));
  command(`${id}.config.update`, (message) => log("INFO", `configured: ${Object.keys(message.json()).join(", ")}`));
  command(`${id}.health`, (message) => message.respond(JSON.stringify({ healthy: true })));
  command(`${id}.default.shutdown`, (message) => {
    // Every instance of this provider hears it; it is for the one of that host.
    if (!message.reply || message.json().host_id !== host.host_id) return;
    message.respond("shutting down");
    nc.drain().catch((failure) => log("WARN", `the end: ${failure.message}`));
  });
  for (const link of host.link_definitions) putLink(id, link);
  const prefix = `${host.lattice_rpc_prefix}.${id}`;
  for (const [name, answer] of Object.entries(functions)) serve(nc, prefix, name, answer);
  await nc.flush();
  log("INFO", `provider ${id} serves in lattice ${host.lattice_rpc_prefix}`);
  const failure = await nc.closed();
  process.exit(failure ? 1 : 0);
}

main().catch((failure) => {
  log("ERROR", failure.message);
  process.exit(1);
});
