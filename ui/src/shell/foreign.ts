// A link with `?gatewayUrl=` wants the page to talk to another gateway. Nothing is sent anywhere before the person has answered, and
// even then this page talks only to its own: the other one has a page of its own, to which the token doesn't go along.

import { html, type TemplateResult } from "lit";
import { Signal } from "../state/signal.ts";
import { icon } from "../design/icons.ts";
import { words } from "./words.ts";

/** The other gateway's address, until the person has answered. */
export const foreign = new Signal<URL | null>(asked());

export function foreignQuestion(): TemplateResult {
  const url = foreign.value!;
  const stay = () => {
    history.replaceState(null, "", location.pathname + location.hash);
    foreign.value = null;
  };
  return html`<main class="login">
    <section class="card">
      <h1>${icon("alert")}${words().foreignTitle}</h1>
      <p>${words().foreignBody(url.host)}</p>
      <div class="actions">
        <button class="button main" type="button" @click=${stay}>${words().foreignStay}</button>
        <a class="button" href=${url.href} rel="noopener noreferrer">${words().foreignGo(url.host)}</a>
      </div>
    </section>
  </main>`;
}

function asked(): URL | null {
  const text = new URLSearchParams(location.search).get("gatewayUrl");
  if (text === null || !URL.canParse(text)) return null;
  const url = new URL(text);
  const isSecure = url.protocol === "wss:" || url.protocol === "https:";
  // Only the place is taken over, never what else stands in the link.
  const place = `${isSecure ? "https" : "http"}://${url.host}/`;
  return url.host !== "" && url.host !== location.host && URL.canParse(place) ? new URL(place) : null;
}
