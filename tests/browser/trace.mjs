import { opened } from "./launch.mjs";

/** What Phoenix shows of a trace: the page's text, once its tree of spans is there; and a picture, if a file is named. */
export async function seenOfTrace(browser, url, picture) {
  const { page, told } = await opened(browser, { viewport: { width: 1400, height: 860 }, colorScheme: "light" });
  await page.goto(url);
  await page.getByText("guardrail default").nth(1).waitFor();
  await page.getByText("guardrail default").nth(1).click();
  await page.getByText("violated_rules").first().waitFor();
  const seen = { text: await page.innerText("body") };
  if (picture) await page.screenshot({ path: picture });
  await page.close();
  return { ...seen, hosts: [...told.hosts] };
}
