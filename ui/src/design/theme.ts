// Light or dark: the system's wish, unless the person chose one here.

import { Signal } from "../state/signal.ts";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEPT = "chela.theme";

export const theme = new Signal<Theme>(THEMES.find((one) => one === localStorage.getItem(KEPT)) ?? "system");

export function choose(next: Theme): void {
  localStorage.setItem(KEPT, next);
  theme.value = next;
  apply();
}

export function apply(): void {
  if (theme.peek() === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.peek();
}
