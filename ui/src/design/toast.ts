// Short words about what was just done, at the lower edge: they go by themselves, and failures wait to be read.

import { html, type TemplateResult } from "lit";
import { Signal } from "../state/signal.ts";
import { icon } from "./icons.ts";
import { words } from "./words.ts";

const STAYS_MS = 5_000;
const AT_ONCE = 3;

interface Toast {
  readonly text: string;
  readonly isFailure: boolean;
}

const toasts = new Signal<readonly Toast[]>([]);

/** Says that something was done. */
export function tell(text: string): void {
  const toast = { text, isFailure: false };
  add(toast);
  setTimeout(() => remove(toast), STAYS_MS);
}

/** Says that something failed, and why. */
export function complain(error: unknown): void {
  add({ text: error instanceof Error ? error.message : String(error), isFailure: true });
}

/** Does something that may fail; says so if it does, and what to say if it doesn't. */
export async function attempt(act: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await act();
    if (done !== undefined) tell(done);
    return true;
  } catch (error) {
    complain(error);
    return false;
  }
}

export function toastRegion(): TemplateResult {
  return html`<div class="toasts" role="status" aria-live="polite">
    ${toasts.value.map(
      (toast) => html`<div class="toast">
        <span>${toast.text}</span>
        <button class="button quiet icon small" type="button" aria-label=${words().close} @click=${() => remove(toast)}>${icon("close")}</button>
      </div>`,
    )}
  </div>`;
}

function add(toast: Toast): void {
  toasts.value = [...toasts.peek().filter(({ text }) => text !== toast.text), toast].slice(-AT_ONCE);
}

function remove(toast: Toast): void {
  toasts.value = toasts.peek().filter((one) => one !== toast);
}
