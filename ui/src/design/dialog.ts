// Questions in front of the page, on the browser's own <dialog>: it keeps the focus inside, closes with Escape, and gives the focus
// back to where it was.

import { html, nothing, render, type TemplateResult } from "lit";
import { effect } from "../state/signal.ts";
import type { Content } from "./parts.ts";
import { words } from "./words.ts";

let dialogs = 0;

export interface DialogOptions {
  /** What listeners are told that it is. */
  readonly label: string;
  readonly className?: string;
}

/** Shows a dialog until it calls `close`, with what it answers; `undefined` when it is closed without an answer. */
export function open<T>(options: DialogOptions, show: (close: (answer?: T) => void) => TemplateResult): Promise<T | undefined> {
  const dialog = document.createElement("dialog");
  dialog.className = `dialog ${options.className ?? ""}`;
  dialog.setAttribute("aria-label", options.label);
  document.body.append(dialog);
  return new Promise((resolve) => {
    let answer: T | undefined;
    const close = (given?: T) => {
      answer = given;
      dialog.close();
    };
    const end = effect(() => render(show(close), dialog));
    dialog.addEventListener("close", () => {
      end();
      dialog.remove();
      resolve(answer);
    });
    // A press beside the dialog is a press on the dialog itself.
    dialog.addEventListener("pointerdown", (event) => event.target === dialog && isBeside(dialog, event) && dialog.close());
    dialog.showModal();
  });
}

export interface Question {
  readonly title: string;
  readonly body: Content;
  /** What the button says: the deed itself, never “OK”. */
  readonly action: string;
  readonly tone?: "danger";
}

/** Asks before something is done that is hard to undo. */
export async function confirm({ title, body, action, tone }: Question): Promise<boolean> {
  const id = `dialog-${dialogs++}`;
  const answer = await open<boolean>({ label: title }, (close) => html`<form method="dialog" @submit=${() => close(true)}>
    <h2>${title}</h2>
    <div id=${id} class="faint">${body}</div>
    <div class="actions end">
      <button class="button" type="button" autofocus @click=${() => close(false)}>${words().cancel}</button>
      <button class="button main ${tone ?? ""}" aria-describedby=${id}>${action}</button>
    </div>
  </form>`);
  return answer === true;
}

export interface Wish {
  readonly title: string;
  readonly value: string;
  readonly action: string;
  readonly help?: string;
  readonly maxLength?: number;
}

/** Asks for one line of text; `undefined` when the person thinks better of it. */
export function ask({ title, value, action, help, maxLength }: Wish): Promise<string | undefined> {
  const id = `dialog-${dialogs++}`;
  const submit = (close: (answer: string) => void) => (event: Event) => {
    event.preventDefault();
    close((event.currentTarget as HTMLFormElement).querySelector("input")!.value.trim());
  };
  return open<string>({ label: title }, (close) => html`<form @submit=${submit(close)}>
    <div class="field">
      <label for=${id}><h2>${title}</h2></label>
      <input id=${id} .value=${value} maxlength=${maxLength ?? 200} autocomplete="off" autofocus />
      ${help ? html`<p class="help">${help}</p>` : nothing}
    </div>
    <div class="actions end">
      <button class="button" type="button" @click=${() => close()}>${words().cancel}</button>
      <button class="button main">${action}</button>
    </div>
  </form>`);
}

function isBeside(dialog: HTMLElement, { clientX, clientY }: PointerEvent): boolean {
  const box = dialog.getBoundingClientRect();
  return clientX < box.left || clientX > box.right || clientY < box.top || clientY > box.bottom;
}
