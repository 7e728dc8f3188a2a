// Logging in to a channel with a code on the screen that a phone takes a picture of. No channel that is built in asks for it; those that
// hold a token don't get the offer.

import { html, type TemplateResult } from "lit";
import { open } from "../../design/dialog.ts";
import { badge, banner } from "../../design/parts.ts";
import { gateway } from "../../gateway/gateway.ts";
import { Signal } from "../../state/signal.ts";
import { channels } from "./state.ts";
import { words } from "./words.ts";

const SHOW_CODES: ReadonlySet<string> = new Set(["whatsapp", "zalouser"]);
const PICTURE = "data:image/png;base64,";

/** What both methods answer, as far as the page reads it. */
interface Answer {
  readonly qrDataUrl?: string;
  readonly message?: string;
  readonly connected?: boolean;
}

type Step = { readonly is: "asked" } | { readonly is: "code"; readonly url: string; readonly message: string } | { readonly is: "over" | "done"; readonly message: string };

export function showsCode(channel: string): boolean {
  return SHOW_CODES.has(channel);
}

/** Shows the code until the phone took it, or the person closes the dialog. */
export async function logIn(channel: string, title: string): Promise<void> {
  const step = new Signal<Step>({ is: "asked" });
  let isClosed = false;
  const shown = open<void>({ label: words().logInTitle(title) }, (close) => dialog(title, step.value, close));
  void shown.then(() => (isClosed = true));
  let url = "";
  try {
    let answer = (await gateway.call("web.login.start", { channel })) as Answer;
    while (!isClosed && !answer.connected && answer.qrDataUrl) {
      URL.revokeObjectURL(url);
      url = pictureUrl(answer.qrDataUrl);
      step.value = { is: "code", url, message: answer.message ?? words().scan };
      answer = (await gateway.call("web.login.wait", { channel })) as Answer;
    }
    step.value = answer.connected ? { is: "done", message: answer.message ?? words().loggedIn } : { is: "over", message: answer.message ?? words().noPicture };
  } catch (error) {
    step.value = { is: "over", message: (error as Error).message };
  }
  await shown;
  URL.revokeObjectURL(url);
  await channels.refresh();
}

function dialog(title: string, step: Step, close: () => void): TemplateResult {
  return html`<div class="body">
    <h2>${words().logInTitle(title)}</h2>
    <div class="channel-code" aria-live="polite">
      ${shownStep(step)}
    </div>
    <div class="actions end"><button class="button" type="button" autofocus @click=${() => close()}>${words().close}</button></div>
  </div>`;
}

function shownStep(step: Step): TemplateResult {
  switch (step.is) {
    case "asked":
      return html`<p class="faint">${words().wait}</p>`;
    case "code":
      return html`<img src=${step.url} alt=${words().codeAlt} width="240" height="240" />
        <p>${step.message}</p>`;
    case "over":
      return banner("warn", step.message);
    case "done":
      return badge("good", step.message);
  }
}

/** As an address that the page's rules allow: theirs forbid pictures within addresses. */
function pictureUrl(dataUrl: string): string {
  if (!dataUrl.startsWith(PICTURE)) throw new Error(words().noPicture);
  const bytes = Uint8Array.from(atob(dataUrl.slice(PICTURE.length)), (sign) => sign.charCodeAt(0));
  return URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
}
