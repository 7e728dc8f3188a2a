// What the configuration file says of an agent, and how it says something else: tools, skills, bindings.

import { at, isBranch, withValue, type Path, type Tree } from "../../state/tree.ts";

/** Where the agent stands in the file; where it would, if it stands nowhere. */
export function entryPath(file: Tree, id: string): Path {
  if (isBranch(at(file, ["agents", "entries"]))) return ["agents", "entries", id];
  const list = at(file, ["agents", "list"]);
  const all = Array.isArray(list) ? (list as Tree[]) : [];
  const index = all.findIndex((entry) => String(at(entry, ["id"]) ?? "main").toLowerCase() === id);
  return ["agents", "list", index < 0 ? all.length : index];
}

export function entryOf(file: Tree, id: string): Tree {
  return at(file, entryPath(file, id));
}

/** The file with another value at a path below the agent. */
export function withEntry(file: Tree, id: string, path: Path, value: Tree): Tree {
  const entry = entryPath(file, id);
  const known = at(file, entry) === undefined && typeof entry.at(-1) === "number" ? withValue(file, entry, { id }) : file;
  return withValue(known, [...entry, ...path], value);
}

/** A section `tools` of an agent. */
export interface ToolRules {
  readonly allow?: readonly string[];
  readonly alsoAllow?: readonly string[];
  readonly deny?: readonly string[];
}

/** The rules with one tool switched on or off. */
export function withTool(rules: ToolRules, tool: string, isOn: boolean, isInProfile: boolean): ToolRules {
  const without = (list: readonly string[] = []) => list.filter((one) => one !== tool);
  const plus = (list: readonly string[] = []) => [...without(list), tool];
  const { allow = [], alsoAllow = [], deny = [] } = rules;
  const next = isOn
    ? { allow: allow.length > 0 ? plus(allow) : allow, alsoAllow: isInProfile ? alsoAllow : plus(alsoAllow), deny: without(deny) }
    : { allow, alsoAllow: without(alsoAllow), deny: isInProfile || !alsoAllow.includes(tool) ? plus(deny) : deny };
  const full = Object.entries(next).filter(([, list]) => list.length > 0);
  const { allow: _, alsoAllow: __, deny: ___, ...others } = rules;
  return { ...others, ...Object.fromEntries(full) };
}

/** Skills of an agent by name; `undefined` for all. */
export function withSkill(chosen: readonly string[] | undefined, all: readonly string[], skill: string, isOn: boolean): readonly string[] | undefined {
  const others = (chosen ?? all).filter((one) => one !== skill);
  const next = isOn ? [...others, skill] : others;
  return all.every((one) => next.includes(one)) ? undefined : next;
}

export interface Binding {
  readonly agentId: string;
  readonly comment?: string;
  readonly match: {
    readonly channel: string;
    readonly accountId?: string;
    readonly peer?: { readonly kind: string; readonly id: string };
    readonly guildId?: string;
    readonly teamId?: string;
    readonly roles?: readonly string[];
  };
}

export function bindingsOf(file: Tree): readonly Binding[] {
  const list = at(file, ["bindings"]);
  return Array.isArray(list) ? (list as Binding[]) : [];
}

export function withBinding(file: Tree, binding: Binding): Tree {
  return withValue(file, ["bindings"], [...bindingsOf(file), binding]);
}

export function withoutBinding(file: Tree, binding: Binding): Tree {
  const index = bindingsOf(file).findIndex((one) => JSON.stringify(one) === JSON.stringify(binding));
  return index < 0 ? file : withValue(file, ["bindings", index], undefined);
}
