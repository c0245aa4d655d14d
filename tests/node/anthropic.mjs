/** @anthropic-ai/sdk: its tool runner. */

import Anthropic from "@anthropic-ai/sdk";

import { DESCRIPTION, KEY, NAME, PARAMETERS, asked } from "./told.mjs";

async function toolRunner({ url, text, is_streamed }, told) {
  const runner = new Anthropic({ baseURL: url, apiKey: KEY }).beta.messages.toolRunner({
    model: "m",
    max_tokens: 99,
    messages: asked(text),
    tools: [{ name: NAME, description: DESCRIPTION, input_schema: PARAMETERS, parse: (input) => input, run: told.pay }],
    stream: is_streamed,
  });
  for await (const each of runner) {
    if (is_streamed) for await (const event of each) told.chunks.push(event);
    told.objects.push(is_streamed ? await each.finalMessage() : each);
  }
  for (const message of told.objects) {
    told.ended = message.stop_reason;
    for (const block of message.content) {
      told.say(block.text);
      told.think(block.thinking);
      if (block.type === "tool_use") told.call(block.name, block.input);
    }
  }
}

export const ANTHROPIC = { "anthropic-tool-runner": toolRunner };
