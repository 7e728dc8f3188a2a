// Markdown to nodes of the page. Every piece of text becomes a text node and only targets of known schemes become links, so nothing
// that a model writes is ever run, loaded or followed by itself.

import { written } from "../design/copy.ts";
import { words } from "../design/words.ts";
import { parse, spans, type Block, type Span } from "./parse.ts";
import "./prose.css";

const SCHEMES = ["http:", "https:", "mailto:"];
const DIRECTION_SIGNS = /[\u202a-\u202e\u2066-\u2069]/g;
const COPIED_MS = 2_000;

/** Markdown in a node, kept up to date: `show` touches only the blocks that changed, so that selections and scrolling stay. */
export class Prose {
  #blocks: readonly Block[] = [];
  #source = "";

  constructor(readonly node: HTMLElement) {
    node.classList.add("prose");
  }

  show(text: string): void {
    const blocks = this.#parse(text);
    const old = this.#blocks;
    let same = 0;
    while (same < old.length && same < blocks.length && old[same]!.source === blocks[same]!.source) same += 1;
    const [was, is] = [old[same], blocks[same]];
    if (was && is && this.#grow(this.node.children[same], was, is)) same += 1;
    while (this.node.children.length > same) this.node.lastElementChild!.remove();
    this.node.append(...blocks.slice(same).map(block));
    this.#blocks = blocks;
    this.#source = text;
  }

  /** A text that only grew can change nothing before its last block. */
  #parse(text: string): readonly Block[] {
    const last = this.#blocks.at(-1);
    if (!last || !text.startsWith(this.#source)) return parse(text);
    const from = this.#source.lastIndexOf(last.source);
    return from <= 0 ? parse(text) : [...this.#blocks.slice(0, -1), ...parse(text.slice(from))];
  }

  /** Adds to a code block that is being written. */
  #grow(node: Element | undefined, was: Block, is: Block): boolean {
    if (was.type !== "code" || is.type !== "code" || was.language !== is.language || is.isClosed || !is.text.startsWith(was.text)) return false;
    node!.querySelector("code")!.append(visible(is.text.slice(was.text.length)));
    return true;
  }
}

/** A text as nodes, for what is shown once. */
export function prose(text: string): HTMLElement {
  const shown = new Prose(document.createElement("div"));
  shown.show(text);
  return shown.node;
}

/** Code in a box of its own that scrolls, with a button that copies it. It is coloured once it is whole. */
export function codeBlock(text: string, label = "", isWhole = true): HTMLElement {
  const code = element("code", "", text);
  const pre = element("pre", "", code);
  pre.tabIndex = 0;
  const button = element("button", "button quiet small", words().copy) as HTMLButtonElement;
  button.type = "button";
  button.addEventListener("click", async () => {
    button.textContent = (await written(code.textContent ?? "")) ? words().copied : words().copyFailed;
    setTimeout(() => (button.textContent = words().copy), COPIED_MS);
  });
  if (isWhole && label) void import("./highlight.ts").then(({ highlight }) => highlight(code, label));
  return element("div", "code", element("div", "bar", element("span", "", label), button), pre);
}

/** A node with children; text among them is shown as it is. */
function element(name: string, className: string, ...children: (Node | string)[]): HTMLElement {
  const node = document.createElement(name);
  if (className) node.className = className;
  node.append(...children.map((child) => (typeof child === "string" ? visible(child) : child)));
  return node;
}

/** Signs that turn the direction of text around can make code and links read as what they aren't: they are spelled out. */
export function visible(text: string): string {
  return text.replace(DIRECTION_SIGNS, (sign) => `⟨U+${sign.codePointAt(0)!.toString(16).toUpperCase()}⟩`);
}

function block(it: Block): HTMLElement {
  switch (it.type) {
    // A page has one title, and it isn't in here.
    case "heading":
      return directed(element(`h${Math.min(6, it.level + 1)}`, "", ...inline(it.text)));
    case "code":
      return codeBlock(it.text, it.language, it.isClosed);
    case "rule":
      return element("hr", "");
    case "quote":
      return element("blockquote", "", ...it.blocks.map(block));
    case "list":
      return listOf(it);
    case "table":
      return tableOf(it);
    case "text":
      return directed(element("p", "", ...inline(it.text)));
  }
}

function directed<T extends HTMLElement>(node: T): T {
  node.dir = "auto";
  return node;
}

function listOf({ ordered, start, items }: Extract<Block, { type: "list" }>): HTMLElement {
  const list = element(ordered ? "ol" : "ul", "", ...items.map((item) => directed(element("li", "", ...tight(item)))));
  if (ordered) (list as HTMLOListElement).start = start;
  return list;
}

/** An item of one paragraph is its words alone. */
function tight(item: readonly Block[]): (Node | string)[] {
  const [first, ...others] = item;
  if (first?.type !== "text") return item.map(block);
  return [...inline(first.text), ...others.map(block)];
}

function tableOf({ head, rows }: Extract<Block, { type: "table" }>): HTMLElement {
  const row = (name: string) => (cells: readonly string[]) =>
    element("tr", "", ...cells.map((cell) => directed(element(name, "", ...inline(cell)))));
  const body = element("tbody", "", ...rows.map(row("td")));
  const wide = element("div", "wide", element("table", "", element("thead", "", row("th")(head)), body));
  wide.tabIndex = 0;
  return wide;
}

function inline(text: string): (Node | string)[] {
  return spans(text).map(span);
}

function span(it: Span): Node | string {
  if (typeof it === "string") return it;
  if (it.type === "code") return element("code", "", it.text);
  if (it.type === "link") return link(it);
  return element(it.type, "", ...it.spans.map(span));
}

function link({ spans, target }: Extract<Span, { type: "link" }>): Node {
  const label = spans.map(span);
  const url = URL.canParse(target) ? new URL(target) : null;
  if (!url || !SCHEMES.includes(url.protocol)) return element("span", "", ...label, ` (${target})`);
  const anchor = element("a", "", ...label) as HTMLAnchorElement;
  anchor.href = anchor.title = url.href;
  anchor.rel = "noopener noreferrer";
  anchor.target = "_blank";
  // Words that look like one address and lead to another say so.
  const claimed = (anchor.textContent ?? "").trim();
  const lies = /^\S+\.\S+$/.test(claimed) && !claimed.includes(url.host) && !claimed.includes(target);
  return lies ? element("span", "", anchor, ` (${url.host})`) : anchor;
}
