// The world of the tests in a real browser: the real gateway in a folder of its own, a model that says what a test tells it to, and
// Chromium. Programs are named by the environment: `CHELA_BINARY` and `CHELA_BROWSER`; `cargo xtask ui-test` sets both. With
// `CHELA_UI_OVER=dist`, a fresh `vite build` lies over the page within the binary, so that nothing of Rust is built again.

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Locator, type Page, type Route } from "playwright-core";
import { FakeModel } from "./model.ts";

export const TOKEN = "a-token-of-the-browser-tests";
const OVER = process.env.CHELA_UI_OVER;
const TYPES: Record<string, string> = { ".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml" };
const START_MS = 20_000;
const LOOK_AGAIN_MS = 50;

/** A gateway that runs, or will again. */
export class House {
  readonly model = new FakeModel();
  readonly #home = mkdtempSync(join(tmpdir(), "chela-ui-"));
  #gateway: ChildProcess | null = null;
  #port = 0;
  #said = "";

  /** Starts the model and the gateway. `config` is laid over what a test needs. */
  static async build(config: object = {}): Promise<House> {
    const house = new House();
    await house.model.listen();
    house.#port = await freePort();
    mkdirSync(join(house.#home, ".chela"));
    writeFileSync(house.configFile, JSON.stringify({ ...house.#config(), ...config }));
    await house.start();
    return house;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get configFile(): string {
    return join(this.#home, ".chela", "chela.json");
  }

  async start(): Promise<void> {
    const { PATH } = process.env;
    const gateway = spawn(program("CHELA_BINARY"), ["gateway", "--port", String(this.#port), "--token", TOKEN], {
      env: { HOME: this.#home, PATH },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [gateway.stdout, gateway.stderr]) stream.on("data", (words: Buffer) => (this.#said += words.toString()));
    this.#gateway = gateway;
    await eventually(async () => {
      if (gateway.exitCode !== null) throw new Error(`the gateway ended:\n${this.#said}`);
      return (await fetch(`${this.url}/readyz`).catch(() => null))?.ok === true;
    }, START_MS);
  }

  /** Runs a command of the program beside the gateway, and gives what it prints. */
  run(...command: readonly string[]): string {
    const { PATH } = process.env;
    return execFileSync(program("CHELA_BINARY"), command, { env: { HOME: this.#home, PATH, CHELA_GATEWAY_TOKEN: TOKEN }, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  }

  /** As the kernel does it, without a last word. */
  async kill(): Promise<void> {
    const gateway = this.#gateway;
    if (!gateway || gateway.exitCode !== null) return;
    const gone = new Promise((resolve) => gateway.once("exit", resolve));
    gateway.kill("SIGKILL");
    await gone;
  }

  async tearDown(): Promise<void> {
    await this.kill();
    await this.model.close();
    rmSync(this.#home, { recursive: true, force: true });
  }

  #config(): object {
    const cost = { input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75 };
    const provider = { baseUrl: this.model.url, api: "openai-completions", apiKey: "k", models: [{ id: "big", contextWindow: 200_000, cost }, { id: "small" }] };
    return {
      gateway: { mode: "local" },
      models: { providers: { fake: provider } },
      agents: { defaults: { model: { primary: "fake/big" } } },
    };
  }
}

/** A page of the browser, with everything that it complained about. */
export interface Visit {
  readonly page: Page;
  readonly complaints: string[];
}

export async function launch(): Promise<Browser> {
  // A page that was laid over comes from no network, and may otherwise not reach loopback.
  const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-features=LocalNetworkAccessChecks"];
  return chromium.launch({ executablePath: program("CHELA_BROWSER"), args });
}

export async function visit(browser: Browser, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-US", ...options });
  if (OVER) await layOver(context, OVER);
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const complaints: string[] = [];
  page.on("console", (message) => void (message.type() === "error" && complaints.push(message.text())));
  page.on("pageerror", (error) => void complaints.push(String(error)));
  return { page, complaints };
}

/** A page that is logged in and shows the main session. */
export async function enter(browser: Browser, house: House, options: BrowserContextOptions = {}): Promise<Visit> {
  const visited = await visit(browser, options);
  await visited.page.goto(`${house.url}/#token=${TOKEN}`);
  await visited.page.locator("page-chat").waitFor();
  return visited;
}

/** What is seen of the conversation, without what is read out to those who listen. */
export function conversation(page: Page): Locator {
  return page.getByRole("region", { name: "Conversation" });
}

/** Writes a message and sends it. */
export async function say(page: Page, words: string): Promise<void> {
  await page.getByRole("textbox", { name: "Message", exact: true }).fill(words);
  await page.keyboard.press("Enter");
}

/** Waits until something holds; fails when it doesn't in time. */
export async function eventually(holds: () => Promise<boolean> | boolean, timeoutMs = 10_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`it did not come true in ${timeoutMs} ms: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

/** Files of the folder answer in place of the gateway's own, under the gateway's own rules; addresses within the page with its index. */
async function layOver(context: BrowserContext, folder: string): Promise<void> {
  await context.route(/^http:\/\/127\.0\.0\.1/, async (route: Route) => {
    const { pathname, origin } = new URL(route.request().url());
    const file = join(folder, decodeURIComponent(pathname));
    const isFile = existsSync(file) && statSync(file).isFile();
    if (!isFile && extname(pathname) !== "" && !pathname.startsWith("/chat/")) return route.continue();
    const shown = isFile ? file : join(folder, "index.html");
    const rules = (await fetch(`${origin}/`)).headers.get("content-security-policy") ?? "";
    const headers = { "content-type": TYPES[extname(shown)] ?? "text/plain", "content-security-policy": rules };
    await route.fulfill({ headers, body: readFileSync(shown) });
  });
}

function program(name: string): string {
  const path = process.env[name];
  if (!path) throw new Error(`${name} names no program; run \`cargo xtask ui-test\``);
  return path;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
