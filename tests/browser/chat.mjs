import { createServer } from "node:http";

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { convertToModelMessages, streamText } from "ai";
import { build } from "esbuild";

import { opened } from "./launch.mjs";

export const RENDERERS = ["react-markdown", "streamdown"];

const HTML = `<!doctype html><meta charset="utf-8"><title>chat</title><div id="root"></div><script src="/page.js"></script>`;

/** A chat interface as an application has it: `useChat` in the browser, `streamText` behind it, a guarded model. */
export class Chats {
  constructor(browser) {
    this.browser = browser;
  }

  /** What a person sees of the answer: the DOM of the message, its text, and what went wrong. */
  async seen(renderer, url, text) {
    await this.start();
    this.url = url;
    const { page, told } = await opened(this.browser);
    await page.goto(`${this.address}/?renderer=${renderer}`);
    await page.fill("input", text);
    await page.press("input", "Enter");
    await page.waitForSelector('[data-status="ready"] .assistant[data-over], [data-status="error"]');
    const answer = page.locator(".assistant .shown").last();
    const found = (await answer.count()) > 0;
    const seen = {
      status: await page.getAttribute("[data-status]", "data-status"),
      html: found ? await answer.innerHTML() : "",
      text: found ? await answer.innerText() : "",
      written: found ? await page.locator(".assistant .written").last().textContent() : "",
      page: await page.innerText("body"),
    };
    await page.close();
    return { ...seen, errors: told.errors };
  }

  async start() {
    if (this.server) return;
    const bundle = await build({
      entryPoints: ["page.jsx"],
      bundle: true,
      write: false,
      format: "iife",
      jsx: "automatic",
      loader: { ".css": "empty", ".woff2": "empty", ".woff": "empty", ".ttf": "empty" },
      define: { "process.env.NODE_ENV": '"production"' },
      logLevel: "silent",
    });
    const script = bundle.outputFiles[0].contents;
    this.server = createServer((request, response) => this.#serve(request, response, script));
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.address = `http://127.0.0.1:${this.server.address().port}`;
  }

  async stop() {
    this.server?.closeAllConnections();
    this.server?.close();
  }

  async #serve(request, response, script) {
    if (request.url.startsWith("/api/chat")) return this.#answer(request, response);
    const isScript = request.url === "/page.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : HTML);
  }

  async #answer(request, response) {
    const parts = [];
    for await (const part of request) parts.push(part);
    const { messages } = JSON.parse(Buffer.concat(parts).toString());
    const provider = createOpenAICompatible({ name: "guarded", baseURL: `${this.url}/v1`, apiKey: "none" });
    const answer = streamText({
      model: provider("scripted"),
      messages: await convertToModelMessages(messages),
      maxRetries: 0,
      onError: () => {},
    });
    answer.pipeUIMessageStreamToResponse(response);
  }
}
