// What the palette offers: pages, and what the rooms of the page bring (sessions, actions).

import { go, address } from "./router.ts";
import { choose as chooseLanguage, LANGUAGES, type Language } from "../i18n/language.ts";
import type { IconName } from "../design/icons.ts";
import { choose as chooseTheme, THEMES } from "../design/theme.ts";
import { gateway } from "../gateway/gateway.ts";
import { PAGES } from "../pages/table.ts";
import { words } from "./words.ts";

export interface Command {
  readonly title: string;
  /** Where it belongs, in small letters behind it. */
  readonly group: string;
  readonly icon: IconName;
  readonly run: () => void;
}

type Source = () => readonly Command[];

const sources = new Set<Source>([pages, actions]);

/** Offers more commands until what it returns is called. */
export function offer(source: Source): () => void {
  sources.add(source);
  return () => void sources.delete(source);
}

/** The commands that hold all of these words, those that begin with them first. */
export function find(query: string): Command[] {
  const all = [...sources].flatMap((source) => source());
  const parts = query.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const rank = ({ title, group }: Command) => {
    const text = `${title} ${group}`.toLocaleLowerCase();
    if (!parts.every((part) => text.includes(part))) return -1;
    return text.startsWith(parts[0] ?? "") ? 0 : 1;
  };
  const ranked = all.map((command) => ({ command, rank: rank(command) })).filter((one) => one.rank >= 0);
  return ranked.sort((a, b) => a.rank - b.rank).map(({ command }) => command);
}

function pages(): Command[] {
  return PAGES.map(({ name, title, icon }) => ({ title: title(), group: words().pages, icon, run: () => go(address(name)) }));
}

function actions(): Command[] {
  const languages = Object.entries(LANGUAGES) as [Language, string][];
  return [
    ...THEMES.map((theme) => ({
      title: words().mode[theme],
      group: words().appearance,
      icon: theme === "light" ? ("sun" as const) : ("moon" as const),
      run: () => chooseTheme(theme),
    })),
    ...languages.map(([code, name]) => ({ title: name, group: words().language, icon: "channel" as const, run: () => chooseLanguage(code) })),
    { title: words().logout, group: words().actions, icon: "key", run: () => gateway.logout() },
  ];
}
