// Markdown to DOM nodes: paragraphs, headings, lists, code, bold, links. Every piece of text becomes a text node, so
// nothing that a model writes is ever read as HTML.

const INLINE = /`([^`\n]+)`|\*\*([^*\n]+)\*\*|\[([^\]\n]+)\]\((https?:\/\/[^\s)]+)\)|(https?:\/\/[^\s<>"')\]]+)/g;

/** Renders `source` into a fragment. Unclosed code fences (a stream in progress) run to the end. */
export function render(source) {
  const fragment = document.createDocumentFragment();
  const lines = source.split("\n");
  for (let at = 0; at < lines.length; ) {
    const fence = /^\s*```(.*)$/.exec(lines[at]);
    if (fence) {
      const end = lines.findIndex((line, index) => index > at && /^\s*```\s*$/.test(line));
      const stop = end === -1 ? lines.length : end;
      fragment.append(codeBlock(lines.slice(at + 1, stop).join("\n"), fence[1].trim()));
      at = stop + 1;
      continue;
    }
    const start = at;
    while (at < lines.length && lines[at].trim() !== "" && !/^\s*```/.test(lines[at])) at += 1;
    if (at > start) fragment.append(block(lines.slice(start, at)));
    else at += 1;
  }
  return fragment;
}

function block(lines) {
  const heading = /^(#{1,6})\s+(.*)$/.exec(lines[0]);
  if (heading && lines.length === 1) return element("h" + Math.min(6, heading[1].length + 2), inline(heading[2]));
  if (lines.every((line) => /^\s*([-*]|\d+\.)\s+/.test(line))) {
    const ordered = /^\s*\d/.test(lines[0]);
    const items = lines.map((line) => element("li", inline(line.replace(/^\s*([-*]|\d+\.)\s+/, ""))));
    const list = element(ordered ? "ol" : "ul", items);
    if (ordered) list.start = Number.parseInt(lines[0], 10) || 1;
    return list;
  }
  return element("p", inline(lines.join("\n")));
}

function codeBlock(text, language) {
  const code = element("code", [text]);
  if (language) code.dataset.language = language;
  const pre = element("pre", [code]);
  pre.tabIndex = 0;
  return pre;
}

function inline(text) {
  const nodes = [];
  let last = 0;
  for (const match of text.matchAll(INLINE)) {
    nodes.push(text.slice(last, match.index));
    last = match.index + match[0].length;
    const [, code, bold, label, target, bare] = match;
    if (code !== undefined) nodes.push(element("code", [code]));
    else if (bold !== undefined) nodes.push(element("strong", [bold]));
    else nodes.push(link(label ?? bare, target ?? bare));
  }
  nodes.push(text.slice(last));
  return nodes;
}

function link(label, target) {
  const anchor = element("a", [label]);
  anchor.href = target;
  anchor.rel = "noopener noreferrer";
  anchor.target = "_blank";
  return anchor;
}

function element(name, children) {
  const node = document.createElement(name);
  node.append(...children);
  return node;
}
