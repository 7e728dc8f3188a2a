// The whole page: the login, or the frame with its navigation and the page that the address names.

import { html, nothing, type TemplateResult } from "lit";
import { icon } from "../design/icons.ts";
import { failed, skeleton } from "../design/parts.ts";
import { choose as chooseTheme, theme, THEMES, type Theme } from "../design/theme.ts";
import { toastRegion } from "../design/toast.ts";
import * as credential from "../gateway/credential.ts";
import { gateway } from "../gateway/gateway.ts";
import { choose as chooseLanguage, language, LANGUAGES, type Language } from "../i18n/language.ts";
import { groupTitle, GROUPS, PAGES, type Page } from "../pages/table.ts";
import { effect, Signal } from "../state/signal.ts";
import { View } from "../state/view.ts";
import { drawer } from "./drawer.ts";
import { offerSetup } from "./first-visit.ts";
import { foreign, foreignQuestion } from "./foreign.ts";
import { lineText } from "./line.ts";
import "./login.ts";
import { openPalette } from "./palette.ts";
import { address, place } from "./router.ts";
import { words } from "./words.ts";

class App extends View {
  /** The element of the page that is shown, once its code is there. */
  #page = new Signal<{ name: string; element: HTMLElement | null; error: Error | null }>({ name: "", element: null, error: null });

  protected override entered(): (() => void)[] {
    return [
      effect(() => void (document.documentElement.lang = language.value)),
      effect(() => void (foreign.value === null && gateway.line.peek().state === "out" && this.#start())),
      effect(() => void this.#turnTo(place.value.page)),
      offerSetup(),
      listenTo("hashchange", () => {
        const auth = credential.takeFromAddress();
        if (auth) gateway.login(auth);
      }),
      listenTo("keydown", (event) => void ((event as KeyboardEvent).key === "Escape" && (drawer.value = false))),
    ];
  }

  protected override render(): TemplateResult {
    if (foreign.value !== null) return foreignQuestion();
    if (gateway.hello.value === null) return html`<chela-login></chela-login>`;
    return html`<a class="skip button" href="#main" @click=${skip}>${words().skip}</a>
      <div class="frame ${drawer.value ? "drawer" : ""}">
        ${this.#side()}
        <div class="shade" @click=${() => (drawer.value = false)}></div>
        <main id="main" data-page=${this.#page.value.name} tabindex="-1">${this.#outlet()}</main>
      </div>
      ${lineStrip()} ${toastRegion()}`;
  }

  /** A gateway without authentication needs no form, so the first try may be without a token. */
  #start(): void {
    gateway.login(credential.takeFromAddress() ?? credential.kept() ?? { token: "" });
  }

  async #turnTo(page: Page): Promise<void> {
    drawer.value = false;
    document.title = `${page.title()} · Chela`;
    if (this.#page.peek().name === page.name && this.#page.peek().error === null) return;
    const isFirst = this.#page.peek().name === "";
    this.#page.value = { name: page.name, element: null, error: null };
    try {
      await page.load();
      if (place.value.page !== page) return;
      this.#page.value = { name: page.name, element: document.createElement(`page-${page.name}`), error: null };
      if (!isFirst) document.getElementById("main")?.focus({ preventScroll: true });
    } catch {
      this.#page.value = { name: page.name, element: null, error: new Error(words().failedPage) };
    }
  }

  #outlet(): TemplateResult {
    const { element, error } = this.#page.value;
    if (error) return failed(error, () => location.reload());
    return element ? html`${element}` : html`<div class="page">${skeleton(6)}</div>`;
  }

  #side(): TemplateResult {
    return html`<nav id="side" class="side" aria-label=${words().pages}>
      <p class="brand"><img src="/icon.svg" alt="" width="24" height="24" />Chela</p>
      <button class="button quiet find" type="button" @click=${openPalette}>${icon("search")}<span>${words().search}</span><kbd>Ctrl K</kbd></button>
      <div class="groups">${GROUPS.map(group)}</div>
      ${settings()}
    </nav>`;
  }
}

function group(name: (typeof GROUPS)[number]): TemplateResult | typeof nothing {
  const pages = PAGES.filter((page) => page.group === name);
  if (pages.length === 0) return nothing;
  const link = (page: Page) => html`<li>
    <a href=${address(page.name)} aria-current=${place.value.page === page ? "page" : nothing}>${icon(page.icon)}<span>${page.title()}</span></a>
  </li>`;
  return html`<h2 id="group-${name}">${groupTitle()[name]}</h2>
    <ul aria-labelledby="group-${name}">${pages.map(link)}</ul>`;
}

function settings(): TemplateResult {
  const pickTheme = (event: Event) => chooseTheme((event.target as HTMLSelectElement).value as Theme);
  const pickLanguage = (event: Event) => chooseLanguage((event.target as HTMLSelectElement).value as Language);
  const line = gateway.line.value;
  return html`<footer>
    <p class="line" data-state=${line.state}>${lineText(line)}</p>
    <label><span class="unseen">${words().appearance}</span>${icon("moon")}
      <select @change=${pickTheme}>${THEMES.map((one) => html`<option value=${one} ?selected=${theme.value === one}>${words().mode[one]}</option>`)}</select>
    </label>
    <label><span class="unseen">${words().language}</span>${icon("channel")}
      <select @change=${pickLanguage}>${Object.entries(LANGUAGES).map(([code, name]) => html`<option value=${code} ?selected=${language.value === code}>${name}</option>`)}</select>
    </label>
    <button class="button quiet small" type="button" @click=${() => gateway.logout()}>${words().logout}</button>
  </footer>`;
}

/** What lies over the page while there is no connection; it moves nothing. */
function lineStrip(): TemplateResult {
  const line = gateway.line.value;
  const isWrong = line.state === "lost" || line.state === "restarting" || line.state === "connecting";
  return html`<div class="strip ${isWrong ? "" : "empty"}" role="status">
    ${isWrong
      ? html`<p>${lineText(line)}</p>
          ${line.state === "lost" ? html`<button class="button small" type="button" @click=${() => gateway.hurry()}>${words().tryNow}</button>` : nothing}`
      : nothing}
  </div>`;
}

function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function listenTo(name: string, act: (event: Event) => void): () => void {
  addEventListener(name, act);
  return () => removeEventListener(name, act);
}

customElements.define("chela-app", App);
