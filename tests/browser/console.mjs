import { opened } from "./launch.mjs";

const WIDTHS = { desk: 1200, phone: 360 };

/** What an operator sees: texts, what was asked for a stream, and how it looks in two widths and two schemes. */
export async function seenOnConsole(browser, url, stream) {
  const { page, told } = await opened(browser, { viewport: { width: WIDTHS.desk, height: 1000 } });
  await page.goto(url);
  await page.waitForSelector("#policies tbody tr td:nth-child(2)");
  await page.fill("#stream", stream);
  await page.click("#stopped button");
  await page.waitForSelector("#answer p");
  const seen = {
    ready: await page.innerText("#ready"),
    streams: await page.innerText("#streams"),
    rules: await page.innerText("#rules tbody"),
    policies: await page.innerText("#policies tbody"),
    latest: await page.innerText("#latest tbody"),
    answer: await page.innerText("#answer"),
    bars: await page.locator("#held i").count(),
    grounds: {},
    overflow: {},
  };
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    seen.grounds[colorScheme] = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  }
  for (const [name, width] of Object.entries(WIDTHS)) {
    await page.setViewportSize({ width, height: 1000 });
    seen.overflow[name] = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  }
  await page.close();
  return { ...seen, errors: told.errors, hosts: [...told.hosts] };
}
