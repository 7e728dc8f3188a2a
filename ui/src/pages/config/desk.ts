// What is edited and not saved yet: values of the form, or the text of the file. It outlives a look at another page.

import { gateway } from "../../gateway/gateway.ts";
import { RequestError } from "../../gateway/request-error.ts";
import type { ConfigGetResult, ConfigIssue, ConfigWriteResult } from "../../protocol/types.ts";
import { Resource } from "../../state/resource.ts";
import { Computed, Signal } from "../../state/signal.ts";
import type { Schema } from "./schema.ts";
import { at, changesBetween, isSame, patchBetween, patched, withValue, type Change, type Path, type Tree } from "../../state/tree.ts";

export interface Draft<T> {
  /** What the gateway had when the first change was made. */
  readonly base: ConfigGetResult;
  readonly value: T;
}

export const stored = new Resource(() => gateway.call("config.get"), ["config.changed"]);
export const schema = new Resource(() => gateway.call("config.schema").then((result) => result.schema as Schema));

export const form = new Signal<Draft<Tree> | null>(null);
export const text = new Signal<Draft<string> | null>(null);

/** What the gateway found wrong with what was last sent to it. */
export const refused = new Signal<readonly ConfigIssue[]>([]);

export const changes = new Computed((): Change[] => (form.value ? changesBetween(form.value.base.parsed, form.value.value) : []));

/** The tree that the form shows. */
export function tree(): Tree {
  return form.value?.value ?? stored.value?.parsed ?? {};
}

export function textNow(): string {
  return text.value?.value ?? stored.value?.raw ?? "";
}

/** Sets a value; `undefined` takes it out. */
export function set(path: Path, value: Tree): void {
  const base = form.peek()?.base ?? stored.state.peek().value;
  if (!base || isSame(at(form.peek()?.value ?? base.parsed, path), value)) return;
  const next = withValue(form.peek()?.value ?? base.parsed, path, value);
  form.value = isSame(next, base.parsed) ? null : { base, value: next };
  refused.value = [];
}

export function write(value: string): void {
  const base = text.peek()?.base ?? stored.state.peek().value;
  if (!base) return;
  text.value = value === (base.raw ?? "") ? null : { base, value };
  refused.value = [];
}

/** Somebody else changed the file since this draft began. */
export function isOvertaken(draft: Draft<unknown> | null): boolean {
  return draft !== null && stored.value !== undefined && stored.value.hash !== draft.base.hash;
}

/** Lays the changes of the form on what stands there now. */
export function rebaseForm(): void {
  const [draft, now] = [form.peek(), stored.state.peek().value];
  if (!draft || !now) return;
  const value = patched(now.parsed, patchBetween(draft.base.parsed, draft.value));
  form.value = isSame(value, now.parsed) ? null : { base: now, value };
}

/** Keeps the text, to be compared with what stands there now. */
export function rebaseText(): void {
  const [draft, now] = [text.peek(), stored.state.peek().value];
  if (draft && now) text.value = draft.value === now.raw ? null : { base: now, value: draft.value };
}

export async function saveForm(draft: Draft<Tree>): Promise<ConfigWriteResult> {
  const raw = JSON.stringify(patchBetween(draft.base.parsed, draft.value));
  return written(() => gateway.call("config.patch", { raw, baseHash: draft.base.hash }), form);
}

export async function saveText(draft: Draft<string>): Promise<ConfigWriteResult> {
  return written(() => gateway.call("config.set", { raw: draft.value, baseHash: draft.base.hash }), text);
}

async function written<T>(send: () => Promise<ConfigWriteResult>, draft: Signal<Draft<T> | null>): Promise<ConfigWriteResult> {
  try {
    const result = await send();
    draft.value = null;
    refused.value = [];
    return result;
  } catch (error) {
    if (error instanceof RequestError) refused.value = issuesOf(error);
    throw error;
  } finally {
    await stored.refresh();
  }
}

function issuesOf(error: RequestError): ConfigIssue[] {
  const { issues } = error.details as { issues?: ConfigIssue[] };
  if (Array.isArray(issues)) return issues;
  // Of a text that can't be read, the gateway says the line; of a file that is another one now, the page shows that itself.
  return error.message.startsWith("invalid config") ? [{ path: "", message: error.message.replace(/^invalid config:\s*/, "") }] : [];
}
