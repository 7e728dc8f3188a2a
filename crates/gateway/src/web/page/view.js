// Shows a conversation's entries in the list of the page, following its end unless the reader has scrolled away.

import { codeBlock, element, showMarkdown } from "/nodes.js";
import { words } from "/words.js";

/** More is shown on request only: laying out a line of a million characters stops a browser for seconds. */
const SHOWN_MAX = 60_000;
const TOOL_MAX = 20_000;
const NEAR_END_PX = 48;

export class View {
  #list;
  #scroller;
  #toEnd;
  #spoken;
  #shown = new Map();
  #following = true;
  #due = false;

  /** `list` in `scroller`, the button `toEnd` that leads back to the end, and `spoken` for those who listen. */
  constructor({ list, scroller, toEnd, spoken }) {
    [this.#list, this.#scroller, this.#toEnd, this.#spoken] = [list, scroller, toEnd, spoken];
    scroller.addEventListener("scroll", () => {
      this.#following = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END_PX;
      toEnd.hidden = this.#following;
    });
    toEnd.addEventListener("click", () => this.follow());
    // A smaller window or a larger composer must not hide the end from a reader who is there.
    new ResizeObserver(() => this.#following && this.follow()).observe(scroller);
  }

  /** Goes to the end and stays there. */
  follow() {
    this.#following = true;
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#toEnd.hidden = true;
  }

  /** Shows the entries with the next frame. */
  show(conversation) {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.#paint(conversation().entries);
      this.#list.setAttribute("aria-busy", String(conversation().busy));
      if (this.#following) this.follow();
      else this.#toEnd.hidden = false;
    });
  }

  #paint(entries) {
    const seen = new Set(entries.map(({ id }) => id));
    for (const [id, { node }] of this.#shown) {
      if (seen.has(id)) continue;
      node.remove();
      this.#shown.delete(id);
    }
    let place = this.#list.firstElementChild;
    for (const entry of entries) {
      const node = this.#node(entry);
      if (node === place) place = place.nextElementSibling;
      else this.#list.insertBefore(node, place);
    }
  }

  #node(entry) {
    const known = this.#shown.get(entry.id);
    if (known?.entry === entry && known.version === entry.version) return known.node;
    const node = known?.entry.kind === entry.kind ? known.node : element("li", entry.kind);
    fill(node, entry);
    known?.node !== node && known?.node.remove();
    this.#shown.set(entry.id, { node, entry, version: entry.version });
    return node;
  }

  /** Reads out what is new in words: whole paragraphs, so that a listener isn't told the same beginning again and again. */
  speak(text) {
    this.#spoken.append(element("p", "", text));
    while (this.#spoken.children.length > 5) this.#spoken.firstChild.remove();
  }
}

function fill(node, entry) {
  const cut = entry.text.slice(0, SHOWN_MAX);
  if (entry.kind === "tool") return fillTool(node, entry);
  if (entry.kind === "answer") {
    if (!node.firstChild) node.append(element("div", "prose"));
    showMarkdown(node.firstChild, cut);
    while (node.children.length > 1) node.lastChild.remove();
  } else {
    node.dir = "auto";
    node.classList.toggle("pending", entry.pending === true);
    node.replaceChildren(element("span", "", cut));
  }
  if (entry.text.length > cut.length) node.append(rest(entry.text.slice(cut.length)));
}

function rest(text) {
  const button = element("button", "quiet", words.rest(text.length));
  button.type = "button";
  button.addEventListener("click", () => button.replaceWith(element("pre", "plain", text)));
  return button;
}

function fillTool(node, { name, state, hint, input, output }) {
  let details = node.firstChild;
  if (!details) node.append((details = element("details", "")));
  const label = [element("span", "state", words.tool[state]), " ", element("b", "", name), " ", element("code", "", hint)];
  const summary = element("summary", state, ...label);
  const boxes = [input && codeBlock(input, words.input), output && codeBlock(output.slice(0, TOOL_MAX), words.output)];
  const focused = details.contains(document.activeElement);
  details.replaceChildren(summary, ...boxes.filter(Boolean));
  if (focused) summary.focus();
}
