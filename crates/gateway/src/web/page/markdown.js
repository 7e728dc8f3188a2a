// Markdown to plain objects. Pure: no page, no HTML. Linear in the length of the text, whatever it holds: models write
// (and repeat) anything, and a page that freezes is broken.

/** Quotes and lists inside each other, and spans inside each other; what is deeper stays text. */
const DEPTH_MAX = 8;
const LINK_MAX = 2_000;
const TABLE_LINE_MAX = 2_000;

const FENCE = /^ {0,3}(`{3,}|~{3,})([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6}) +(.*)$/;
const RULE = /^ {0,3}([-*_])( *\1){2,} *$/;
const QUOTE = /^ {0,3}>/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)]) +(.*)$/;
const TABLE = /^ *\|?( *:?-+:? *\|)+( *:?-+:?)? *$/;
const SPECIAL = /[\\`*_~![]|https?:\/\//g;
const ADDRESS = /https?:\/\/[^\s<>"'`*)\]]{1,2000}/y;

const blank = (line) => line.trim() === "";
const indent = (line) => line.length - line.trimStart().length;

/**
 * The blocks of a text: `{type: "text"|"heading"|"code"|"rule"|"quote"|"list"|"table", …}`, each with the `source` it was
 * made from. A code fence that isn't closed (an answer that is being written) runs to the end.
 */
export function parse(source) {
  return blocks(source.split("\n"), 0);
}

function blocks(lines, depth) {
  if (depth >= DEPTH_MAX) return [{ type: "text", text: lines.join("\n"), source: lines.join("\n") }];
  const found = [];
  for (let at = 0; at < lines.length; ) {
    if (blank(lines[at])) {
      at += 1;
      continue;
    }
    const [block, end] = blockAt(lines, at, depth);
    found.push({ ...block, source: lines.slice(at, end).join("\n") });
    at = end;
  }
  return found;
}

// The block that begins at a line, and the line after it.
function blockAt(lines, at, depth) {
  const line = lines[at];
  const fence = FENCE.exec(line);
  if (fence) return code(lines, at, fence);
  const heading = HEADING.exec(line);
  if (heading) return [{ type: "heading", level: heading[1].length, text: heading[2] }, at + 1];
  if (RULE.test(line)) return [{ type: "rule" }, at + 1];
  if (QUOTE.test(line)) {
    const end = endOf(lines, at, (next) => QUOTE.test(next));
    const inner = lines.slice(at, end).map((next) => next.replace(/^ {0,3}> ?/, ""));
    return [{ type: "quote", blocks: blocks(inner, depth + 1) }, end];
  }
  if (ITEM.test(line)) return list(lines, at, depth);
  if (isTable(lines, at)) return table(lines, at);
  const end = endOf(lines, at + 1, (next, index) => !blank(next) && !begins(next) && !isTable(lines, index));
  return [{ type: "text", text: lines.slice(at, end).join("\n") }, end];
}

const begins = (line) => FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line) || ITEM.test(line);

function endOf(lines, from, belongs) {
  let end = from;
  while (end < lines.length && belongs(lines[end], end)) end += 1;
  return end;
}

function code(lines, at, [, mark, info]) {
  const closes = (line) => line.trimStart().startsWith(mark) && line.replaceAll(mark[0], "").trim() === "";
  const end = endOf(lines, at + 1, (line) => !closes(line));
  const text = lines.slice(at + 1, end).join("\n");
  return [{ type: "code", language: info.trim().split(" ")[0], text }, Math.min(end + 1, lines.length)];
}

function list(lines, from, depth) {
  const first = ITEM.exec(lines[from]);
  const ordered = first[2].length > 1;
  const inside = first[1].length + 2;
  const items = [];
  let at = from;
  for (let mark = first; mark && mark[1].length < inside && mark[2].length > 1 === ordered; ) {
    const [body, end] = itemBody(lines, at, mark, inside);
    items.push(blocks(body, depth + 1));
    at = end;
    const next = endOf(lines, at, blank);
    mark = next < lines.length ? ITEM.exec(lines[next]) : null;
    if (mark && mark[1].length < inside && mark[2].length > 1 === ordered) at = next;
  }
  return [{ type: "list", ordered, start: ordered ? Number.parseInt(first[2], 10) : 1, items }, at];
}

function itemBody(lines, from, mark, inside) {
  const body = [mark[3]];
  const width = mark[1].length + mark[2].length + 1;
  let at = from + 1;
  while (at < lines.length) {
    const next = endOf(lines, at, blank);
    if (next === lines.length) break;
    const line = lines[next];
    const deep = indent(line) >= inside;
    if (!deep && (next > at || begins(line))) break;
    if (next > at) body.push("");
    body.push(line.slice(Math.min(indent(line), width)));
    at = next + 1;
  }
  return [body, at];
}

const isTable = (lines, at) =>
  lines[at].includes("|") && (lines[at + 1]?.length ?? Infinity) < TABLE_LINE_MAX && TABLE.test(lines[at + 1]);

function table(lines, at) {
  const end = endOf(lines, at + 2, (line) => line.includes("|"));
  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
  return [{ type: "table", head: cells(lines[at]), rows: lines.slice(at + 2, end).map(cells) }, end];
}

/** The spans of a line: strings and `{type: "code"|"strong"|"em"|"del", …}` and `{type: "link", spans, target}`. */
export function spans(text, depth = 0) {
  if (depth >= DEPTH_MAX) return [text];
  const found = [];
  const next = finder(text);
  const special = new RegExp(SPECIAL);
  let plain = 0;
  for (let hit; (hit = special.exec(text)); ) {
    const span = spanAt(text, hit.index, next, depth);
    if (!span) continue;
    if (hit.index > plain) found.push(text.slice(plain, hit.index));
    found.push(span.node);
    plain = special.lastIndex = span.end;
  }
  if (plain < text.length) found.push(text.slice(plain));
  return found;
}

// Where a mark comes next. Remembers each answer, so that a text full of openings is not searched again for each.
function finder(text) {
  const known = new Map();
  return (mark, from) => {
    const last = known.get(mark);
    if (last === undefined || (last !== -1 && last < from)) known.set(mark, text.indexOf(mark, from));
    return known.get(mark);
  };
}

function spanAt(text, at, next, depth) {
  const sign = text[at];
  if (sign === "\\") return /[!-/:-@[-`{-~]/.test(text[at + 1] ?? "") ? { node: text[at + 1], end: at + 2 } : null;
  if (sign === "`") return codeSpan(text, at, next);
  if (sign === "h") return address(text, at);
  if (sign === "[") return link(text, at, next, depth);
  if (sign === "!") return text[at + 1] === "[" ? link(text, at + 1, next, depth) : null;
  const double = text[at + 1] === sign;
  if (sign === "~" && !double) return null;
  const type = sign === "~" ? "del" : double ? "strong" : "em";
  return emphasis(text, at, double ? sign + sign : sign, type, next, depth);
}

function codeSpan(text, at, next) {
  const mark = text[at + 1] === "`" ? "``" : "`";
  const end = next(mark, at + mark.length);
  if (end <= at + mark.length) return null;
  return { node: { type: "code", text: text.slice(at + mark.length, end) }, end: end + mark.length };
}

function emphasis(text, at, mark, type, next, depth) {
  const from = at + mark.length;
  const end = next(mark, from);
  const tight = end > from && !/\s/.test(text[from]) && !/\s/.test(text[end - 1]);
  if (!tight) return null;
  const word = (index) => /[\p{L}\p{N}]/u.test(text[index] ?? "");
  if (mark[0] === "_" && (word(at - 1) || word(end + mark.length))) return null;
  return { node: { type, spans: spans(text.slice(from, end), depth + 1) }, end: end + mark.length };
}

function address(text, at) {
  ADDRESS.lastIndex = at;
  const target = ADDRESS.exec(text)?.[0].replace(/[.,;:!?]+$/, "");
  return target ? { node: { type: "link", spans: [target], target }, end: at + target.length } : null;
}

function link(text, at, next, depth) {
  const middle = next("](", at + 1);
  const end = middle === -1 ? -1 : next(")", middle + 2);
  if (end === -1 || end - at > LINK_MAX) return null;
  // An address may hold one pair of parentheses itself.
  const closed = text.slice(middle + 2, end).includes("(") && text[end + 1] === ")" ? end + 1 : end;
  const target = text.slice(middle + 2, closed).trim().split(/\s/)[0].replace(/^<|>$/g, "");
  const label = spans(text.slice(at + 1, middle), depth + 1).flatMap((span) => (span.type === "link" ? span.spans : [span]));
  return { node: { type: "link", spans: label, target }, end: closed + 1 };
}
