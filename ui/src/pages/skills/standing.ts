// How a skill stands: whether it is used, and what keeps it from that.

import type { SkillIntegrityRow, SkillNeeds, SkillRow } from "../../protocol/types.ts";

/** A row with what the gateway adds to the protocol's. */
export type Skill = SkillRow & {
  /** The variable that the skill's own key goes into. */
  readonly primaryEnv?: string;
  readonly blockedByAllowlist?: boolean;
  readonly blockedByAgentFilter?: boolean;
};

/** `kept`: only some agents may use it. `stopped`: its files are not what they should be. */
export type Standing = "ready" | "off" | "missing" | "stopped" | "kept";

export function standingOf(skill: Skill): Standing {
  if (skill.integrity?.problem !== undefined) return "stopped";
  if (skill.disabled) return "off";
  if (needsOf(skill.missing).length > 0) return "missing";
  if (skill.blockedByAllowlist || skill.blockedByAgentFilter) return "kept";
  return skill.eligible ? "ready" : "missing";
}

export type Need = keyof SkillNeeds;

/** What is needed, by its kind; kinds without anything are left out. */
export function needsOf(needs: SkillNeeds): readonly (readonly [kind: Need, names: readonly string[]])[] {
  const all = Object.entries(needs) as [Need, string[]][];
  return all.filter(([, names]) => names.length > 0);
}

/** Which registry it came from, and as what. */
export function originOf({ origin }: SkillIntegrityRow): { readonly slug: string; readonly version: string } | null {
  const { kind, slug, version } = (origin ?? {}) as { kind?: string; slug?: string; version?: string };
  return kind === "clawhub" && slug !== undefined ? { slug, version: version ?? "" } : null;
}

/** What an archive's skill may be called, of its file's name. */
export function slugOfFile(name: string): string {
  const plain = name.toLowerCase().replace(/\.zip$/, "").replace(/-\d+(\.\d+)*$/, "");
  return plain.replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-+|-+$/g, "");
}
