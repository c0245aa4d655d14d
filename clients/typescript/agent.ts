// Guards an agent's turn: `node build/agent.js [ADDRESS] [POLICY] [QUERY]`.
//
// What the model says flows. The call that it makes is held until all of it was judged, and made only then. What the tool
// answers is judged before the model reads it.

import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Channel, Direction, GuardService, Part, type StreamRequest, StreamRequestSchema } from "./gen/tidegate/v1/guard_pb.js";

/** A piece of what a model's SDK yields: its words, or of a call the tool's name or some of the arguments. */
type Delta = { text: string; call?: string; isName?: boolean };
type Call = { name: string; arguments: string };

class Refused extends Error {
  constructor(readonly rule: string, message: string) {
    super(message);
  }
}

const [address = "127.0.0.1:50051", policy = "", query = "bread"] = process.argv.slice(2);
const client = createClient(GuardService, createGrpcTransport({ baseUrl: `http://${address}` }));
const known = { policy, sessionId: "example", labels: { app: "example" } };

/** The turn as a stream, until it is over. A call's name and its arguments are texts of their own, beside the words. */
async function* messages(deltas: AsyncIterable<Delta>, isOver: () => boolean): AsyncIterable<StreamRequest> {
  yield create(StreamRequestSchema, { message: { case: "start", value: { ...known, direction: Direction.OUTPUT } } });
  for await (const { text, call, isName } of deltas) {
    if (isOver()) return;
    const lane = call === undefined ? undefined : { channel: Channel.TOOL_ARGUMENTS, call, isName };
    yield create(StreamRequestSchema, { message: { case: "chunk", value: { lane, payload: { case: "text", value: text } } } });
  }
}

/** Shows the model's words as they may be shown, and returns its calls once all was judged. Throws `Refused`. */
async function guardTurn(deltas: AsyncIterable<Delta>): Promise<Call[]> {
  const calls = new Map<string, Call>();
  let refused: Refused | undefined;
  const requests = messages(deltas, () => refused !== undefined);
  for await (const { message } of client.stream(requests, { timeoutMs: 600_000 })) {
    if (message.case === "verdict") refused = new Refused(message.value.rule, message.value.message);
    if (message.case !== "release") continue;
    const { lane, text } = message.value;
    if (lane?.channel !== Channel.TOOL_ARGUMENTS) {
      process.stdout.write(text);
      continue;
    }
    const call = calls.get(lane.call) ?? { name: "", arguments: "" };
    call[lane.isName ? "name" : "arguments"] += text;
    calls.set(lane.call, call);
  }
  if (refused !== undefined) throw refused; // not before: a loop that is left early leaves the call open
  return [...calls.values()];
}

/** What the model may read of a tool's result: all of it, some of it, or a sentence in its place. */
async function guardResult(result: string): Promise<string> {
  const start = { ...known, direction: Direction.INPUT };
  const request = { start, lane: { part: Part.TOOL_RESULT }, text: result };
  const { text, verdict } = await client.check(request, { timeoutMs: 30_000 });
  return verdict ? verdict.message : text;
}

/** In the place of a model: it calls `search`, whose arguments come in pieces. */
async function* model(): AsyncIterable<Delta> {
  yield { text: "Let me look. " };
  yield { call: "call_1", isName: true, text: "search" };
  for (const text of JSON.stringify({ query }).match(/.{1,8}/gsu) ?? []) yield { call: "call_1", text };
}

/** In the place of a tool. */
function search(query: string): string {
  return `Notes on ${query}: Bread needs flour. Plums keep for a week.`;
}

try {
  for (const call of await guardTurn(model())) {
    process.stdout.write(`\ncall ${call.name} ${call.arguments}\n`);
    const result = search(JSON.parse(call.arguments).query);
    process.stdout.write(`result ${await guardResult(result)}\n`);
  }
} catch (thrown) {
  if (thrown instanceof Refused) {
    process.stdout.write(`\nrefused ${thrown.message}\n`);
    process.stderr.write(`stopped by ${thrown.rule}\n`);
  } else {
    const error = ConnectError.from(thrown);
    const again = error.code === Code.Unavailable || error.code === Code.ResourceExhausted;
    process.stderr.write(`${Code[error.code]}: ${error.rawMessage}${again ? " (worth another try)" : ""}\n`);
    process.exitCode = 1;
  }
}
