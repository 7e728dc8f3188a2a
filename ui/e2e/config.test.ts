// The configuration: changed by the form and as text, shown before it is saved, refused at its place, and never over somebody else's.

import { readFileSync, writeFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { enter, eventually, House, launch } from "./house.ts";

let house: House;
let browser: Browser;
let untouched = "";

beforeAll(async () => {
  [house, browser] = await Promise.all([House.build(), launch()]);
  untouched = `// A comment that stays.\n${readFileSync(house.configFile, "utf8")}`;
});

afterAll(async () => {
  await browser.close();
  await house.tearDown();
});

beforeEach(() => writeFileSync(house.configFile, untouched));

test("a value is found, changed, shown and saved; the rest of the file stays", async () => {
  const { page, complaints } = await visitConfig();
  await page.getByRole("searchbox", { name: "Search settings" }).fill("which addresses to listen");
  await page.getByLabel("Bind", { exact: true }).selectOption("loopback");
  await page.getByRole("button", { name: "Review changes" }).click();
  await page.getByRole("dialog").getByText("gateway.bind").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await page.getByText("At the next start of the gateway takes effect: gateway.bind").waitFor();
  const text = readFileSync(house.configFile, "utf8");
  expect([text.includes("// A comment that stays."), /"?bind"?: "loopback"/.test(text), text.includes('"apiKey":"k"')]).toEqual([true, true, true]);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("what the gateway can't use is said at its place, and nothing is saved", async () => {
  const { page } = await visitConfig();
  await page.getByLabel("Port", { exact: true }).fill("99999");
  await page.getByLabel("Port", { exact: true }).blur();
  await page.getByRole("button", { name: "Review changes" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await page.getByText("Nothing was saved").waitFor();
  expect(await page.getByLabel("Port", { exact: true }).getAttribute("aria-invalid")).toBe("true");
  expect(readFileSync(house.configFile, "utf8")).toBe(untouched);
  await page.getByRole("button", { name: "Discard" }).click();
  await page.context().close();
});

test("secrets aren't shown, and stay when the text around them is changed", async () => {
  const { page } = await visitConfig();
  await page.getByRole("tab", { name: "Text" }).click();
  const box = page.getByRole("textbox", { name: "Text" });
  const shown = await box.inputValue();
  expect([shown.includes("__OPENCLAW_REDACTED__"), shown.includes('"apiKey":"k"')]).toEqual([true, false]);
  await box.fill(shown.replace("A comment that stays", "A better comment"));
  await page.getByRole("button", { name: "Review changes" }).click();
  await page.getByRole("dialog").getByText("// A better comment.").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved, and in force.").waitFor();
  expect(readFileSync(house.configFile, "utf8")).toBe(untouched.replace("A comment that stays", "A better comment"));
  await page.context().close();
});

test("somebody else's change is told, and both are kept", async () => {
  const { page } = await visitConfig();
  await page.getByLabel("Custom bind host").fill("127.0.0.2");
  writeFileSync(house.configFile, untouched.replace('"mode":"local"', '"mode":"local","trustedProxies":["10.0.0.1"]'));
  await page.getByText("Somebody else changed the configuration while you did.").waitFor();
  await page.getByRole("button", { name: "Keep my changes" }).click();
  await page.getByRole("button", { name: "Review changes" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await eventually(() => readFileSync(house.configFile, "utf8").includes("127.0.0.2"));
  expect(readFileSync(house.configFile, "utf8")).toContain("10.0.0.1");
  await page.context().close();
});

async function visitConfig(): Promise<{ page: Page; complaints: string[] }> {
  const visited = await enter(browser, house);
  await visited.page.goto(`${house.url}/config`);
  await visited.page.getByLabel("Port", { exact: true }).waitFor();
  return visited;
}
