// Plain clients with their default settings: `node peer.mjs grpc-js|connect ADDRESS PROTO_FOLDER DESCRIPTORS`.
// One JSON line at the end, with the same facts from both.

import { readFileSync } from "node:fs";
import { fromBinary, create, createFileRegistry } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { compressionGzip, createGrpcTransport } from "@connectrpc/connect-node";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const [, , library, address, protos, descriptors] = process.argv;

function grpcJs(options = {}) {
  const definition = loadSync("tidegate/v1/guard.proto", { includeDirs: [protos] });
  const { GuardService } = grpc.loadPackageDefinition(definition).tidegate.v1;
  const client = new GuardService(address, grpc.credentials.createInsecure(), options);
  const stream = (messages, { cancelAfter, deadlineMs } = {}) =>
    new Promise((resolve) => {
      const call = client.stream(deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs });
      let text = "";
      call.on("data", (response) => {
        text += response.release?.text ?? "";
        if (cancelAfter !== undefined) call.cancel();
      });
      call.on("status", (status) => resolve({ code: grpc.status[status.code], text }));
      call.on("error", () => undefined);
      for (const message of messages) call.write(message);
      if (cancelAfter === undefined && deadlineMs === undefined) call.end();
    });
  const check = (request) =>
    new Promise((resolve) => {
      client.check(request, (error, response) =>
        resolve({ code: grpc.status[error?.code ?? 0], text: response?.text ?? "" }),
      );
    });
  return { check, stream, close: () => client.close() };
}

function connect(options = {}) {
  const set = fromBinary(FileDescriptorSetSchema, readFileSync(descriptors));
  const service = createFileRegistry(set).getService("tidegate.v1.GuardService");
  const transport = createGrpcTransport({ baseUrl: `http://${address}`, ...options });
  const client = createClient(service, transport);
  const codeOf = (error) => Code[ConnectError.from(error).code].replace(/(?<!^)([A-Z])/g, "_$1").toUpperCase();
  const outgoing = (message) => {
    const [kind] = Object.keys(message);
    const value = kind === "chunk" ? { payload: { case: "text", value: message.chunk.text } } : message[kind];
    return { message: { case: kind, value } };
  };
  const stream = async (messages, { cancelAfter, deadlineMs } = {}) => {
    const stop = new AbortController();
    let text = "";
    async function* requests() {
      for (const message of messages) yield outgoing(message);
      if (cancelAfter === undefined && deadlineMs === undefined) return;
      await new Promise((resolve) => stop.signal.addEventListener("abort", resolve)); // stays open
    }
    try {
      for await (const response of client.stream(requests(), { signal: stop.signal, timeoutMs: deadlineMs })) {
        if (response.message.case === "release") text += response.message.value.text;
        if (cancelAfter !== undefined) stop.abort();
      }
      return { code: "OK", text };
    } catch (error) {
      return { code: codeOf(error).replace("CANCELED", "CANCELLED"), text };
    }
  };
  const check = async (request) => {
    try {
      const response = await client.check(request);
      return { code: "OK", text: response.text };
    } catch (error) {
      return { code: codeOf(error), text: "" };
    }
  };
  return { check, stream, close: () => undefined };
}

const START = { start: {} };
const chunk = (text) => ({ chunk: { text } });
const make = library === "connect" ? connect : grpcJs;
const packed =
  library === "connect"
    ? { sendCompression: compressionGzip, compressMinBytes: 0 }
    : { "grpc.default_compression_algorithm": grpc.compressionAlgorithms.gzip };

const client = make();
const facts = {};
const row = [];
for (let i = 0; i < 300; i++) row.push((await client.check({ text: "a plum" })).text);
facts.checks = row.filter((text) => text === "a ‹fruit›").length;
const long = "a quiet river ".repeat(20_000);
const many = Array.from({ length: 20 }, () => client.stream([START, chunk("one "), chunk("plu"), chunk("m.")]));
facts.streams = (await Promise.all(many)).filter((each) => each.code === "OK" && each.text === "one ‹fruit›.").length;
const pieces = long.match(/.{1,30000}/g).map(chunk);
facts.bulk = (await client.stream([START, ...pieces])).text === long;
facts.cancelled = (await client.stream([START, chunk("First sentence. And then ")], { cancelAfter: 1 })).code;
facts.late = (await client.stream([START, chunk("First sentence.")], { deadlineMs: 200 })).code;
facts.unknown_policy = (await client.check({ start: { policy: "nope" } })).code;
facts.out_of_order = (await client.stream([chunk("x")])).code;
facts.too_large = (await client.stream([START, chunk("x".repeat(70_000))])).code;
const zipped = make(packed);
facts.zipped = (await zipped.check({ text: "a plum ".repeat(1_000) })).text === "a ‹fruit› ".repeat(1_000);
console.log(JSON.stringify(facts));
client.close();
zipped.close();
process.exit(0);
