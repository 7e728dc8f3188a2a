// Where a message is written: text, files by button, drop and paste, the model that answers and how hard it thinks, stop and send.

import { html, nothing, type TemplateResult } from "lit";
import { icon } from "../../design/icons.ts";
import { attempt, complain } from "../../design/toast.ts";
import { gateway } from "../../gateway/gateway.ts";
import { bytes } from "../../i18n/format.ts";
import type { ChatCommand, ModelsListResult, QueueMode } from "../../protocol/types.ts";
import { Resource } from "../../state/resource.ts";
import { effect, Signal } from "../../state/signal.ts";
import { View } from "../../state/view.ts";
import { attachmentOf, type Attached } from "./attachments.ts";
import { room } from "./room.ts";
import { fitting, written } from "./slash.ts";
import { words } from "./words.ts";

const DRAFT = "chela.draft:";
const LEVELS = ["off", "minimal", "low", "medium", "high", "xhigh"] as const;

const models = new Resource<ModelsListResult>(() => gateway.call("models.list", { view: "configured" }), ["config.changed"]);

const commands = new Resource(() => gateway.call("chat.metadata"), ["config.changed"]);

class Composer extends View {
  /** What is being written, for offering commands. */
  #text = new Signal("");
  #chosen = new Signal(0);
  #files = new Signal<readonly Attached[]>([]);
  #isOver = new Signal(false);

