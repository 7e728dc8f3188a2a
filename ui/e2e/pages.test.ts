// Every page: opens without complaint, fits small and large windows, and axe finds no fault, in light and dark.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PAGES } from "../src/pages/table.ts";
import { conversation, enter, House, launch, say } from "./house.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

let house: House;
let browser: Browser;

beforeAll(async () => {
  [house, browser] = await Promise.all([House.build(), launch()]);
});

afterAll(async () => {
  await browser.close();
  await house.tearDown();
});

const LOOKS = [
  { colorScheme: "light", viewport: { width: 1280, height: 800 } },
  { colorScheme: "dark", viewport: { width: 320, height: 640 } },
] as const;

for (const look of LOOKS) {
  test.each(PAGES.map(({ name }) => name))(`%s at ${look.viewport.width} px, ${look.colorScheme}`, async (name) => {
    const { page, complaints } = await enter(browser, house, { ...look, bypassCSP: true, reducedMotion: "reduce" });
    if (name === "chat") await fillChat(page);
    await page.goto(`${house.url}/${name}`);
    await page.locator(`page-${name}`).waitFor();
    await page.locator(".skeleton").first().waitFor({ state: "detached" });
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
    expect(await faults(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
}

test("everything is reached by keys alone", async () => {
  const { page } = await enter(browser, house);
  await page.keyboard.press("Control+k");
  await page.keyboard.type("devices");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Devices", level: 1 }).waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("c");
  await page.getByRole("heading", { name: "Main session" }).waitFor();
});

test("the page speaks the browser's language, and another one when asked", async () => {
  const { page } = await enter(browser, house, { locale: "zh-TW" });
  await page.getByRole("link", { name: "裝置" }).waitFor();
  await page.getByRole("combobox", { name: "語言" }).selectOption("zh-CN");
  await page.getByRole("link", { name: "设备" }).waitFor();
  expect(await page.evaluate(() => document.documentElement.lang)).toBe("zh-CN");
});

async function fillChat(page: Page): Promise<void> {
  house.model.answers(({ results }) => (results === 0 ? [{ tool: "ls", input: { path: "." } }] : [{ text: "# A title\n\nWords and `code`.\n\n```js\nlet a = 1; // note\n```\n\n|a|b|\n|-|-|\n|1|2|" }]));
  await say(page, "show me");
  await conversation(page).getByRole("heading", { name: "A title" }).last().waitFor();
}

/** What axe finds, in a line each. */
async function faults(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate((rules) => {
    const { axe } = globalThis as unknown as { axe: { run(options: object): Promise<Report> } };
    return axe.run({ runOnly: { type: "tag", values: rules } });
  }, RULES);
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 120)} ${failureSummary ?? ""}`));
}

interface Report {
  readonly violations: readonly { readonly id: string; readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[] }[];
}
