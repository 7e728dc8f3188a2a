// The list of sessions: which there are, which is shown, and a name for it.

import { element } from "/nodes.js";
import { words } from "/words.js";

const LIMIT = 100;

export class Sessions {
  #ui;
  #rows = [];
  #current = null;
  #mainKey = "";

  /** `ui`: `list`, `title`. `onOpen(key)` when one is chosen. */
  constructor(ui, onOpen) {
    this.#ui = ui;
    this.onOpen = onOpen;
  }

  async refresh(connection, mainKey) {
    this.#mainKey = mainKey;
    const answer = await connection.call("sessions.list", { limit: LIMIT, includeDerivedTitles: true });
    this.#rows = answer.sessions;
    this.#paint();
  }

  choose(key) {
    this.#current = key;
    this.#paint();
  }

  /** What the shown session is called. */
  get title() {
    return this.#name(this.#rows.find(({ key }) => key === this.#current) ?? { key: this.#current });
  }

  #name({ key, label, derivedTitle }) {
    return label ?? (key === this.#mainKey ? words.mainSession : (derivedTitle ?? words.newSession));
  }

  #paint() {
    const known = this.#rows.some(({ key }) => key === this.#current);
    const rows = known || !this.#current ? this.#rows : [{ key: this.#current }, ...this.#rows];
    const focused = this.#ui.list.contains(document.activeElement) && document.activeElement.title;
    this.#ui.list.replaceChildren(...rows.map((row) => this.#item(row)));
    if (focused) [...this.#ui.list.querySelectorAll("button")].find(({ title }) => title === focused)?.focus();
    this.#ui.title.replaceChildren(element("span", "", this.#current ? this.title : ""));
    document.title = this.#current ? `${this.title} · Chela` : "Chela";
  }

  #item(row) {
    const button = element("button", "", this.#name(row));
    button.type = "button";
    button.title = row.key;
    if (row.key === this.#current) button.setAttribute("aria-current", "true");
    if (row.hasActiveRun) button.classList.add("running");
    button.addEventListener("click", () => this.onOpen(row.key));
    return element("li", "", button);
  }
}
