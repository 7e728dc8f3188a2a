// Calls that wait for a decision: a card each, with what would be done as plain text and a button for every answer.

import { element } from "/nodes.js";
import { words } from "/words.js";

export class Approvals {
  #place;
  #decide;
  #cards = new Map();

  /** Cards in `place`; `decide(id, decision)` gives the answer and returns a promise. */
  constructor(place, decide) {
    [this.#place, this.#decide] = [place, decide];
  }

  /** Shows these and no others. */
  replace(waiting) {
    for (const id of [...this.#cards.keys()]) this.remove(id);
    waiting.forEach((one) => this.add(one));
  }

  add({ id, request }) {
    if (this.#cards.has(id)) return;
    const buttons = element("div", "actions");
    const note = element("p", "faint", request.warningText ?? "");
    const card = element(
      "section",
      "approval",
      element("h2", "", words.approval.title),
      element("pre", "plain", request.command),
      element("p", "faint", [request.cwd, request.sessionKey].filter(Boolean).join(" · ")),
      note,
      buttons,
    );
    for (const decision of request.allowedDecisions) {
      const button = element("button", decision === "allow-once" ? "main" : "", words.approval[decision]);
      button.type = "button";
      button.addEventListener("click", () => {
        buttons.querySelectorAll("button").forEach((one) => (one.disabled = true));
        this.#decide(id, decision).then(
          () => this.remove(id),
          (error) => {
            note.textContent = error.message;
            buttons.querySelectorAll("button").forEach((one) => (one.disabled = false));
          },
        );
      });
      buttons.append(button);
    }
    this.#cards.set(id, card);
    this.#place.append(card);
    this.#place.hidden = false;
  }

  remove(id) {
    this.#cards.get(id)?.remove();
    this.#cards.delete(id);
    this.#place.hidden = this.#cards.size === 0;
  }
}
