// The jobs as the gateway has them, and what can be done to one.

import { confirm } from "../../design/dialog.ts";
import { attempt, complain, tell } from "../../design/toast.ts";
import { gateway } from "../../gateway/gateway.ts";
import type { CronJob } from "../../protocol/types.ts";
import { address } from "../../shell/router.ts";
import { Resource } from "../../state/resource.ts";
import { words } from "./words.ts";

/** Before a job's id in the address of its form. */
export const EDIT = "edit:";

/** The gateway's own limit of a list. */
const MOST = 200;

export const jobs = new Resource(() => gateway.call("cron.list", { enabled: "all", limit: MOST }), ["cron", "config.changed"]);
export const engine = new Resource(() => gateway.call("cron.status"), ["cron", "config.changed"]);

export function editAddress(job: CronJob): string {
  return address("automations", EDIT + job.id);
}

export async function runNow(job: CronJob): Promise<void> {
  try {
    const { ran, reason } = await gateway.call("cron.run", { id: job.id, mode: "force" });
    if (ran === false) complain(reason === "already-running" ? words().alreadyRunning(job.name) : words().notRun(job.name));
    else tell(words().started(job.name));
  } catch (error) {
    complain(error);
  }
  await jobs.refresh();
}

export async function turn(job: CronJob, enabled: boolean): Promise<void> {
  await attempt(() => gateway.call("cron.update", { id: job.id, patch: { enabled } }), enabled ? words().turnedOn(job.name) : words().turnedOff(job.name));
  await jobs.refresh();
}

/** Whether it is gone. */
export async function remove(job: CronJob): Promise<boolean> {
  const isSure = await confirm({ title: words().deleteTitle(job.name), body: words().deleteBody, action: words().delete, tone: "danger" });
  if (!isSure) return false;
  const isGone = await attempt(() => gateway.call("cron.remove", { id: job.id }), words().deleted(job.name));
  await jobs.refresh();
  return isGone;
}
