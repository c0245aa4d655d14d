import { createServer } from "node:http";

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { convertToModelMessages, streamText } from "ai";
import { build } from "esbuild";

import { opened } from "./launch.mjs";

export const RENDERERS = ["react-markdown", "streamdown"];

const HTML = `<!doctype html><meta charset="utf-8"><title>chat</title><div id="root"></div><script src="/page.js"></script>`;

/** What the rest of the world answers. */
const PICTURE = { contentType: "image/svg+xml", body: '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>' };

/** Whether a page has so many answers, or an error. */
function isAnswered(answers) {
  const { status } = document.querySelector("main").dataset;
  return status === "error" || (status === "ready" && document.querySelectorAll(".assistant").length === answers);
}

/** A chat interface as an application has it: `useChat` in the browser, `streamText` behind it, a guarded model. */
export class Chats {
  constructor(browser) {
    this.browser = browser;
    this.pages = {};
    this.chats = 0;
  }

  /** What a person sees of the last answer, to a message a line: the DOM, its text, and what went wrong. */
  async seen(renderer, url, text) {
    await this.start();
    this.url = url;
    const { page, told } = (this.pages[renderer] ??= await this.#open());
    const chat = `#${++this.chats}`;
    told.errors = [];
    await page.goto(`${this.address}/?renderer=${renderer}${chat}`);
    await page.waitForSelector(`[data-chat="${chat}"]`);
    for (const [number, said] of text.split("\n").entries()) {
      await page.fill("input", said);
      await page.press("input", "Enter");
      await page.waitForFunction(isAnswered, number + 1);
    }
    const answer = page.locator(".assistant .shown").last();
    const found = (await answer.count()) > 0;
    const seen = {
      status: await page.getAttribute("[data-status]", "data-status"),
      html: found ? await answer.innerHTML() : "",
      text: found ? await answer.innerText() : "",
      written: found ? await page.locator(".assistant .written").last().textContent() : "",
      page: await page.innerText("body"),
    };
    return { ...seen, errors: told.errors };
  }

  async #open() {
    const found = await opened(this.browser);
    await found.page.route((asked) => asked.hostname !== "127.0.0.1", (route) => route.fulfill(PICTURE));
    return found;
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
