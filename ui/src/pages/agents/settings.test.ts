import { expect, test } from "vitest";
import { entryPath, withBinding, withEntry, withoutBinding, withSkill, withTool } from "./settings.ts";

test("an agent is found however the file lists it", () => {
  expect(entryPath({ agents: { entries: {} } }, "work")).toEqual(["agents", "entries", "work"]);
  expect(entryPath({ agents: { list: [{ id: "main" }, { id: "Work" }] } }, "work")).toEqual(["agents", "list", 1]);
  expect(withEntry({}, "main", ["tools", "profile"], "coding")).toEqual({ agents: { list: [{ id: "main", tools: { profile: "coding" } }] } });
  expect(withEntry({ agents: { list: [{ id: "main" }] } }, "main", ["skills"], ["a"])).toEqual({ agents: { list: [{ id: "main", skills: ["a"] }] } });
});

test("a tool is switched off by denying it, and on by no longer doing so", () => {
  expect(withTool({}, "exec", false, true)).toEqual({ deny: ["exec"] });
  expect(withTool({ deny: ["exec"] }, "exec", true, true)).toEqual({});
});

test("a tool beyond the profile is added to it, and leaves by that", () => {
  expect(withTool({}, "exec", true, false)).toEqual({ alsoAllow: ["exec"] });
  expect(withTool({ alsoAllow: ["exec"] }, "exec", false, false)).toEqual({});
  expect(withTool({ allow: ["read"] }, "exec", true, true)).toEqual({ allow: ["read", "exec"] });
});

test("all skills are no list", () => {
  expect(withSkill(undefined, ["a", "b"], "a", false)).toEqual(["b"]);
  expect(withSkill(["b"], ["a", "b"], "a", true)).toBeUndefined();
});

test("bindings come and go", () => {
  const binding = { agentId: "work", match: { channel: "telegram" } };
  const file = withBinding({ x: 1 }, binding);
  expect(file).toEqual({ x: 1, bindings: [binding] });
  expect(withoutBinding(file, binding)).toEqual({ x: 1, bindings: [] });
});
