// How the line to the gateway stands, in words. Counts the seconds to the next try.

import type { Line } from "../gateway/gateway.ts";
import { Signal } from "../state/signal.ts";
import { words } from "./words.ts";

const now = new Signal(Date.now());
setInterval(() => (now.value = Date.now()), 1_000);

export function lineText(line: Line): string {
  switch (line.state) {
    case "open":
      return words().connected;
    case "restarting":
      return words().restarting;
    case "lost":
      return words().lost(Math.max(1, Math.ceil((line.retryAtMs - now.value) / 1000)));
    case "connecting":
    case "out":
    case "refused":
      return words().connecting;
  }
}
