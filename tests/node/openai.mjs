/** openai: its tool runner, and the helper that puts a stream of Responses together. */

import OpenAI from "openai";

import { DESCRIPTION, KEY, NAME, PARAMETERS, asked } from "./told.mjs";

export const openai = (url) => new OpenAI({ baseURL: `${url}/v1`, apiKey: KEY });

async function runTools({ url, text, is_streamed }, told) {
  const pay = { name: NAME, description: DESCRIPTION, parameters: PARAMETERS, parse: JSON.parse, function: told.pay };
  const runner = openai(url).chat.completions.runTools({
    model: "m",
    messages: asked(text),
    tools: [{ type: "function", function: pay }],
    stream: is_streamed,
  });
  runner.on("chunk", (chunk) => {
    told.chunks.push(chunk);
    told.think(chunk.choices[0]?.delta.reasoning_content);
  });
  runner.on("message", (message) => told.objects.push(message));
  runner.on("chatCompletion", (completion) => (told.ended = completion.choices[0].finish_reason));
  await runner.done();
  for (const message of told.objects.filter((each) => each.role === "assistant")) {
    told.say(message.content);
    if (is_streamed) delete message.reasoning_content; // the runner keeps the last piece alone
    told.think(message.reasoning_content);
    for (const { function: each } of message.tool_calls ?? []) told.call(each.name, JSON.parse(each.arguments));
  }
}

/** Reads the events of a stream through the helper, and then the response that it put together. */
async function responses({ url, text, is_streamed }, told) {
  const question = { model: "m", input: text };
  const client = openai(url).responses;
  if (is_streamed) {
    const stream = client.stream(question);
    for await (const event of stream) told.chunks.push(event);
    told.objects.push(await stream.finalResponse());
  } else {
    told.objects.push(await client.create(question));
  }
  const [response] = told.objects;
  told.say(response.output_text);
  told.ended = response.incomplete_details?.reason ?? response.status;
  for (const item of response.output) {
    if (item.type === "reasoning") told.think(item.summary.map((each) => each.text).join(""));
    if (item.type === "function_call") told.call(item.name, JSON.parse(item.arguments));
  }
}

export const OPENAI = { "openai-run-tools": runTools, "openai-responses-helper": responses };
