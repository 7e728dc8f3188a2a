// How an account stands, and what can be done about it. Says only what is so: an account that is open is not one that hears.

import type { Tone } from "../../design/parts.ts";
import type { ChannelAccountStatus } from "../../protocol/types.ts";

export const STATES = ["disabled", "noToken", "stopped", "connecting", "connected", "silent", "reconnecting", "failed"] as const;
export type State = (typeof STATES)[number];

/** What `channels.start` means then, and `channels.stop`. */
export type Deed = "start" | "restart" | "retry" | "stop";

const TONES: Record<State, Tone> = {
  disabled: "calm",
  noToken: "bad",
  stopped: "calm",
  connecting: "warn",
  connected: "good",
  silent: "warn",
  reconnecting: "warn",
  failed: "bad",
};

export interface Standing {
  readonly state: State;
  readonly tone: Tone;
  readonly deeds: readonly Deed[];
}

export function standingOf(account: ChannelAccountStatus): Standing {
  const state = stateOf(account);
  return { state, tone: TONES[state], deeds: deedsOf(state, account.running) };
}

function stateOf({ enabled, configured, connected, healthState }: ChannelAccountStatus): State {
  if (!enabled) return "disabled";
  if (!configured) return "noToken";
  // Whatever word there is for it: who has not proved to hear is not connected.
  if (healthState === "connected") return connected ? "connected" : "silent";
  const known = STATES.find((state) => state === healthState);
  return known ?? (connected ? "connected" : "stopped");
}

function deedsOf(state: State, isRunning: boolean): Deed[] {
  switch (state) {
    case "disabled":
    case "noToken":
      return [];
    case "stopped":
      return ["start"];
    case "failed":
      return isRunning ? ["stop", "retry"] : ["retry"];
    case "connecting":
    case "connected":
    case "silent":
    case "reconnecting":
      return ["restart", "stop"];
  }
}

/** Names an account among all. */
export function nameOf(channel: string, accountId: string): string {
  return `${channel}/${accountId}`;
}
