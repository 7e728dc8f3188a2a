// The base of every element: rendered by Lit into the page itself (no shadow root, so that one design and plain labels and ids
// hold everywhere), and again whenever a signal changes that its `render` read.

import { LitElement, type PropertyValues } from "lit";
import { Reader } from "./signal.ts";

export abstract class View extends LitElement {
  #reader = new Reader(() => this.requestUpdate());
  #endings: (() => void)[] = [];

  /** Called whenever the element comes into the page. What it returns is called when it leaves. */
  protected entered(): (() => void)[] {
    return [];
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#endings = this.entered();
    this.requestUpdate();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#endings.forEach((end) => end());
    this.#endings = [];
    this.#reader.forget();
  }

  protected override update(changed: PropertyValues): void {
    this.#reader.track(() => super.update(changed));
  }
}
