// Why a login was refused and what to do, from what the gateway answered.

import type { ConnectErrorCode } from "../protocol/types.ts";
import type { RequestError } from "./request-error.ts";
import { words } from "./words.ts";

const RATE_LIMIT_MS = 60_000;

type Explain = (error: RequestError) => string;

const REFUSALS: Partial<Record<ConnectErrorCode, Explain>> = {
  AUTH_TOKEN_MISMATCH: () => words().wrongToken,
  // Nothing was tried yet, so nothing is wrong.
  AUTH_TOKEN_MISSING: () => "",
  AUTH_PASSWORD_MISSING: () => "",
  AUTH_PASSWORD_MISMATCH: () => words().wrongPassword,
  AUTH_BOOTSTRAP_TOKEN_INVALID: () => words().usedLink,
  AUTH_DEVICE_TOKEN_MISMATCH: () => "",
  AUTH_RATE_LIMITED: (error) => words().rateLimited(Math.ceil((error.retryAfterMs ?? RATE_LIMIT_MS) / 1000)),
  CONTROL_UI_ORIGIN_NOT_ALLOWED: () => words().origin,
  DEVICE_IDENTITY_REQUIRED: () => "",
  PAIRING_REQUIRED: (error) => words().pairing(error.details.requestId ?? ""),
  PROTOCOL_MISMATCH: () => words().protocol,
};

export function explainRefusal(error: RequestError): string {
  const explain = REFUSALS[error.details.code as ConnectErrorCode];
  return explain ? explain(error) : error.message;
}
