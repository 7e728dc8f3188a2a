// Walks pages of the stock Control UI in a browser and prints one JSON line for each: which calls the gateway refused, and
// what the page itself threw. The files of the page are laid over the gateway's own address, so that to both sides it is the
// page of this gateway. Takes one argument, JSON: {playwright, browser, assets, url, token, message, answer, pages, shots}; `shots`
// is a folder for a picture of each view, or null.

import { existsSync, readFileSync, statSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const TYPES = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".woff2": "font/woff2",
};
// Until a page that was shown has asked all that it asks.
const SETTLE_MS = 3_000;
const ANSWER_MS = 30_000;

const asked = JSON.parse(process.argv[2]);
const { chromium } = await import(pathToFileURL(join(asked.playwright, "index.mjs")));
const browser = await chromium.launch({
  executablePath: asked.browser,
  // A page that was laid over comes from no network, and may otherwise not reach loopback.
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-features=LocalNetworkAccessChecks"],
});
try {
  await walk(await browser.newContext({ viewport: { width: 1400, height: 900 }, serviceWorkers: "block" }));
} finally {
  await browser.close();
}

async function walk(context) {
  await context.route((url) => url.origin === asked.url, layOver);
  const page = await context.newPage();
  const seen = watch(page);
  await page.goto(`${asked.url}/chat#token=${asked.token}`);
  await page.waitForTimeout(2 * SETTLE_MS);
  tell("/chat", seen);
  await chat(page, seen);
  for (const path of asked.pages) {
    await page.evaluate((path) => {
      history.pushState({}, "", path);
      window.dispatchEvent(new PopStateEvent("popstate"));
    }, path);
    await page.waitForTimeout(SETTLE_MS);
    if (asked.shots) await page.screenshot({ path: join(asked.shots, `${path.slice(1).replaceAll("/", "-")}.png`) });
    tell(path, seen);
  }
}

// Says something and waits for the answer that the fake model gives.
async function chat(page, seen) {
  try {
    const composer = page.getByPlaceholder(/Message/).first();
    await composer.fill(asked.message, { timeout: ANSWER_MS });
    await composer.press("Enter");
    await page.getByText(asked.answer).first().waitFor({ timeout: ANSWER_MS });
  } catch (error) {
    seen.thrown.push(String(error).split("\n")[0]);
  }
  await page.waitForTimeout(SETTLE_MS);
  tell("a message in /chat", seen);
}

// Files of the stock page answer from the folder, addresses of its views with its index; everything else is the gateway's.
async function layOver(route) {
  const path = decodeURIComponent(new URL(route.request().url()).pathname);
  const root = resolve(asked.assets);
  const file = resolve(join(root, path));
  const isFile = file.startsWith(root) && existsSync(file) && statSync(file).isFile();
  if (!isFile && extname(path) !== "") return route.continue();
  const shown = isFile ? file : join(root, "index.html");
  await route.fulfill({ contentType: TYPES[extname(shown)] ?? "application/octet-stream", body: readFileSync(shown) });
}

function watch(page) {
  const seen = { refused: [], thrown: [], answered: 0 };
  page.on("pageerror", (error) => seen.thrown.push(String(error).slice(0, 200)));
  page.on("websocket", (socket) => {
    const pending = new Map();
    socket.on("framesent", ({ payload }) => {
      const frame = read(payload);
      if (frame?.type === "req") pending.set(frame.id, frame.method);
    });
    socket.on("framereceived", ({ payload }) => {
      const frame = read(payload);
      if (frame?.type !== "res") return;
      const method = pending.get(frame.id) ?? "?";
      if (frame.ok) seen.answered += 1;
      else seen.refused.push({ method, message: frame.error?.message ?? "" });
    });
  });
  return seen;
}

function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function tell(page, seen) {
  console.log(JSON.stringify({ page, ...seen }));
  Object.assign(seen, { refused: [], thrown: [], answered: 0 });
}
