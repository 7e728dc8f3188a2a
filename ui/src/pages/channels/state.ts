// What the gateway knows of channels, and what platforms said when they were asked.

import { attempt } from "../../design/toast.ts";
import { gateway } from "../../gateway/gateway.ts";
import type { ChannelProbe } from "../../protocol/types.ts";
import { Resource } from "../../state/resource.ts";
import { Signal } from "../../state/signal.ts";
import { nameOf } from "./standing.ts";
import { words } from "./words.ts";

export const channels = new Resource(() => gateway.call("channels.status", {}), ["health", "config.changed"]);
export const pairing = new Resource(() => gateway.call("channels.pairing.list", {}), ["health", "config.changed"]);
export const letters = new Resource(() => gateway.call("channels.deadLetters.list", {}), ["health"]);

/** By an account's name. */
export const probes = new Signal<ReadonlyMap<string, ChannelProbe>>(new Map());
export const isAsking = new Signal(false);

export async function lookAgain(): Promise<void> {
  await Promise.all([channels.refresh(), pairing.refresh(), letters.refresh()]);
}

/** Asks every platform who we are there, and what is missing. */
export async function ask(): Promise<void> {
  isAsking.value = true;
  await attempt(async () => {
    const answer = await gateway.call("channels.status", { probe: true });
    channels.set(answer);
    const all = Object.entries(answer.channelAccounts).flatMap(([channel, accounts]) => accounts.map((one) => [nameOf(channel, one.accountId), one.probe] as const));
    probes.value = new Map(all.filter((one): one is [string, ChannelProbe] => one[1] !== undefined));
  }, words().asked);
  isAsking.value = false;
}
