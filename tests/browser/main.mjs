/**
 * Shows pages in a real browser: a line of JSON in for each question, a line out for what was to be seen.
 *
 *     {"kit": "console", "url": "http://127.0.0.1:9464/", "text": "id of a stream", "is_streamed": false}
 *     {"kit": "trace", "url": "http://127.0.0.1:6006/redirects/traces/ID", "text": "picture.png", "is_streamed": false}
 *     {"kit": "react-markdown", "url": "http://127.0.0.1:8080", "text": "hi", "is_streamed": true}
 */

import { createInterface } from "node:readline";

import { Chats, RENDERERS } from "./chat.mjs";
import { seenOnConsole } from "./console.mjs";
import { launched } from "./launch.mjs";
import { seenOfTrace } from "./trace.mjs";

const browser = await launched();
const chats = new Chats(browser);

async function answer({ kit, url, text }) {
  try {
    if (kit === "console") return await seenOnConsole(browser, url, text);
    if (kit === "trace") return await seenOfTrace(browser, url, text);
    if (RENDERERS.includes(kit)) return await chats.seen(kit, url, text);
    throw new Error(`there is no kit ${kit}`);
  } catch (error) {
    return { error: `${error.constructor.name}: ${error.message}` };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + "\n");
}
await chats.stop();
await browser.close();
