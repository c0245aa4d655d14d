import chromium from "@sparticuz/chromium";
import { chromium as playwright } from "playwright-core";

/**
 * A browser that needs nothing of the machine: its program and the libraries it wants come out of the package. Not with
 * the package's own arguments, which are for one page: a browser in a single process is gone with the first one closed.
 */
export async function launched() {
  const args = ["--no-sandbox", "--disable-gpu", "--font-render-hinting=none"];
  return playwright.launch({ executablePath: await chromium.executablePath(), args, headless: true });
}

/** A page that remembers what went wrong on it, and whom it asked. */
export async function opened(browser, options) {
  const page = await browser.newPage(options);
  const told = { errors: [], hosts: new Set() };
  page.on("pageerror", (error) => told.errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && told.errors.push(message.text()));
  page.on("request", (request) => /^https?:/.test(request.url()) && told.hosts.add(new URL(request.url()).host));
  return { page, told };
}
