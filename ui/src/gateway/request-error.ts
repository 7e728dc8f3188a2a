// Why a request failed.

import type { ErrorCode, RpcError } from "../protocol/types.ts";

/** `OFFLINE`: the connection was lost before an answer. `TIMEOUT`: there was none in time. `TOO_LARGE`: it was never sent. */
export type FailureCode = ErrorCode | "OFFLINE" | "TIMEOUT" | "TOO_LARGE";

export class RequestError extends Error {
  readonly code: FailureCode;
  /** Names the case, for example `AUTH_TOKEN_MISMATCH`. */
  readonly details: { readonly code?: string; readonly requestId?: string } & Record<string, unknown>;
  readonly retryAfterMs: number | undefined;

  constructor(error: Omit<RpcError, "code"> & { code: FailureCode }) {
    super(error.message);
    this.code = error.code;
    this.details = (error.details ?? {}) as RequestError["details"];
    this.retryAfterMs = error.retryAfterMs;
  }

  /** Nobody knows whether the gateway got it; asking again under the same key does no harm. */
  get isUncertain(): boolean {
    return this.code === "OFFLINE" || this.code === "TIMEOUT" || this.code === "UNAVAILABLE";
  }
}