  protected override entered(): (() => void)[] {
    return [
      models.follow(),
      commands.follow(),
      effect(() => this.#restore(room.key.value)),
      effect(() => this.#takeBack(room.returned.value)),
    ];
  }

  protected override render(): TemplateResult {
    const isBusy = room.conversation.value.isBusy.value;
    return html`<form class="composer ${this.#isOver.value ? "over" : ""}" @submit=${this.#submit} @dragover=${this.#drag} @dragleave=${this.#leave} @drop=${this.#drop}>
      ${this.#files.value.length > 0 ? html`<ul class="files">${this.#files.value.map((file) => this.#file(file))}</ul>` : nothing}
      ${this.#commands()}
      <label for="message" class="unseen">${words().composer}</label>
      <textarea
        id="message"
        rows="1"
        aria-autocomplete="list"
        aria-controls=${this.#offered().length > 0 ? "slash" : nothing}
        aria-activedescendant=${this.#offered().length > 0 ? `slash-${this.#chosen.value}` : nothing}
        placeholder=${this.#isOver.value ? words().attachDrop : words().messagePlaceholder}
        aria-describedby="keys note"
        @keydown=${this.#press}
        @input=${this.#typed}
        @paste=${this.#paste}
      ></textarea>
      <p id="note" class="small" role="status">${room.note.value}</p>
      <p id="keys" class="unseen">${words().keys}. ${words().keysSteer}</p>
      <div class="composer-row">
        <label class="button quiet icon small attach" title=${words().attach}>${icon("attach")}<span class="unseen">${words().attach}</span>
          <input class="unseen" type="file" multiple @change=${this.#pick} /></label>
        ${this.#models()} ${this.#thinking()}
        <span class="push"></span>
        ${isBusy ? html`<button class="button icon" type="button" aria-label=${words().stop} title=${words().stop} @click=${this.#stop}>${icon("stop")}</button>` : nothing}
        <button class="button main icon" aria-label=${words().send} title=${words().send}>${icon("send")}</button>
      </div>
    </form>`;
  }

  #file(file: Attached): TemplateResult {
    const { fileName, sizeBytes } = file.attachment;
    const remove = () => (this.#files.value = this.#files.peek().filter((one) => one !== file));
    return html`<li>
      ${file.preview ? html`<img src=${file.preview} alt="" width="40" height="40" />` : icon("file")}
      <span>${fileName}</span><span class="faint">${bytes(sizeBytes ?? 0)}</span>
      <button class="button quiet icon small" type="button" aria-label="${words().remove}: ${fileName}" @click=${remove}>${icon("close")}</button>
    </li>`;
  }

  #offered(): ChatCommand[] {
    return fitting(this.#text.value, commands.value?.commands ?? []);
  }

  #commands(): TemplateResult | typeof nothing {
    const offered = this.#offered();
    if (offered.length === 0) return nothing;
    return html`<ul id="slash" class="slash" role="listbox" aria-label=${words().commands}>
      ${offered.map(
        (command, index) => html`<li id="slash-${index}" role="option" aria-selected=${index === this.#chosen.value} @click=${() => this.#write(written(command))}>
          <b>/${command.name}</b><span class="faint small">${command.description}</span>
        </li>`,
      )}
    </ul>`;
  }

  /** Keys that move among the commands on offer, or take one; whether this was one. */
  #chooses(event: KeyboardEvent): boolean {
    const offered = this.#offered();
    const chosen = offered[this.#chosen.peek()];
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (!chosen || event.isComposing) return false;
    if (step !== 0) this.#chosen.value = (this.#chosen.peek() + step + offered.length) % offered.length;
    else if (event.key === "Escape") this.#text.value = "";
    else if (event.key === "Tab" || (event.key === "Enter" && written(chosen) !== this.#text.peek())) this.#write(written(chosen));
    else return false;
    return true;
  }

  #write(text: string): void {
    this.#field.value = text;
    this.#typed();
    this.#field.focus();
  }

  #models(): TemplateResult | typeof nothing {
    const all = models.value?.models.filter(({ available }) => available) ?? [];
    const info = room.info.value;
    const own = info?.modelOverrideSource === "user" ? `${info.modelProvider}/${info.model}` : "";
    if (all.length < 2 && !own) return nothing;
    const usual = info?.model && !own ? words().modelDefault(info.model) : words().modelUnset;
    return html`<select class="pick" aria-label=${words().model} @change=${this.#set("model")}>
      <option value="" ?selected=${own === ""}>${usual}</option>
      ${all.map(({ provider, id, name }) => html`<option value="${provider}/${id}" ?selected=${own === `${provider}/${id}`}>${name}</option>`)}
    </select>`;
  }

  #thinking(): TemplateResult {
    const level = room.info.value?.thinkingLevel ?? "";
    return html`<select class="pick" aria-label=${words().thinking} @change=${this.#set("thinkingLevel")}>
      <option value="" ?selected=${level === ""}>${words().thinkingDefault}</option>
      ${LEVELS.map((one) => html`<option value=${one} ?selected=${level === one}>${words().thinkingLevel[one]}</option>`)}
    </select>`;
  }

  #set(field: "model" | "thinkingLevel") {
    return (event: Event) => {
      const value = (event.target as HTMLSelectElement).value || null;
      const key = room.key.peek();
      if (key !== null) void attempt(() => gateway.call("sessions.patch", { key, [field]: value }));
    };
  }

  #submit = (event?: Event, mode?: QueueMode) => {
    event?.preventDefault();
    const field = this.#field;
    const text = field.value.trim();
    const files = this.#files.peek();
    if (!text && files.length === 0) return;
    field.value = this.#text.value = "";
    this.#files.value = [];
    this.#keep("");
    field.focus();
    void room.send(text, files, mode);
    document.querySelector<HTMLElement & { follow(): void }>("chat-log")?.follow();
  };

  #press = (event: KeyboardEvent) => {
    if (this.#chooses(event)) event.preventDefault();
    else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.#submit(undefined, event.ctrlKey || event.metaKey ? "steer" : undefined);
    } else if (event.key === "Escape" && room.conversation.peek().isBusy.peek()) {
      event.preventDefault();
      this.#stop();
    }
  };

  #typed = () => {
    this.#text.value = this.#field.value;
    this.#chosen.value = 0;
    this.#keep(this.#field.value);
  };

  #stop = () => {
    this.#field.focus();
    room.stop();
  };

  #paste = (event: ClipboardEvent) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    void this.#attach(files);
  };

  #pick = (event: Event) => {
    const input = event.target as HTMLInputElement;
    void this.#attach([...(input.files ?? [])]);
    input.value = "";
  };

  #drag = (event: DragEvent) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    this.#isOver.value = true;
  };

  #leave = () => (this.#isOver.value = false);

  #drop = (event: DragEvent) => {
    event.preventDefault();
    this.#isOver.value = false;
    void this.#attach([...(event.dataTransfer?.files ?? [])]);
  };

  async #attach(files: readonly File[]): Promise<void> {
    for (const file of files) {
      try {
        this.#files.value = [...this.#files.peek(), await attachmentOf(file)];
      } catch (error) {
        complain(error);
      }
    }
  }

  /** What was being written in a session comes back with it. */
  #restore(key: string | null): void {
    void this.updateComplete.then(() => {
      this.#field.value = (key !== null && sessionStorage.getItem(DRAFT + key)) || "";
      if (matchMedia("(pointer: fine)").matches) this.#field.focus();
    });
  }

  #takeBack(text: string | null): void {
    if (text === null) return;
    room.returned.value = null;
    void this.updateComplete.then(() => {
      this.#field.value ||= text;
      this.#field.focus();
    });
  }

  /** A tab's storage is small. What doesn't fit lives as long as the page. */
  #keep(text: string): void {
    const name = DRAFT + (room.key.peek() ?? "");
    try {
      if (text) sessionStorage.setItem(name, text);
      else sessionStorage.removeItem(name);
    } catch {
      sessionStorage.removeItem(name);
    }
  }

  get #field(): HTMLTextAreaElement {
    return this.querySelector<HTMLTextAreaElement>("#message")!;
  }
}

customElements.define("chat-composer", Composer);
