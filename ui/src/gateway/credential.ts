// What the page logs in with: where it comes from (a link, this tab's storage, the form) and where it is kept. It never stands in an
// address that is sent, and it is gone when the tab is closed.

import type { ConnectAuth } from "../protocol/types.ts";

const TOKEN = "chela.token";
const DEVICE_TOKEN = "chela.deviceToken";

/**
 * What a link brings behind its `#`, which never leaves the browser: `#token=…`, or `#link=…` of a single-use link. It is taken out of
 * the address at once.
 */
export function takeFromAddress(): ConnectAuth | null {
  const parts = new URLSearchParams(location.hash.slice(1));
  const token = parts.get("token")?.trim();
  const link = parts.get("link")?.trim();
  if (token === undefined && link === undefined) return null;
  history.replaceState(history.state, "", location.pathname + location.search);
  return token !== undefined ? { token } : { bootstrapToken: link ?? "" };
}

/** What this tab logged in with before. */
export function kept(): ConnectAuth | null {
  const token = sessionStorage.getItem(TOKEN);
  if (token !== null) return { token };
  const deviceToken = sessionStorage.getItem(DEVICE_TOKEN);
  return deviceToken !== null ? { deviceToken } : null;
}

/** Keeps what let us in. A single-use link is worth nothing a second time, so what the gateway gave for it is kept instead. */
export function keep(auth: ConnectAuth, deviceToken: string | undefined): void {
  forget();
  if (auth.bootstrapToken === undefined && auth.deviceToken === undefined) sessionStorage.setItem(TOKEN, auth.token ?? "");
  else if (deviceToken ?? auth.deviceToken) sessionStorage.setItem(DEVICE_TOKEN, deviceToken ?? auth.deviceToken ?? "");
}

export function forget(): void {
  sessionStorage.removeItem(TOKEN);
  sessionStorage.removeItem(DEVICE_TOKEN);
}
