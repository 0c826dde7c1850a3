// SPDX-License-Identifier: Apache-2.0
// Answers every request with one line of text.
import { Fields, OutgoingBody, OutgoingResponse, ResponseOutparam } from "wasi:http/types@0.2.12";

const encoder = new TextEncoder();

export const incomingHandler = {
  handle(request, out) {
    const headers = Fields.fromList([["content-type", encoder.encode("text/plain")]]);
    const response = new OutgoingResponse(headers);
    const body = response.body();
    ResponseOutparam.set(out, { tag: "ok", val: response });
    const stream = body.write();
    stream.blockingWriteAndFlush(encoder.encode("hello from JavaScript\n"));
    stream[Symbol.dispose]();
    OutgoingBody.finish(body, undefined);
  },
};
