import { expect, test } from "vitest";
import { parse, spans, type Block, type Span } from "./parse.ts";

/** Blocks without what they were made from. */
const shapes = (blocks: readonly Block[]): unknown => JSON.parse(JSON.stringify(blocks, (key, value: unknown) => (key === "source" ? undefined : value)));

const text = (words: string) => ({ type: "text", text: words });

test("blocks", () => {
  expect(shapes(parse("# A\n\nb\nc\n\n---\n> d\n> e"))).toEqual([
    { type: "heading", level: 1, text: "A" },
    text("b\nc"),
    { type: "rule" },
    { type: "quote", blocks: [text("d\ne")] },
  ]);
});

test("lists inside each other, with code", () => {
  expect(shapes(parse("1. First\n2. Then:\n\n   ```sh\n   a\n   ```\n3. Nested:\n   - one\n     - two"))).toEqual([
    {
      type: "list",
      ordered: true,
      start: 1,
      items: [
        [text("First")],
        [text("Then:"), { type: "code", language: "sh", text: "a", isClosed: true }],
        [text("Nested:"), { type: "list", ordered: false, start: 1, items: [[text("one"), { type: "list", ordered: false, start: 1, items: [[text("two")]] }]] }],
      ],
    },
  ]);
});

test("a table, and a fence that is still being written", () => {
  expect(shapes(parse("|a|b|\n|-|-|\n|1|2|\n\n```rust\nfn"))).toEqual([
    { type: "table", head: ["a", "b"], rows: [["1", "2"]] },
    { type: "code", language: "rust", text: "fn", isClosed: false },
  ]);
});

test("spans", () => {
  expect(spans("a **b** `x*y` [l](http://a.b/(c)) snake_case 2*3 \\*no\\* https://x.y/z.")).toEqual([
    "a ",
    { type: "strong", spans: ["b"] },
    " ",
    { type: "code", text: "x*y" },
    " ",
    { type: "link", spans: ["l"], target: "http://a.b/(c)" },
    " snake_case 2*3 ",
    "*",
    "no",
    "*",
    " ",
    { type: "link", spans: ["https://x.y/z"], target: "https://x.y/z" },
    ".",
  ]);
});

test("a link in a link's words stays words", () => {
  expect(spans("[https://bank.example](https://evil.example)")).toEqual([{ type: "link", spans: ["https://bank.example"], target: "https://evil.example" } satisfies Span]);
});

// Twice the text may take twice the time, and not four times: the guard against one day freezing a page. The bound is wide, since a
// quadratic reader takes minutes here.
const HOSTILE = {
  brackets: "[".repeat(300_000),
  stars: "*a ".repeat(100_000),
  ticks: "`a``".repeat(80_000),
  links: "[a](b".repeat(80_000),
  quotes: ">".repeat(10_000),
  blanks: `- a\n${"\n".repeat(300_000)}`,
  items: "- a\n\n".repeat(30_000),
  nested: Array.from({ length: 1_000 }, (_, depth) => `${" ".repeat(depth * 2)}- a`).join("\n"),
  pipes: `${"|-".repeat(200_000)}\n${"|-".repeat(200_000)}`,
  fences: "```\na\n```\n".repeat(30_000),
  addresses: "http://".repeat(80_000),
  mixed: "x**`[".repeat(80_000),
};

test.each(Object.entries(HOSTILE))("a text full of %s is read in a moment", (_, hostile) => {
  const read = (blocks: readonly Block[]) => {
    for (const block of blocks) {
      if (block.type === "text") spans(block.text);
      if (block.type === "quote") read(block.blocks);
      if (block.type === "list") block.items.forEach(read);
      if (block.type === "table") block.rows.flat().forEach((cell) => spans(cell));
    }
  };
  read(parse(hostile));
}, 5_000);
