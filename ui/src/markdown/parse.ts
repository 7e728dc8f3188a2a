// Markdown to plain objects. Pure: no page, no HTML. Linear in the length of the text, whatever it holds: models write (and repeat)
// anything, and a page that freezes is broken. That is why it is our own: the known libraries are quadratic on some texts.

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

/** A piece of a text, with the `source` that it was made from. */
export type Block = { readonly source: string } & Shape;

type Shape =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "heading"; readonly level: number; readonly text: string }
  | { readonly type: "code"; readonly language: string; readonly text: string; readonly isClosed: boolean }
  | { readonly type: "rule" }
  | { readonly type: "quote"; readonly blocks: readonly Block[] }
  | { readonly type: "list"; readonly ordered: boolean; readonly start: number; readonly items: readonly (readonly Block[])[] }
  | { readonly type: "table"; readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] };

/** A piece of a line. */
export type Span =
  | string
  | { readonly type: "code"; readonly text: string }
  | { readonly type: "strong" | "em" | "del"; readonly spans: readonly Span[] }
  | { readonly type: "link"; readonly spans: readonly Span[]; readonly target: string };

/** A shape and the line after it. */
type Found = [shape: Shape, end: number];

/** The blocks of a text. A code fence that isn't closed (an answer that is being written) runs to the end. */
export function parse(source: string): Block[] {
  return blocks(source.split("\n"), 0);
}

const line = (lines: readonly string[], at: number): string => lines[at] ?? "";
const blank = (text: string): boolean => text.trim() === "";
const indent = (text: string): number => text.length - text.trimStart().length;

function blocks(lines: readonly string[], depth: number): Block[] {
  const all = lines.join("\n");
  if (depth >= DEPTH_MAX) return [{ type: "text", text: all, source: all }];
  const found: Block[] = [];
  for (let at = 0; at < lines.length; ) {
    if (blank(line(lines, at))) {
      at += 1;
      continue;
    }
    const [shape, end] = shapeAt(lines, at, depth);
    found.push({ ...shape, source: lines.slice(at, end).join("\n") });
    at = end;
  }
  return found;
}

function shapeAt(lines: readonly string[], at: number, depth: number): Found {
  const first = line(lines, at);
  const fence = FENCE.exec(first);
  if (fence) return code(lines, at, fence);
  const heading = HEADING.exec(first);
  if (heading) return [{ type: "heading", level: heading[1]!.length, text: heading[2]! }, at + 1];
  if (RULE.test(first)) return [{ type: "rule" }, at + 1];
  if (QUOTE.test(first)) {
    const end = endOf(lines, at, (next) => QUOTE.test(next));
    const inner = lines.slice(at, end).map((next) => next.replace(/^ {0,3}> ?/, ""));
    return [{ type: "quote", blocks: blocks(inner, depth + 1) }, end];
  }
  const item = ITEM.exec(first);
  if (item) return list(lines, at, item, depth);
  if (isTable(lines, at)) return table(lines, at);
  const end = endOf(lines, at + 1, (next, index) => !blank(next) && !begins(next) && !isTable(lines, index));
  return [{ type: "text", text: lines.slice(at, end).join("\n") }, end];
}

function begins(text: string): boolean {
  return [FENCE, HEADING, RULE, QUOTE, ITEM].some((mark) => mark.test(text));
}

function endOf(lines: readonly string[], from: number, belongs: (line: string, index: number) => boolean): number {
  let end = from;
  while (end < lines.length && belongs(line(lines, end), end)) end += 1;
  return end;
}

function code(lines: readonly string[], at: number, fence: RegExpExecArray): Found {
  const [mark, info] = [fence[1]!, fence[2]!];
  const closes = (next: string) => next.trimStart().startsWith(mark) && next.replaceAll(mark[0]!, "").trim() === "";
  const end = endOf(lines, at + 1, (next) => !closes(next));
  const text = lines.slice(at + 1, end).join("\n");
  const language = info.trim().split(" ")[0] ?? "";
  return [{ type: "code", language, text, isClosed: end < lines.length }, Math.min(end + 1, lines.length)];
}

function list(lines: readonly string[], from: number, first: RegExpExecArray, depth: number): Found {
  const ordered = first[2]!.length > 1;
  const inside = first[1]!.length + 2;
  const belongs = (mark: RegExpExecArray | null) => mark !== null && mark[1]!.length < inside && mark[2]!.length > 1 === ordered;
  const items: Block[][] = [];
  let at = from;
  for (let mark: RegExpExecArray | null = first; mark && belongs(mark); ) {
    const [body, end] = itemBody(lines, at, mark, inside);
    items.push(blocks(body, depth + 1));
    at = end;
    const next = endOf(lines, at, blank);
    mark = next < lines.length ? ITEM.exec(line(lines, next)) : null;
    if (belongs(mark)) at = next;
  }
  return [{ type: "list", ordered, start: ordered ? Number.parseInt(first[2]!, 10) : 1, items }, at];
}

