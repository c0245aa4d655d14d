/**
 * Asks models through the clients of their applications: a line of JSON in for each question, a line out for what the
 * client made of the answer.
 *
 *     {"kit": "ollama", "url": "http://127.0.0.1:8080", "text": "hi", "is_streamed": true}
 *
 * It knows nothing of what stands behind the URL.
 */

import { createInterface } from "node:readline";

import { ANTHROPIC } from "./anthropic.mjs";
import { LANGCHAIN } from "./langchain.mjs";
import { OLLAMA } from "./ollama.mjs";
import { AGENTS } from "./openai-agents.mjs";
import { OPENAI } from "./openai.mjs";
import { STRUCTURED } from "./structured.mjs";
import { Told } from "./told.mjs";
import { VERCEL } from "./vercel.mjs";

const KITS = { ...OPENAI, ...ANTHROPIC, ...VERCEL, ...LANGCHAIN, ...AGENTS, ...OLLAMA, ...STRUCTURED };

async function answer(question) {
  const told = new Told();
  try {
    await KITS[question.kit](question, told);
  } catch (error) {
    told.error = `${error.constructor.name}: ${error.message}`;
  }
  return told;
}

console.log = console.warn = console.error;
process.on("unhandledRejection", (error) => console.error(error));

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + "\n");
}
