/** ai: its tool loop whole, and streamed as a user interface reads it, over each of its providers. */

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, readUIMessageStream, stepCountIs, streamText, tool } from "ai";

import { DESCRIPTION, KEY, NAME, SCHEMA } from "./told.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;

/** Names that the kit makes up and times that it takes, which differ from run to run. */
const MADE_UP = new Set(["messageId", "timestamp", "generated-id"]);
const settled = (value) => JSON.parse(JSON.stringify(value, (key, each) => (MADE_UP.has(key) ? undefined : each)));

async function generate(question, told) {
  const result = await generateText(question);
  told.ended = result.finishReason;
  for (const step of result.steps) {
    told.objects.push(settled({ content: step.content, ended: step.finishReason, usage: step.usage }));
    told.say(step.text);
    told.think(step.reasoningText);
    for (const each of step.toolCalls) told.call(each.toolName, each.input);
  }
}

/** The message that a user interface puts together from the stream that a server sent it. */
async function stream(question, told) {
  const raised = [];
  const onError = ({ error }) => raised.push(error);
  const result = streamText({ ...question, onError });
  const [sent, read] = result.toUIMessageStream({ onError: String }).tee();
  for await (const chunk of sent) told.chunks.push(settled(chunk));
  let message;
  for await (message of readUIMessageStream({ stream: read, onError: (error) => raised.push(error) }));
  told.objects.push(settled(message ?? {}));
  for (const part of message?.parts ?? []) {
    if (part.type === "text") told.say(part.text);
    if (part.type === "reasoning") told.think(part.text);
    if (part.type.startsWith("tool-")) told.call(part.type.slice("tool-".length), part.input);
  }
  for (const error of raised) throw error;
  told.ended = await result.finishReason;
}

const over = (model) => async ({ url, text, is_streamed }, told) => {
  const pay = tool({ description: DESCRIPTION, inputSchema: SCHEMA, execute: told.pay });
  const question = { model: model(url), prompt: text, tools: { [NAME]: pay }, stopWhen: stepCountIs(5) };
  await (is_streamed ? stream : generate)(question, told);
};

const openai = (url) => createOpenAI({ baseURL: `${url}/v1`, apiKey: KEY });
const compatible = (url) => createOpenAICompatible({ name: "ours", baseURL: `${url}/v1`, apiKey: KEY });
const anthropic = (url) => createAnthropic({ baseURL: `${url}/v1`, apiKey: KEY });

export const VERCEL = {
  "ai-openai-responses": over((url) => openai(url).responses("m")),
  "ai-openai-chat": over((url) => openai(url).chat("m")),
  "ai-openai-compatible": over((url) => compatible(url)("m")),
  "ai-anthropic": over((url) => anthropic(url)("m")),
};
