// The navigation on small screens, where it lies over the page until something is chosen.

import { html, type TemplateResult } from "lit";
import { icon } from "../design/icons.ts";
import { Signal } from "../state/signal.ts";
import { words } from "./words.ts";

export const drawer = new Signal(false);

/** Opens the navigation; seen on small screens only. Every page has it at the beginning of its header. */
export function menuButton(): TemplateResult {
  return html`<button
    class="button quiet icon menu-button"
    type="button"
    aria-label=${words().menu}
    aria-expanded=${drawer.value}
    aria-controls="side"
    @click=${() => (drawer.value = true)}
  >${icon("menu")}</button>`;
}
