// Guards a model's tokens while they flow: `node build/example.js [ADDRESS] [POLICY]`, text on standard input.

import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Direction, GuardService, type StreamRequest, StreamRequestSchema } from "./gen/tidegate/v1/guard_pb.js";

const [address = "127.0.0.1:50051", policy = ""] = process.argv.slice(2);
const client = createClient(GuardService, createGrpcTransport({ baseUrl: `http://${address}` }));

let stoppedBy: string | undefined;

/** The stream's messages: what it is, then text as it comes, however it was cut; none once the text was stopped. */
async function* messages(tokens: AsyncIterable<string>): AsyncIterable<StreamRequest> {
  const start = { policy, direction: Direction.OUTPUT, sessionId: "example", labels: { app: "example" } };
  yield create(StreamRequestSchema, { message: { case: "start", value: start } });
  for await (const text of tokens) {
    if (stoppedBy !== undefined) return;
    yield create(StreamRequestSchema, { message: { case: "chunk", value: { payload: { case: "text", value: text } } } });
  }
}

/** Shows what may be shown, and reads to the end: a loop that is left early leaves the call open. */
async function guard(tokens: AsyncIterable<string>): Promise<void> {
  for await (const { message } of client.stream(messages(tokens), { timeoutMs: 600_000 })) {
    switch (message.case) {
      case "release":
        process.stdout.write(message.value.text);
        break;
      case "verdict":
        process.stdout.write(message.value.joint + message.value.message);
        stoppedBy = message.value.rule;
        break;
      case "summary":
        process.stderr.write(`${message.value.violationCount} violations under ${message.value.policy?.name}\n`);
    }
  }
}

process.stdin.setEncoding("utf8");
try {
  await guard(process.stdin);
  if (stoppedBy !== undefined) process.stderr.write(`stopped by ${stoppedBy}\n`);
} catch (thrown) {
  const error = ConnectError.from(thrown);
  const again = error.code === Code.Unavailable || error.code === Code.ResourceExhausted;
  process.stderr.write(`${Code[error.code]}: ${error.rawMessage}${again ? " (worth another try)" : ""}\n`);
  process.exitCode = 1;
}
