import { expect, test } from "vitest";
import { channelWritings, discordInvite, modelWritings, replacesSecret, undoing, VENDORS, written } from "./plan.ts";

const vendor = (id: string) => VENDORS.find((one) => one.id === id)!;

test("a vendor needs a key and no more", () => {
  const file = written({ gateway: {} }, modelWritings({ vendor: vendor("anthropic"), key: "k", baseUrl: "", model: "" }));
  expect(file).toEqual({ gateway: {}, models: { providers: { anthropic: { apiKey: "k" } } } });
});

test("a server of one's own needs an address and a model", () => {
  const file = written({}, modelWritings({ vendor: vendor("own"), key: "", baseUrl: "http://x/v1", model: "m" }));
  expect(file).toEqual({
    models: { providers: { own: { baseUrl: "http://x/v1", api: "openai-completions", models: [{ id: "m" }] } } },
    agents: { defaults: { model: { primary: "own/m" } } },
  });
});

test("a model that was a text alone takes the longer form", () => {
  const file = { agents: { defaults: { model: "a/b" } } };
  expect(written(file, modelWritings({ vendor: vendor("openai"), key: "", baseUrl: "", model: "m" }))).toEqual({ agents: { defaults: { model: { primary: "openai/m" } } } });
});

test("what failed is taken back", () => {
  const file = { channels: { telegram: { enabled: false } } };
  const writings = channelWritings("telegram", "t");
  expect(written(written(file, writings), undoing(file, writings))).toEqual(file);
  expect(replacesSecret(file, writings)).toBe(false);
  expect(replacesSecret({ channels: { telegram: { botToken: "__OPENCLAW_REDACTED__" } } }, writings)).toBe(true);
});

test("a bot's invitation is made of its token's first part", () => {
  expect(discordInvite(`${btoa("123456789012345678")}.x.y`)).toContain("client_id=123456789012345678&");
  expect([discordInvite("nonsense"), discordInvite("")]).toEqual([null, null]);
});
