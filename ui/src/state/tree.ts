// The configuration as a tree of plain values: reading and changing a place in it, and what a change is in the gateway's words.

export type Path = readonly (string | number)[];

/** Whatever JSON holds. */
export type Tree = unknown;

type Branch = Readonly<Record<string, Tree>>;

export function isBranch(value: Tree): value is Branch {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function at(tree: Tree, path: Path): Tree {
  let here = tree;
  for (const step of path) {
    if (typeof step === "number") here = Array.isArray(here) ? (here as Tree[])[step] : undefined;
    else here = isBranch(here) && Object.hasOwn(here, step) ? here[step] : undefined;
  }
  return here;
}

/** The tree with another value at the path; `undefined` takes out what stands there, and the empty objects that this leaves. */
export function withValue(tree: Tree, path: Path, value: Tree): Tree {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (typeof step === "number") {
    const list = Array.isArray(tree) ? [...(tree as Tree[])] : [];
    const next = withValue(list[step], rest, value);
    if (next === undefined) list.splice(step, 1);
    else list[step] = next;
    return list;
  }
  const { [step]: old, ...others } = isBranch(tree) ? tree : {};
  const next = withValue(old, rest, value);
  if (next === undefined || (value === undefined && rest.length > 0 && isBranch(next) && Object.keys(next).length === 0)) return others;
  // A key that is there keeps its place.
  return isBranch(tree) && step in tree ? { ...tree, [step]: next } : { ...others, [step]: next };
}

export function isSame(one: Tree, other: Tree): boolean {
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
}

/** What makes `before` into `after`, as a merge patch (RFC 7396): lists as a whole, `null` for what goes. */
export function patchBetween(before: Tree, after: Tree): Tree {
  if (!isBranch(before) || !isBranch(after)) return after;
  const patch: Record<string, Tree> = {};
  for (const key of Object.keys(before)) if (!(key in after)) patch[key] = null;
  for (const [key, value] of Object.entries(after)) {
    if (!isSame(before[key], value)) patch[key] = key in before ? patchBetween(before[key], value) : value;
  }
  return patch;
}

export function patched(tree: Tree, patch: Tree): Tree {
  if (!isBranch(patch)) return patch;
  const result: Record<string, Tree> = isBranch(tree) ? { ...tree } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = patched(result[key], value);
  }
  return result;
}

export interface Change {
  readonly path: Path;
  readonly before: Tree;
  readonly after: Tree;
}

/** The single values that differ. Lists of texts count as one value. */
export function changesBetween(before: Tree, after: Tree, path: Path = []): Change[] {
  if (isSame(before, after)) return [];
  if ((isBranch(before) || before === undefined) && (isBranch(after) || after === undefined)) {
    const keys = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
    if (keys.size > 0) return [...keys].flatMap((key) => changesBetween(at(before, [key]), at(after, [key]), [...path, key]));
  }
  if (Array.isArray(before) && Array.isArray(after) && [...before, ...after].every(isBranch)) {
    const length = Math.max(before.length, after.length);
    return Array.from({ length }, (_, index) => changesBetween(before[index], after[index], [...path, index])).flat();
  }
  return [{ path, before, after }];
}

/** A path as the gateway writes it: `agents.list[0].id`. */
export function pathText(path: Path): string {
  return path.map((step, index) => (typeof step === "number" ? `[${step}]` : `${index > 0 ? "." : ""}${quoted(step)}`)).join("");
}

function quoted(key: string): string {
  return key === "" || /[\s.[\]"'\\]/.test(key) ? `"${key.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"` : key;
}

function sorted(value: Tree): Tree {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isBranch(value)) return value === undefined ? null : value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
}
