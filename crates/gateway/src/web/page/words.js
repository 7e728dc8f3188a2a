// Every sentence that the scripts say. What never changes stands in index.html.

export const words = {
  connecting: "Connecting …",
  connected: "Connected",
  restarting: "The gateway is restarting …",
  lost: (seconds) => `No connection. Trying again in ${seconds} s`,
  mainSession: "Main session",
  newSession: "New session",
  empty: "What can I do for you?",
  working: "Working …",
  stopped: "Stopped.",
  failed: "The turn failed without saying why.",
  summarised: "Earlier messages were summarised to make room.",
  older: "Older messages are not shown here.",
  kept: "Not connected. Your message is kept and sent when the gateway is back.",
  tool: { running: "Running", done: "Used", failed: "Failed", stopped: "Stopped" },
  approval: {
    title: "May the assistant do this?",
    "allow-once": "Allow once",
    "allow-always": "Allow always",
    deny: "Deny",
  },
  input: "Input",
  output: "Output",
  copy: "Copy",
  copied: "Copied",
  copyFailed: "Select it by hand",
  rest: (count) => `Show ${count.toLocaleString("en")} more characters`,
  noRights:
    "The token is right, but this gateway gives rights only to browsers that it knows, and without HTTPS a browser can't " +
    "show who it is. Open the page over HTTPS or on the gateway's own machine, or set gateway.pairing.mode to auto.",
  tooLarge: "That message is longer than the gateway takes.",
  offline: "No connection to the gateway.",
  noAnswer: (method) => `The gateway did not answer (${method}).`,
};

const REFUSALS = {
  AUTH_TOKEN_MISMATCH: () => "That is not the token of this gateway. The line below shows the right one.",
  AUTH_TOKEN_MISSING: () => "",
  AUTH_PASSWORD_MISMATCH: () => "That is not this gateway's password. It is set in gateway.auth.password.",
  AUTH_RATE_LIMITED: (error) =>
    `Too many wrong tokens. Wait ${Math.ceil((error.retryAfterMs ?? 60_000) / 1000)} seconds, then try again.`,
  PAIRING_REQUIRED: (error) =>
    `The token is right. Now approve this browser: chela devices approve ${error.details.requestId ?? ""}`,
  DEVICE_IDENTITY_REQUIRED: () => "",
};

/** Why the gateway refused, and what to do. */
export function explain(error) {
  return REFUSALS[error.details?.code]?.(error) ?? error.message;
}
