// A button with a list of things to do under it, on the browser's own popover: it closes with Escape and with a press elsewhere.

import { html, render, type TemplateResult } from "lit";
import { icon, type IconName } from "./icons.ts";

export interface Choice {
  readonly title: string;
  readonly icon: IconName;
  readonly tone?: "danger";
  readonly run: () => void;
}

export function menu(label: string, choices: readonly Choice[]): TemplateResult {
  return html`<button class="button quiet icon small menu-opener" type="button" aria-label=${label} aria-haspopup="menu" @click=${openMenu(choices)}>${icon("more")}</button>`;
}

function openMenu(choices: readonly Choice[]) {
  return (event: MouseEvent) => {
    const button = event.currentTarget as HTMLElement;
    const list = document.createElement("div");
    list.className = "menu";
    list.setAttribute("role", "menu");
    list.popover = "auto";
    render(choices.map((choice) => item(choice, list)), list);
    document.body.append(list);
    list.addEventListener("toggle", (toggle) => (toggle as ToggleEvent).newState === "closed" && list.remove());
    list.addEventListener("keydown", (key) => move(list, key));
    list.showPopover();
    place(list, button);
    list.querySelector("button")?.focus();
  };
}

function item({ title, icon: sign, tone, run }: Choice, list: HTMLElement): TemplateResult {
  const act = () => {
    list.hidePopover();
    run();
  };
  return html`<button class=${tone ?? ""} type="button" role="menuitem" tabindex="-1" @click=${act}>${icon(sign)}${title}</button>`;
}

function move(list: HTMLElement, event: KeyboardEvent): void {
  const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  if (step === 0) return;
  event.preventDefault();
  const items = [...list.querySelectorAll("button")];
  items.at((items.indexOf(document.activeElement as HTMLButtonElement) + step) % items.length)?.focus();
}

/** Under the button, within the window. */
function place(list: HTMLElement, button: HTMLElement): void {
  const [at, size] = [button.getBoundingClientRect(), list.getBoundingClientRect()];
  const below = at.bottom + size.height + 8 <= innerHeight;
  list.style.position = "fixed";
  list.style.margin = "0";
  list.style.left = `${Math.max(8, Math.min(at.right - size.width, innerWidth - size.width - 8))}px`;
  list.style.top = `${below ? at.bottom + 4 : Math.max(8, at.top - size.height - 4)}px`;
}
