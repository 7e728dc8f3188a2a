// Trying out what was entered, on the real thing: a model answers a word, a platform says who the bot is.

import { changeConfig } from "../../gateway/change-config.ts";
import { gateway } from "../../gateway/gateway.ts";
import type { ChannelProbe } from "../../protocol/types.ts";
import { channelWritings, modelWritings, replacesSecret, undoing, written, type ChannelName, type ModelWish, type Writing } from "./plan.ts";
import { words } from "./words.ts";

const ANSWER_MS = 90_000;

/** A channel that was just switched on needs a moment before it can be asked. */
const PROBES = 8;
const PROBE_AGAIN_MS = 1_500;

/** Stores the key and lets the model answer once. What it is when it does; what was stored is taken back when it doesn't. */
export async function tryModel(wish: ModelWish): Promise<string> {
  return kept(modelWritings(wish), async () => {
    await choose(wish);
    await answer();
    return (await gateway.call("models.authStatus")).model ?? "";
  });
}

/** Stores the token and asks the platform whose it is. */
export async function tryChannel(channel: ChannelName, token: string): Promise<ChannelProbe> {
  return kept(channelWritings(channel, token), async () => {
    for (let tried = 1; ; tried += 1) {
      const { channels } = await gateway.call("channels.status", { channel, probe: true });
      const probe = channels[channel]?.probe;
      if (probe?.ok) return probe;
      if (tried === PROBES || isRefused(probe)) throw new Error(probe?.error ?? channels[channel]?.lastError ?? words().noProbe);
      await new Promise((resolve) => setTimeout(resolve, PROBE_AGAIN_MS));
    }
  });
}

/** A wrong token stays wrong. */
function isRefused(probe: ChannelProbe | undefined): boolean {
  return /token|unauthorized|401|404/i.test(probe?.error ?? "");
}

async function kept<T>(writings: readonly Writing[], check: () => Promise<T>): Promise<T> {
  const { parsed } = await gateway.call("config.get");
  await changeConfig((file) => written(file, writings));
  try {
    return await check();
  } catch (error) {
    const undo = [...undoing(parsed, writings), ...undoing(parsed, [{ path: ["agents", "defaults", "model"], value: undefined }])];
    const isUndone = await changeConfig((file) => written(file, undo)).then(() => !replacesSecret(parsed, writings), () => false);
    throw new TrialError((error as Error).message, isUndone);
  }
}

/** Why something failed when it was tried out. */
export class TrialError extends Error {
  constructor(
    message: string,
    /** Everything is as it was before. */
    readonly isUndone: boolean,
  ) {
    super(message);
  }
}

/** Another vendor may be the default already; then this one's first model is named. */
async function choose({ vendor, model }: ModelWish): Promise<void> {
  if (model) return;
  const { model: now } = await gateway.call("models.authStatus");
  if (now?.startsWith(`${vendor.id}/`)) return;
  const { models } = await gateway.call("models.list", { provider: vendor.id });
  const first = models.find(({ available }) => available) ?? models[0];
  if (!first) return;
  await changeConfig((file) => written(file, [{ path: ["agents", "defaults", "model", "primary"], value: `${first.provider}/${first.id}` }]));
}

/** One short turn in a session of its own, which goes again. */
async function answer(): Promise<void> {
  const agent = gateway.hello.peek()?.snapshot.sessionDefaults?.defaultAgentId ?? "main";
  const sessionKey = `agent:${agent}:set-up-${Date.now().toString(36)}`;
  let stop = () => {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const said = new Promise<void>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error(words().noAnswer)), ANSWER_MS);
      stop = gateway.on("chat", (event) => {
        if (event.sessionKey !== sessionKey) return;
        if (event.state === "final") resolve();
        else if (event.state === "error" || event.state === "aborted") reject(new Error(event.errorMessage ?? words().noAnswer));
      });
    });
    // Awaited below; a failure before that must not be nobody's.
    said.catch(() => {});
    await gateway.call("sessions.messages.subscribe", { key: sessionKey });
    await gateway.call("chat.send", { sessionKey, message: words().hello, idempotencyKey: crypto.randomUUID?.() ?? sessionKey });
    await said;
  } finally {
    stop();
    clearTimeout(timer);
    await gateway.call("sessions.delete", { key: sessionKey }).catch(() => {});
  }
}
