import { expect, test } from "vitest";
import { needsOf, originOf, slugOfFile, standingOf, type Skill } from "./standing.ts";

const NOTHING = { bins: [], anyBins: [], env: [], config: [], os: [] };
const SKILL: Skill = {
  name: "x", description: "", source: "openclaw-managed", bundled: false, filePath: "", baseDir: "", skillKey: "x", always: false, disabled: false, eligible: true,
  requirements: NOTHING, missing: NOTHING, install: [], integrity: { state: "own" },
};

test("what is wrong with the files goes before what is missing, and that before the rest", () => {
  const missing = { ...NOTHING, bins: ["curl"] };
  expect(standingOf(SKILL)).toBe("ready");
  expect(standingOf({ ...SKILL, missing, eligible: false })).toBe("missing");
  expect(standingOf({ ...SKILL, missing, disabled: true })).toBe("off");
  expect(standingOf({ ...SKILL, disabled: true, integrity: { state: "flagged", problem: "p" } })).toBe("stopped");
  expect(standingOf({ ...SKILL, eligible: false, blockedByAgentFilter: true })).toBe("kept");
});

test("only kinds of needs that there are are named", () => {
  expect(needsOf({ ...NOTHING, env: ["A"], os: ["darwin"] })).toEqual([["env", ["A"]], ["os", ["darwin"]]]);
});

test("a skill of the registry knows its version", () => {
  expect(originOf({ state: "pinned", origin: { kind: "clawhub", registry: "r", slug: "tea", version: "1.0.0" } })).toEqual({ slug: "tea", version: "1.0.0" });
  expect(originOf({ state: "pinned", origin: { kind: "upload" } })).toBeNull();
});

test("a file's name becomes a skill's", () => {
  expect(["My Skill.zip", "tea-1.2.0.zip", "--a--.ZIP"].map(slugOfFile)).toEqual(["my-skill", "tea", "a"]);
});
