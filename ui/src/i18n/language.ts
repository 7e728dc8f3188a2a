// Which language the page speaks, and how a room of the house (a folder) brings its sentences: in a `words.ts`, all languages side by
// side. A sentence that one language lacks doesn't compile.

import { Signal } from "../state/signal.ts";

export const LANGUAGES = { en: "English", "zh-CN": "简体中文", "zh-TW": "繁體中文" } as const;
export type Language = keyof typeof LANGUAGES;

const KEPT = "chela.language";

/** What the person chose, or else the browser's language. */
export const language = new Signal<Language>(chosen() ?? ofBrowser(navigator.languages));

/** Speaks this one from now on, and after a reload. */
export function choose(next: Language): void {
  localStorage.setItem(KEPT, next);
  language.value = next;
}

/** Sentences, some of which take values. Other languages have the same keys and take the same values. */
type Same<T> = T extends string ? string : T extends (...values: infer V) => string ? (...values: V) => string : { readonly [K in keyof T]: Same<T[K]> };

/** Sentences in every language. Call what it returns where they are shown, so that a change of the language is seen. */
export function translations<T>(all: { readonly en: T } & { readonly [L in Exclude<Language, "en">]: Same<T> }): () => Same<T> {
  return () => all[language.value] as Same<T>;
}

/** The best of our languages for what a browser prefers, in its order. */
export function ofBrowser(preferred: readonly string[]): Language {
  for (const tag of preferred) {
    const locale = new Intl.Locale(tag).maximize();
    if (locale.language === "en") return "en";
    if (locale.language === "zh") return locale.script === "Hant" ? "zh-TW" : "zh-CN";
  }
  return "en";
}

function chosen(): Language | undefined {
  const kept = localStorage.getItem(KEPT);
  return kept !== null && kept in LANGUAGES ? (kept as Language) : undefined;
}
