// The command palette: one field that finds everything. Arrow keys move, Enter does it.

import { html, nothing, type TemplateResult } from "lit";
import { open } from "../design/dialog.ts";
import { icon } from "../design/icons.ts";
import { Signal } from "../state/signal.ts";
import { find, type Command } from "./commands.ts";
import { words } from "./words.ts";

const SHOWN = 50;

let isOpen = false;

export async function openPalette(): Promise<void> {
  if (isOpen) return;
  isOpen = true;
  const query = new Signal("");
  const at = new Signal(0);
  const chosen = await open<Command>({ label: words().palette, className: "palette" }, (close) => {
    const found = find(query.value).slice(0, SHOWN);
    return palette({ found, at: Math.min(at.value, found.length - 1), query, move: at, close });
  });
  isOpen = false;
  chosen?.run();
}

interface Shown {
  readonly found: readonly Command[];
  readonly at: number;
  readonly query: Signal<string>;
  readonly move: Signal<number>;
  readonly close: (chosen?: Command) => void;
}

function palette({ found, at, query, move, close }: Shown): TemplateResult {
  const type = (event: InputEvent) => {
    query.value = (event.target as HTMLInputElement).value;
    move.value = 0;
  };
  const press = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      move.value = (at + step + found.length) % Math.max(1, found.length);
      requestAnimationFrame(() => document.getElementById(`command-${move.peek()}`)?.scrollIntoView({ block: "nearest" }));
    } else if (event.key === "Enter" && !event.isComposing && found[at]) {
      event.preventDefault();
      close(found[at]);
    }
  };
  return html`<div class="palette-field">
      ${icon("search")}
      <input
        type="text"
        role="combobox"
        autofocus
        autocomplete="off"
        spellcheck="false"
        placeholder=${words().paletteHint}
        aria-label=${words().palette}
        aria-expanded="true"
        aria-controls="commands"
        aria-activedescendant=${found.length > 0 ? `command-${at}` : nothing}
        @input=${type}
        @keydown=${press}
      />
    </div>
    <ul id="commands" role="listbox" aria-label=${words().palette}>
      ${found.map(
        (command, index) => html`<li
          id="command-${index}"
          role="option"
          aria-selected=${index === at}
          @click=${() => close(command)}
          @pointermove=${() => (move.value = index)}
        >${icon(command.icon)}<span>${command.title}</span><small>${command.group}</small></li>`,
      )}
    </ul>
    ${found.length === 0 ? html`<p class="palette-none faint" role="status">${words().nothingFound}</p>` : nothing}`;
}
