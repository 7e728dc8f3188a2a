// A gateway that has no model yet opens on its set-up, until somebody says “later”.

import { gateway } from "../gateway/gateway.ts";
import { effect } from "../state/signal.ts";
import { address, go } from "./router.ts";

const KEPT = "chela.setup";

/** Whoever follows a link to something wants to see that. */
const cameForNothing = location.pathname === "/";

/** Never by itself again in this browser. */
export function later(): void {
  localStorage.setItem(KEPT, "later");
}

/** Leads there once, after the first login. Returns what ends that. */
export function offerSetup(): () => void {
  let isAsked = !cameForNothing;
  return effect(() => {
    const hello = gateway.hello.value;
    if (!hello || isAsked) return;
    isAsked = true;
    const isFresh = hello.snapshot.sessionDefaults?.modelConfigured === false;
    // The first page finds its own address first.
    if (isFresh && gateway.may("operator.admin") && localStorage.getItem(KEPT) === null) setTimeout(() => go(address("setup"), { replace: true }));
  });
}
