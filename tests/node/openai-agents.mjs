/** @openai/agents: an agent over each of its models. */

import { Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, run, setTracingDisabled, tool } from "@openai/agents";

import { openai } from "./openai.mjs";
import { DESCRIPTION, NAME, SCHEMA } from "./told.mjs";

setTracingDisabled(true);

/** Its chat model reads reasoning where Groq says it: in `reasoning`. */
const over = (Model) => async ({ url, text, is_streamed }, told) => {
  const pay = tool({ name: NAME, description: DESCRIPTION, parameters: SCHEMA, execute: told.pay });
  const agent = new Agent({ name: "payer", model: new Model(openai(`${url}/openai`), "m"), tools: [pay] });
  const result = await run(agent, text, { stream: is_streamed });
  if (is_streamed) {
    for await (const event of result) if (event.type === "raw_model_stream_event") told.chunks.push(event.data);
    await result.completed;
  }
  for (const { rawItem } of result.newItems) {
    told.objects.push(rawItem);
    if (rawItem.type === "message") told.say(rawItem.content.map((part) => part.text ?? part.refusal).join(""));
    if (rawItem.type === "reasoning") told.think((rawItem.rawContent ?? rawItem.content).map((part) => part.text).join(""));
    if (rawItem.type === "function_call") told.call(rawItem.name, JSON.parse(rawItem.arguments));
  }
  told.ended = result.finalOutput;
};

export const AGENTS = {
  "openai-agents-chat": over(OpenAIChatCompletionsModel),
  "openai-agents-responses": over(OpenAIResponsesModel),
};
