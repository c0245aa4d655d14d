/** Kits that read an answer as an object: what each makes of one that is no JSON any more. */

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ChatOpenAI } from "@langchain/openai";
import { Agent, OpenAIChatCompletionsModel, run } from "@openai/agents";
import { generateObject } from "ai";
import { zodResponseFormat } from "openai/helpers/zod";

import { openai } from "./openai.mjs";
import { KEY, SCHEMA, asked } from "./told.mjs";

const parse = ({ url, text }) =>
  openai(url).chat.completions.parse({
    model: "m",
    messages: asked(text),
    response_format: zodResponseFormat(SCHEMA, "paid"),
  });

function object({ url, text }) {
  const model = createOpenAICompatible({ name: "ours", baseURL: `${url}/v1`, apiKey: KEY })("m");
  return generateObject({ model, schema: SCHEMA, prompt: text });
}

/** By default it asks seven times: it takes what openai's `parse` raises for a fault of the network. */
function langchain({ url, text }) {
  const model = new ChatOpenAI({ model: "m", apiKey: KEY, configuration: { baseURL: `${url}/v1` }, maxRetries: 0 });
  return model.withStructuredOutput(SCHEMA).invoke(text);
}

function agent({ url, text }) {
  const model = new OpenAIChatCompletionsModel(openai(url), "m");
  return run(new Agent({ name: "payer", model, outputType: SCHEMA }), text);
}

export const STRUCTURED = {
  "openai-parse": parse,
  "ai-object": object,
  "langchain-structured": langchain,
  "openai-agents-output": agent,
};
