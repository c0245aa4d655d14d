/** ollama: it has no tool loop of its own, so this is the one of its examples. */

import { Ollama } from "ollama";

import { DESCRIPTION, NAME, PARAMETERS, asked } from "./told.mjs";

const TOOL = { type: "function", function: { name: NAME, description: DESCRIPTION, parameters: PARAMETERS } };

/** One answer, put together. */
async function ask(client, messages, is_streamed, told) {
  const question = { model: "m", messages, tools: [TOOL] };
  if (!is_streamed) return client.chat({ ...question, stream: false });
  const message = { role: "assistant", content: "", thinking: "", tool_calls: [] };
  let last;
  for await (const chunk of await client.chat({ ...question, stream: true })) {
    told.chunks.push(chunk);
    message.content += chunk.message.content ?? "";
    message.thinking += chunk.message.thinking ?? "";
    message.tool_calls.push(...(chunk.message.tool_calls ?? []));
    last = chunk;
  }
  return { ...last, message };
}

async function loop({ url, text, is_streamed }, told) {
  const messages = asked(text);
  const client = new Ollama({ host: url });
  for (;;) {
    const answer = await ask(client, messages, is_streamed, told);
    const { content, thinking, tool_calls: calls = [] } = answer.message;
    told.objects.push(answer);
    told.say(content);
    told.think(thinking);
    told.ended = answer.done_reason;
    messages.push(answer.message);
    for (const { function: each } of calls) {
      told.call(each.name, each.arguments);
      messages.push({ role: "tool", tool_name: each.name, content: await told.pay(each.arguments) });
    }
    if (!calls.length) return;
  }
}

export const OLLAMA = { ollama: loop };
