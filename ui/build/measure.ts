// Fails the build when the first page has grown too large: all scripts and styles that a browser loads before it shows a chat.

import { gzipSync } from "node:zlib";
import type { Plugin, Rollup } from "vite";

const FIRST_PAGE_MAX = 150 * 1024;
const FIRST_MODULES = ["/src/main.ts", "/src/pages/chat/chat.ts"];

export function measure(): Plugin {
  return {
    name: "measure",
    apply: "build",
    generateBundle(_, bundle) {
      const bytes = sizes(bundle);
      const total = [...bytes.values()].reduce((sum, size) => sum + size, 0);
      const rows = [...bytes].map(([file, size]) => `  ${(size / 1024).toFixed(1).padStart(6)} kB  ${file}`);
      console.info(`First page, gzip: ${(total / 1024).toFixed(1)} kB\n${rows.join("\n")}`);
      if (total > FIRST_PAGE_MAX) this.error(`the first page is ${total} bytes in gzip; at most ${FIRST_PAGE_MAX}`);
    },
  };
}

/** The files of the first page, with what each weighs on the wire. */
function sizes(bundle: Rollup.OutputBundle): Map<string, number> {
  const files = new Map<string, number>();
  const add = (name: string) => {
    const file = bundle[name];
    if (!file || files.has(name)) return;
    files.set(name, gzipSync(file.type === "chunk" ? file.code : file.source).length);
    if (file.type !== "chunk") return;
    file.imports.forEach(add);
    file.viteMetadata?.importedCss.forEach(add);
  };
  for (const file of Object.values(bundle)) {
    if (file.type === "chunk" && FIRST_MODULES.some((first) => file.facadeModuleId?.endsWith(first) || (file.isEntry && first === FIRST_MODULES[0]))) add(file.fileName);
  }
  return files;
}
