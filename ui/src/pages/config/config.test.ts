import { expect, test } from "vitest";
import { diff } from "./diff.ts";
import { below, isSecretAt, placeOf, search, titleOf, type Schema } from "./schema.ts";
import { at, changesBetween, patchBetween, patched, pathText, withValue } from "../../state/tree.ts";

const SCHEMA: Schema = {
  type: "object",
  properties: {
    gateway: { $ref: "#/$defs/Gateway", "x-reload": "hot" },
    agents: { type: "array", items: { type: "object", properties: { id: { type: "string" } } } },
    model: { anyOf: [{ anyOf: [{ type: "string" }, { type: "object", properties: { primary: { type: "string" } } }] }, { type: "null" }] },
    wide: { anyOf: [{ type: "boolean" }, { type: "string", enum: ["auto"] }] },
    later: { description: "Known and kept. No effect in this version.", "x-reload": "none" },
    providers: { type: "object", additionalProperties: { $ref: "#/$defs/Provider" } },
  },
  $defs: {
    Gateway: {
      type: "object",
      properties: {
        port: { type: ["integer", "null"], minimum: 1, maximum: 65535, description: "Where it listens.", "x-reload": "restart" },
        mode: { anyOf: [{ $ref: "#/$defs/Mode" }, { type: "null" }], description: "How it runs." },
        token: { anyOf: [{ $ref: "#/$defs/Secret" }, { type: "null" }] },
        origins: { type: "array", items: { type: "string" } },
      },
    },
    Mode: { oneOf: [{ type: "string", enum: ["local"] }, { type: "string", const: "remote", description: "Elsewhere." }] },
    Provider: { type: "object", properties: { apiKey: { $ref: "#/$defs/Secret" } } },
    Secret: { anyOf: [{ type: "string" }, { type: "object" }], "x-secret": true },
  },
};

const control = (key: string, value?: unknown) => placeOf(SCHEMA, SCHEMA.properties![key]!, [key], value).control.is;

test("each kind of place gets its control", () => {
  const top = placeOf(SCHEMA, SCHEMA.properties!.gateway!, ["gateway"], {});
  expect(below(SCHEMA, top, {}).map((place) => [place.path.join("."), place.control.is, place.reload])).toEqual([
    ["gateway.port", "number", "restart"],
    ["gateway.mode", "choice", "hot"],
    ["gateway.token", "secret", "hot"],
    ["gateway.origins", "texts", "hot"],
  ]);
  expect([control("agents"), control("wide"), control("providers"), control("later")]).toEqual(["list", "choice", "map", "json"]);
  expect([control("model"), control("model", "a/b"), control("model", { primary: "a/b" })]).toEqual(["text", "text", "object"]);
});

test("a key that the schema doesn't know is shown too", () => {
  const place = placeOf(SCHEMA, SCHEMA.properties!.gateway!, ["gateway"], { odd: 1 });
  expect(below(SCHEMA, place, { odd: 1 }).at(-1)).toMatchObject({ path: ["gateway", "odd"], control: { is: "json" } });
});

test("search looks into paths and words, and leaves out what has no effect", () => {
  const found = (query: string) => search(SCHEMA, placeOf(SCHEMA, SCHEMA, [], {}), { providers: { x: {} } }, query, 20).map(({ path }) => path.join("."));
  expect(found("where listens")).toEqual(["gateway.port"]);
  expect(found("api key")).toEqual(["providers.x.apiKey"]);
  expect(found("later")).toEqual([]);
});

test("secrets are known by their place", () => {
  expect([isSecretAt(SCHEMA, ["gateway", "token"]), isSecretAt(SCHEMA, ["providers", "any", "apiKey"]), isSecretAt(SCHEMA, ["gateway", "port"])]).toEqual([true, true, false]);
});

test("names are written for people", () => {
  expect(["memoryHighWaterMb", "dmPolicy", "baseUrl", "a_b"].map(titleOf)).toEqual(["Memory high water MB", "DM policy", "Base URL", "A b"]);
});

test("a change is a merge patch that names nothing else", () => {
  const before = { gateway: { port: 1, mode: "local" }, agents: [{ id: "a" }], keep: { x: 1 } };
  let after = withValue(before, ["gateway", "port"], undefined);
  after = withValue(after, ["agents", 0, "id"], "b");
  after = withValue(after, ["new", "deep"], true);
  const patch = patchBetween(before, after);
  expect(patch).toEqual({ gateway: { port: null }, agents: [{ id: "b" }], new: { deep: true } });
  expect(patched({ ...before, theirs: 1 }, patch)).toEqual({ ...(after as object), theirs: 1 });
  expect(changesBetween(before, after).map(({ path }) => pathText(path))).toEqual(["gateway.port", "agents[0].id", "new.deep"]);
});

test("taking out the last key takes out what held it", () => {
  expect(withValue({ a: { b: { c: 1 } }, d: 1 }, ["a", "b", "c"], undefined)).toEqual({ d: 1 });
  expect(withValue({ a: [{ b: 1 }, { b: 2 }] }, ["a", 0], undefined)).toEqual({ a: [{ b: 2 }] });
  expect(at({ a: [{ b: 1 }] }, ["a", 0, "b"])).toBe(1);
});

test("paths are written as the gateway writes them", () => {
  expect(pathText(["channels", "a.b", "list", 0, "x"])).toBe('channels."a.b".list[0].x');
});

test("a diff shows what differs with a little around it", () => {
  const before = ["1", "2", "3", "4", "5", "6", "7", "8"].join("\n");
  const after = ["1", "2", "3", "4", "5", "six", "7", "8", "9"].join("\n");
  const shown = diff(before, after).map(({ kind, text }) => ({ same: " ", added: "+", removed: "-", skipped: "…" })[kind] + text);
  expect(shown).toEqual(["…", " 3", " 4", " 5", "-6", "+six", " 7", " 8", "+9"]);
  expect(diff("a", "a")).toEqual([{ kind: "skipped", text: "" }]);
});
