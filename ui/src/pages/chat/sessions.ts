// The list of sessions: which there are, how each is called, and what can be done with one.

import { attempt, complain } from "../../design/toast.ts";
import { ask, confirm } from "../../design/dialog.ts";
import { gateway } from "../../gateway/gateway.ts";
import type { SessionRow, SessionsPatchParams } from "../../protocol/types.ts";
import { Resource } from "../../state/resource.ts";
import { Signal } from "../../state/signal.ts";
import { words } from "./words.ts";

const LIMIT = 200;
const NAME_MAX = 100;

/** Which are listed. */
export const query = new Signal("");
export const withArchived = new Signal(false);

export const sessions = new Resource<readonly SessionRow[]>(async () => {
  const search = query.peek().trim();
  const params = { limit: LIMIT, includeDerivedTitles: true, includeLastMessage: true, archived: withArchived.peek() ? "all" : false };
  const { sessions } = await gateway.call("sessions.list", { ...params, ...(search && { search }) });
  return sessions;
}, ["sessions.changed"]);

/** Keeps the list fresh, and has the gateway tell of its changes. */
export function follow(): () => void {
  const stops = [sessions.follow(), gateway.onFresh(() => void gateway.call("sessions.subscribe", {}).catch(complain))];
  return () => stops.forEach((stop) => stop());
}

/** What a session is called. */
export function nameOf(row: Pick<SessionRow, "key"> & Partial<SessionRow>): string {
  if (row.label) return row.label;
  return row.key === gateway.mainSession ? words().mainSession : (row.derivedTitle ?? row.displayName ?? words().newSession);
}

export async function rename(row: SessionRow): Promise<void> {
  const value = row.label ?? "";
  const label = await ask({ title: words().renameTitle, value, action: words().save, maxLength: NAME_MAX });
  if (label !== undefined && label !== value) await patch({ key: row.key, label: label || null });
}

export async function patch(change: SessionsPatchParams): Promise<void> {
  await attempt(() => gateway.call("sessions.patch", change));
  await sessions.refresh();
}

/** Whether it is gone. */
export async function remove(row: SessionRow): Promise<boolean> {
  const title = words().deleteTitle(nameOf(row));
  const isSure = await confirm({ title, body: words().deleteBody, action: words().delete, tone: "danger" });
  if (!isSure) return false;
  const done = await attempt(() => gateway.call("sessions.delete", { key: row.key }));
  await sessions.refresh();
  return done;
}
