// The conversation as it is read: follows its end unless the reader has scrolled away, and reads new paragraphs out to those who listen.

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { icon } from "../../design/icons.ts";
import { failed, skeleton } from "../../design/parts.ts";
import { effect, Signal } from "../../state/signal.ts";
import { View } from "../../state/view.ts";
import type { Conversation, Entry } from "./conversation.ts";
import "./entry.ts";
import { room } from "./room.ts";
import { words } from "./words.ts";

const NEAR_END_PX = 48;
const NEAR_START_PX = 600;
const SPOKEN_MAX = 5;
/** How long a turn of the wheel, a finger or a key goes on moving the page. */
const HAND_MS = 1_000;

class Log extends View {
  #isFollowing = new Signal(true);
  #shown: Conversation | null = null;
  #spoken = { id: "", length: 0 };
  #before = { top: 0, height: 0 };
  #touchedAt = -Infinity;
  #first: Entry | undefined;
  /** Of the place that is read, while older messages are put before it. */
  #fromEnd: number | null = null;

  protected override entered(): (() => void)[] {
    return [effect(() => this.#speak(room.conversation.value))];
  }

  protected override render(): TemplateResult {
    const conversation = room.conversation.value;
    const entries = conversation.entries.value;
    return html`<div class="scroller ${this.#isFollowing.value ? "following" : ""}" role="region" tabindex="0" aria-label=${words().conversation} @scroll=${this.#scrolled} @wheel=${this.#touched} @touchmove=${this.#touched} @keydown=${this.#touched} @pointerdown=${this.#touched}>
        ${conversation.hasMore.value
          ? html`<button class="button small older" type="button" ?disabled=${room.isLoading.value} @click=${() => void room.older()}>${icon("arrowUp")}${words().older}</button>`
          : nothing}
        <ol class="log" aria-busy=${conversation.isBusy.value}>
          ${repeat(entries, ({ id }) => id, (entry) => html`<li><chat-entry class="entry ${entry.kind}" .entry=${entry}></chat-entry></li>`)}
        </ol>
        ${entries.length === 0 ? this.#blank() : nothing}
      </div>
      ${this.#isFollowing.value ? nothing : html`<button class="button to-end" type="button" @click=${() => this.follow()}>${icon("arrowDown")}${words().newest}</button>`}
      <div class="unseen spoken" aria-live="polite"></div>`;
  }

  protected override firstUpdated(): void {
    // Content that turns out taller, and a smaller window, must not hide the end from a reader who is there.
    const observer = new ResizeObserver(() => this.#isFollowing.peek() && this.follow());
    observer.observe(this.#scroller);
    observer.observe(this.querySelector(".log")!);
  }

  protected override willUpdate(): void {
    const first = room.conversation.peek().entries.peek()[0];
    const isOlder = this.#first !== undefined && first !== this.#first && room.conversation.peek() === this.#shown;
    this.#fromEnd = isOlder ? this.#scroller.scrollHeight - this.#scroller.scrollTop : null;
    this.#first = first;
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    const conversation = room.conversation.peek();
    if (conversation !== this.#shown) this.#isFollowing.value = true;
    this.#shown = conversation;
    if (this.#isFollowing.peek()) this.follow();
    // What came in above must not move what is read.
    else if (this.#fromEnd !== null) this.#scroller.scrollTop = this.#scroller.scrollHeight - this.#fromEnd;
  }

  /** Goes to the end and stays there. */
  follow(): void {
    this.#isFollowing.value = true;
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }

  get #scroller(): HTMLElement {
    return this.querySelector<HTMLElement>(".scroller")!;
  }

  #blank(): TemplateResult {
    const error = room.error.value;
    if (error) return failed(error, () => location.reload());
    if (room.isLoading.value) return html`<div class="log">${skeleton(5)}</div>`;
    return html`<div class="blank welcome"><h2>${words().empty}</h2><p>${words().emptyHint}</p></div>`;
  }

  #touched = () => (this.#touchedAt = performance.now());

  #scrolled = (event: Event) => {
    const scroller = event.currentTarget as HTMLElement;
    const { scrollTop: top, scrollHeight: height, clientHeight } = scroller;
    // Content that turns out taller or shorter moves the place too. It is the reader who goes up if a hand was at it, or nothing else
    // has changed.
    const isReader = height === this.#before.height || performance.now() - this.#touchedAt < HAND_MS;
    if (height - top - clientHeight < NEAR_END_PX) this.#isFollowing.value = true;
    else if (isReader && top < this.#before.top) this.#isFollowing.value = false;
    else if (this.#isFollowing.peek()) this.follow();
    this.#before = { top, height };
    if (scroller.scrollTop < NEAR_START_PX && room.conversation.peek().hasMore.peek()) void room.older();
  };

  /** Whole paragraphs of the newest answer, and the rest of it at its end, so that nobody hears a beginning again and again. */
  #speak(conversation: Conversation): void {
    const last = conversation.entries.value.findLast(({ kind }) => kind === "answer" || kind === "failed");
    if (!last) return;
    const { text, isOpen } = last.facts.value;
    if (this.#spoken.id !== last.id) this.#spoken = { id: last.id, length: isOpen || this.#spoken.id !== "" ? 0 : text.length };
    const end = isOpen ? text.lastIndexOf("\n\n") : text.length;
    const place = this.querySelector(".spoken");
    if (end <= this.#spoken.length || !place) return;
    const paragraph = document.createElement("p");
    paragraph.textContent = text.slice(this.#spoken.length, end);
    place.append(paragraph);
    while (place.children.length > SPOKEN_MAX) place.firstElementChild!.remove();
    this.#spoken = { id: last.id, length: end };
  }
}

customElements.define("chat-log", Log);
