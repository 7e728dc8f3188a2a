// Where in the page the person is, as the address says it: `/<page>/<rest>`. Links are plain links; they are followed without loading
// anything again.

import { HOME, PAGES, type Page } from "../pages/table.ts";
import { Computed, Signal } from "../state/signal.ts";

const path = new Signal(location.pathname);

export const place = new Computed(() => {
  const [name = "", ...rest] = path.value.split("/").slice(1);
  const page: Page = PAGES.find((one) => one.name === name) ?? HOME;
  return { page, rest: decoded(rest.join("/")) };
});

/** The address of a page, and of a thing on it. Colons stay readable: session keys are full of them. */
export function address(name: string, rest = ""): string {
  return rest ? `/${name}/${encodeURIComponent(rest).replaceAll("%3A", ":")}` : `/${name}`;
}

/** Goes there. `replace` leaves no step back. */
export function go(to: string, { replace = false } = {}): void {
  if (to === location.pathname) return;
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  path.value = location.pathname;
}

/** Before the id of a question in the link that the gateway names it by. */
const QUESTION = "#approval=";

/** Follows links within the page and the browser's own buttons. */
export function listen(): void {
  if (location.hash.startsWith(QUESTION)) go(address("approvals"), { replace: true });
  addEventListener("popstate", () => (path.value = location.pathname));
  addEventListener("click", (event) => {
    const link = (event.target as Element).closest?.("a[href]");
    if (!(link instanceof HTMLAnchorElement) || !isOurs(link, event)) return;
    event.preventDefault();
    go(link.pathname);
  });
}

function isOurs(link: HTMLAnchorElement, event: MouseEvent): boolean {
  const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  const isPage = link.origin === location.origin && !link.hash && !link.target && !link.hasAttribute("download");
  return isPlain && isPage && !event.defaultPrevented;
}

/** An address that somebody typed may be no good encoding. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
