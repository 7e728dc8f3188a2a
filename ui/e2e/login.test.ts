// Logging in: by token, by link, wrongly; and what may never happen on the way.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually, House, launch, TOKEN, visit } from "./house.ts";

let house: House;
let browser: Browser;

beforeAll(async () => {
  [house, browser] = await Promise.all([House.build(), launch()]);
});

afterAll(async () => {
  await browser.close();
  await house.tearDown();
});

test("g19: a pasted token is one step, and the tab remembers it", async () => {
  const { page, complaints } = await visit(browser);
  await page.goto(house.url);
  await page.getByLabel("Gateway token or password").fill(TOKEN);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Main session" }).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Main session" }).waitFor();
  expect(await page.evaluate(() => localStorage.getItem("chela.token"))).toBeNull();
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByLabel("Gateway token or password").waitFor();
  expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
  expect(complaints).toEqual([]);
});

test("a wrong token says what to do and forgets itself", async () => {
  const { page } = await visit(browser);
  await page.goto(house.url);
  await page.getByLabel("Gateway token or password").fill("wrong");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByText("That is not the token of this gateway").waitFor();
  expect(await page.evaluate(() => sessionStorage.getItem("chela.token"))).toBeNull();
});

test("g21: a token in a link leaves the address at once and is in no request", async () => {
  const { page } = await visit(browser);
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("websocket", (socket) => asked.push(socket.url()));
  await page.goto(`${house.url}/chat#token=${TOKEN}`);
  await page.getByRole("heading", { name: "Main session" }).waitFor();
  expect(page.url()).not.toContain(TOKEN);
  expect(asked.filter((url) => url.includes(TOKEN) && !url.includes("#"))).toEqual([]);
});

test("g19, g21: a link of `chela open` logs in once, and the tab stays logged in", async () => {
  const { page } = await visit(browser);
  const { url } = JSON.parse(house.run("open", "--json")) as { url: string };
  await page.goto(url);
  await page.getByRole("heading", { name: "Main session" }).waitFor();
  expect(page.url()).not.toContain("#");
  await page.reload();
  await page.getByRole("heading", { name: "Main session" }).waitFor();
  const other = await visit(browser);
  await other.page.goto(url);
  await other.page.getByText("This link has been used or is too old").waitFor();
});

test("a link to another gateway asks before anything is connected", async () => {
  const { page } = await visit(browser);
  const sockets: string[] = [];
  page.on("websocket", (socket) => sockets.push(socket.url()));
  await page.goto(`${house.url}/?gatewayUrl=wss://evil.example/steal?x=1#token=${TOKEN}`);
  await page.getByRole("heading", { name: "Another gateway?" }).waitFor();
  expect(sockets).toEqual([]);
  expect(await page.getByRole("link", { name: "Open evil.example instead" }).getAttribute("href")).toBe("https://evil.example/");
  await page.getByRole("button", { name: "Stay with this gateway" }).click();
  await page.getByRole("heading", { name: "Main session" }).waitFor();
  await eventually(() => sockets.length === 1 && sockets[0] === `${house.url.replace("http", "ws")}/`);
  expect(page.url()).not.toContain("gatewayUrl");
});