function itemBody(lines: readonly string[], from: number, mark: RegExpExecArray, inside: number): [body: string[], end: number] {
  const body = [mark[3]!];
  const width = mark[1]!.length + mark[2]!.length + 1;
  let at = from + 1;
  while (at < lines.length) {
    const next = endOf(lines, at, blank);
    if (next === lines.length) break;
    const text = line(lines, next);
    const deep = indent(text) >= inside;
    if (!deep && (next > at || begins(text))) break;
    if (next > at) body.push("");
    body.push(text.slice(Math.min(indent(text), width)));
    at = next + 1;
  }
  return [body, at];
}

function isTable(lines: readonly string[], at: number): boolean {
  const next = lines[at + 1];
  return line(lines, at).includes("|") && next !== undefined && next.length < TABLE_LINE_MAX && TABLE.test(next);
}

function table(lines: readonly string[], at: number): Found {
  const end = endOf(lines, at + 2, (next) => next.includes("|"));
  const cells = (row: string) => row.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
  return [{ type: "table", head: cells(line(lines, at)), rows: lines.slice(at + 2, end).map(cells) }, end];
}

/** Where a mark comes next, from a place on; -1 if nowhere. */
type Finder = (mark: string, from: number) => number;

/** A span and the place after it. */
type Spanned = { readonly span: Span; readonly end: number };

/** The spans of a text. */
export function spans(text: string, depth = 0): Span[] {
  if (depth >= DEPTH_MAX) return [text];
  const found: Span[] = [];
  const next = finder(text);
  const special = new RegExp(SPECIAL);
  let plain = 0;
  for (let hit: RegExpExecArray | null; (hit = special.exec(text)); ) {
    const spanned = spanAt(text, hit.index, next, depth);
    if (!spanned) continue;
    if (hit.index > plain) found.push(text.slice(plain, hit.index));
    found.push(spanned.span);
    plain = special.lastIndex = spanned.end;
  }
  if (plain < text.length) found.push(text.slice(plain));
  return found;
}

/** Remembers each answer, so that a text full of openings is not searched again for each. */
function finder(text: string): Finder {
  const known = new Map<string, number>();
  return (mark, from) => {
    const last = known.get(mark);
    if (last !== undefined && (last === -1 || last >= from)) return last;
    const found = text.indexOf(mark, from);
    known.set(mark, found);
    return found;
  };
}

function spanAt(text: string, at: number, next: Finder, depth: number): Spanned | null {
  const sign = text[at]!;
  if (sign === "\\") return /[!-/:-@[-`{-~]/.test(text[at + 1] ?? "") ? { span: text[at + 1]!, end: at + 2 } : null;
  if (sign === "`") return codeSpan(text, at, next);
  if (sign === "h") return address(text, at);
  if (sign === "[") return link(text, at, next, depth);
  if (sign === "!") return text[at + 1] === "[" ? link(text, at + 1, next, depth) : null;
  const double = text[at + 1] === sign;
  if (sign === "~" && !double) return null;
  const type = sign === "~" ? "del" : double ? "strong" : "em";
  return emphasis(text, at, double ? sign + sign : sign, type, next, depth);
}

function codeSpan(text: string, at: number, next: Finder): Spanned | null {
  const mark = text[at + 1] === "`" ? "``" : "`";
  const end = next(mark, at + mark.length);
  if (end <= at + mark.length) return null;
  return { span: { type: "code", text: text.slice(at + mark.length, end) }, end: end + mark.length };
}

function emphasis(text: string, at: number, mark: string, type: "strong" | "em" | "del", next: Finder, depth: number): Spanned | null {
  const from = at + mark.length;
  const end = next(mark, from);
  const tight = end > from && !/\s/.test(text[from]!) && !/[\s\\]/.test(text[end - 1]!);
  if (!tight) return null;
  const word = (index: number) => /[\p{L}\p{N}]/u.test(text[index] ?? "");
  if (mark[0] === "_" && (word(at - 1) || word(end + mark.length))) return null;
  return { span: { type, spans: spans(text.slice(from, end), depth + 1) }, end: end + mark.length };
}

function address(text: string, at: number): Spanned | null {
  ADDRESS.lastIndex = at;
  const target = ADDRESS.exec(text)?.[0].replace(/[.,;:!?]+$/, "");
  return target ? { span: { type: "link", spans: [target], target }, end: at + target.length } : null;
}

function link(text: string, at: number, next: Finder, depth: number): Spanned | null {
  const middle = next("](", at + 1);
  const end = middle === -1 ? -1 : next(")", middle + 2);
  if (end === -1 || end - at > LINK_MAX) return null;
  // An address may hold one pair of parentheses itself.
  const closed = text.slice(middle + 2, end).includes("(") && text[end + 1] === ")" ? end + 1 : end;
  const target = text.slice(middle + 2, closed).trim().split(/\s/)[0]!.replace(/^<|>$/g, "");
  const inner = spans(text.slice(at + 1, middle), depth + 1);
  const label = inner.flatMap((span) => (typeof span === "object" && span.type === "link" ? span.spans : [span]));
  return { span: { type: "link", spans: label, target }, end: closed + 1 };
}
