/** langchain: an agent over each of its models. */

import { ChatAnthropic } from "@langchain/anthropic";
import { AIMessage, AIMessageChunk } from "@langchain/core/messages";
import { ChatOpenAI } from "@langchain/openai";
import { createAgent, tool } from "langchain";

import { DESCRIPTION, KEY, NAME, SCHEMA, asked } from "./told.mjs";

/** What a message says; ids that the kit makes up itself are left out. */
const plain = ({ type, content, tool_calls, response_metadata, usage_metadata, additional_kwargs }) => ({
  type,
  content,
  tool_calls,
  response_metadata,
  usage_metadata,
  additional_kwargs,
});

function ended({ generationInfo, message }) {
  const said = { ...message.additional_kwargs, ...message.response_metadata, ...generationInfo };
  return said.finish_reason ?? said.stop_reason ?? said.status ?? "";
}

function read(message, told) {
  told.say(message.text);
  told.think(message.additional_kwargs.reasoning_content);
  for (const block of message.contentBlocks) if (block.type === "reasoning") told.think(block.reasoning);
  for (const each of message.tool_calls ?? []) told.call(each.name, each.args);
}

/** The agent's messages behind the question; streamed, in the pieces that an application shows, and then as the agent keeps them. */
const over = (model) => async ({ url, text, is_streamed }, told) => {
  const pay = tool(told.pay, { name: NAME, description: DESCRIPTION, schema: SCHEMA });
  const agent = createAgent({ model: model(url), tools: [pay] });
  const callbacks = [{ handleLLMEnd: ({ generations: [[each]] }) => (told.ended = ended(each)) }];
  let messages;
  if (is_streamed) {
    const modes = { streamMode: ["messages", "values"], callbacks };
    for await (const [mode, value] of await agent.stream({ messages: asked(text) }, modes)) {
      if (mode === "values") messages = value.messages;
      else if (value[0] instanceof AIMessageChunk) told.chunks.push(plain(value[0]));
    }
  } else {
    ({ messages } = await agent.invoke({ messages: asked(text) }, { callbacks }));
  }
  for (const message of messages.slice(1)) {
    told.objects.push(plain(message));
    if (message instanceof AIMessage || message instanceof AIMessageChunk) read(message, told);
  }
};

const openai = (more) => (url) => new ChatOpenAI({ model: "m", apiKey: KEY, configuration: { baseURL: `${url}/v1` }, ...more });
const anthropic = (url) => new ChatAnthropic({ model: "claude-test", apiKey: KEY, anthropicApiUrl: url, maxTokens: 99 });

export const LANGCHAIN = {
  "langchain-openai-chat": over(openai({})),
  "langchain-openai-responses": over(openai({ useResponsesApi: true })),
  "langchain-anthropic": over(anthropic),
};
