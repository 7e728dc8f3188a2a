// Pictures of every page, for the eye: light and dark, from a phone to a large screen. `cargo xtask ui-shots` runs it.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { PAGES } from "../src/pages/table.ts";
import { conversation, enter, House, launch, say, visit } from "./house.ts";

const FOLDER = process.env.CHELA_SHOTS ?? "shots";
const SIZES = [
  { name: "phone", viewport: { width: 320, height: 640 } },
  { name: "laptop", viewport: { width: 1280, height: 800 } },
  { name: "large", viewport: { width: 3840, height: 2160 } },
] as const;
const SCHEMES = ["light", "dark"] as const;

const PLAN = `Here is the plan:

1. Read the **configuration** and find what changed.
2. Run the checks.

\`\`\`rust
fn main() {
    let answer = 42; // known
    println!("{answer}");
}
\`\`\`

| Step | Takes |
|---|---|
| Read | a moment |
| Check | 2 minutes |

> Nothing is written before you say so.`;

let house: House;
let browser: Browser;

beforeAll(async () => {
  mkdirSync(FOLDER, { recursive: true });
  [house, browser] = await Promise.all([House.build(), launch()]);
  const { page } = await enter(browser, house);
  await talk(page);
  await page.context().close();
});

afterAll(async () => {
  await browser.close();
  await house.tearDown();
});

for (const { name: size, viewport } of SIZES) {
  for (const colorScheme of SCHEMES) {
    const look = { viewport, colorScheme, reducedMotion: "reduce" } as const;
    const file = (name: string) => join(FOLDER, `${name}-${size}-${colorScheme}.png`);

    test(`login, ${size}, ${colorScheme}`, async () => {
      const { page } = await visit(browser, look);
      await page.goto(house.url);
      await page.locator("#token").waitFor();
      await page.screenshot({ path: file("login") });
      await page.context().close();
    });

    test.each(PAGES.map(({ name }) => name))(`%s, ${size}, ${colorScheme}`, async (name) => {
      const { page } = await enter(browser, house, look);
      await page.goto(`${house.url}/${name}`);
      await page.locator(`page-${name}`).waitFor();
      await page.locator(".skeleton").first().waitFor({ state: "detached" });
      if (name === "chat") await conversation(page).getByText("All checks are green.").waitFor();
      await page.screenshot({ path: file(name) });
      await page.context().close();
    });
  }
}

async function talk(page: Page): Promise<void> {
  house.model.answers(({ words, results }) => {
    if (words.includes("plan")) return [{ text: PLAN }];
    return results === 0 ? [{ thinking: "I look at the folder first." }, { tool: "ls", input: { path: "." } }] : [{ text: "All checks are green." }];
  });
  await say(page, "Make a plan for the upgrade.");
  await conversation(page).getByText("Nothing is written").waitFor();
  await say(page, "Good. Go on.");
  await conversation(page).getByText("All checks are green.").waitFor();
}
