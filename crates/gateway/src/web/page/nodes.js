// Markdown objects to nodes of the page. Every piece of text becomes a text node and only `target`s of known schemes
// become links, so nothing that a model writes is ever run, loaded or followed by itself.

import { parse, spans } from "/markdown.js";
import { words } from "/words.js";

const SCHEMES = ["http:", "https:", "mailto:"];
const DIRECTION_SIGNS = /[\u202a-\u202e\u2066-\u2069]/g;

/** A node with children; text among them is shown as it is. */
export function element(name, className, ...children) {
  const node = document.createElement(name);
  if (className) node.className = className;
  node.append(...children.map((child) => (typeof child === "string" ? visible(child) : child)));
  return node;
}

// Signs that turn the direction of text around can make code and links read as what they aren't: they are spelled out.
function visible(text) {
  return text.replace(DIRECTION_SIGNS, (sign) => `⟨U+${sign.codePointAt(0).toString(16).toUpperCase()}⟩`);
}

/** Shows `text` in `node`, touching only the blocks that changed, so that selections and scrolling stay. */
export function showMarkdown(node, text) {
  const old = node.blocks ?? [];
  const blocks = parse(text);
  let same = 0;
  while (same < old.length && same < blocks.length && old[same].source === blocks[same].source) same += 1;
  const [was, is] = [old[same], blocks[same]];
  if (was?.type === "code" && is?.type === "code" && was.language === is.language && is.text.startsWith(was.text)) {
    node.children[same].querySelector("code").append(visible(is.text.slice(was.text.length)));
    same += 1;
  }
  while (node.children.length > same) node.lastChild.remove();
  node.append(...blocks.slice(same).map(block));
  node.blocks = blocks;
}

function block(it) {
  switch (it.type) {
    case "heading":
      return directed(element(`h${Math.min(6, it.level + 2)}`, "", ...inline(it.text)));
    case "code":
      return codeBlock(it.text, it.language);
    case "rule":
      return element("hr");
    case "quote":
      return element("blockquote", "", ...it.blocks.map(block));
    case "list":
      return listOf(it);
    case "table":
      return tableOf(it);
    default:
      return directed(element("p", "", ...inline(it.text)));
  }
}

function directed(node) {
  node.dir = "auto";
  return node;
}

function listOf({ ordered, start, items }) {
  const list = element(ordered ? "ol" : "ul", "", ...items.map((item) => directed(element("li", "", ...tight(item)))));
  if (ordered) list.start = start;
  return list;
}

// An item of one paragraph is its words alone.
function tight(item) {
  const [first, ...others] = item;
  if (first?.type !== "text") return item.map(block);
  return [...inline(first.text), ...others.map(block)];
}

function tableOf({ head, rows }) {
  const row = (name) => (cells) =>
    element("tr", "", ...cells.map((cell) => directed(element(name, "", ...inline(cell)))));
  const body = element("tbody", "", ...rows.map(row("td")));
  const wide = element("div", "wide", element("table", "", element("thead", "", row("th")(head)), body));
  wide.tabIndex = 0;
  return wide;
}

/** Code in a box of its own that scrolls, with a button that copies what is seen. */
export function codeBlock(text, label = "") {
  const code = element("code", "", text);
  const pre = element("pre", "", code);
  pre.tabIndex = 0;
  const button = element("button", "quiet", words.copy);
  button.type = "button";
  button.addEventListener("click", async () => {
    button.textContent = (await copy(code)) ? words.copied : words.copyFailed;
    setTimeout(() => (button.textContent = words.copy), 2_000);
  });
  return element("div", "code", element("div", "bar", element("span", "", label), button), pre);
}

// The clipboard's own interface exists in secure contexts only.
async function copy(node) {
  try {
    await navigator.clipboard.writeText(node.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(node);
    return document.execCommand("copy");
  }
}

function inline(text) {
  return spans(text).map(span);
}

function span(it) {
  if (typeof it === "string") return it;
  if (it.type === "code") return element("code", "", it.text);
  if (it.type === "link") return link(it);
  return element(it.type, "", ...it.spans.map(span));
}

function link({ spans, target }) {
  const label = spans.map(span);
  const url = URL.canParse(target) ? new URL(target) : null;
  if (!url || !SCHEMES.includes(url.protocol)) return element("span", "", ...label, ` (${target})`);
  const anchor = element("a", "", ...label);
  anchor.href = anchor.title = url.href;
  anchor.rel = "noopener noreferrer";
  anchor.target = "_blank";
  // Words that look like one address and lead to another say so.
  const claimed = anchor.textContent.trim();
  const lies = /^\S+\.\S+$/.test(claimed) && !claimed.includes(url.host) && !claimed.includes(target);
  return lies ? element("span", "", anchor, ` (${url.host})`) : anchor;
}
