// Colours in code, loaded when the first code is shown. The library reads the code; the nodes are made here, from its tree and not
// from its HTML.

import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import ini from "highlight.js/lib/languages/ini";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import markdown from "highlight.js/lib/languages/markdown";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";

/** More than this would be noticed while it is read. */
const LENGTH_MAX = 50_000;

const LANGUAGES = { bash, css, diff, go, ini, javascript, json, markdown, python, rust, sql, typescript, xml, yaml };
for (const [name, language] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, language);
hljs.registerAliases(["toml"], { languageName: "ini" });
hljs.registerAliases(["json5", "jsonc"], { languageName: "json" });

/** The library's tree: words, and what they are. */
interface Scoped {
  readonly scope?: string;
  readonly children: readonly (Scoped | string)[];
}

/** Colours the words of a code element; leaves it as it is when the language isn't known. */
export function highlight(code: HTMLElement, language: string): void {
  const text = code.textContent ?? "";
  if (text.length > LENGTH_MAX || !hljs.getLanguage(language)) return;
  const { _emitter } = hljs.highlight(text, { language, ignoreIllegals: true }) as unknown as { _emitter: { rootNode: Scoped } };
  code.replaceChildren(...nodes(_emitter.rootNode));
}

function nodes({ children }: Scoped): (Node | string)[] {
  return children.map((child) => {
    if (typeof child === "string") return child;
    const inner = nodes(child);
    if (!child.scope) {
      const fragment = document.createDocumentFragment();
      fragment.append(...inner);
      return fragment;
    }
    const span = document.createElement("span");
    span.className = `c-${child.scope.split(".")[0]}`;
    span.append(...inner);
    return span;
  });
}
