// The page before the page: the token or password is pasted here. It also says why a login was refused and what to do.

import { html, nothing, type TemplateResult } from "lit";
import { View } from "../state/view.ts";
import { gateway } from "../gateway/gateway.ts";
import { explainRefusal } from "../gateway/refusal.ts";
import { lineText } from "./line.ts";
import { words } from "./words.ts";

class Login extends View {
  protected override render(): TemplateResult {
    const line = gateway.line.value;
    const wrong = line.state === "refused" ? explainRefusal(line.error) : "";
    return html`<main class="login">
      <form class="card" @submit=${this.#submit}>
        <h1><img src="/icon.svg" alt="" width="40" height="40" />Chela</h1>
        <p class="faint">${words().tagline}</p>
        <div class="field">
          <label for="token">${words().loginSecret}</label>
          <input
            id="token"
            type="password"
            autocomplete="current-password"
            spellcheck="false"
            required
            autofocus
            aria-describedby="token-help login-error"
            aria-invalid=${wrong !== "" ? "true" : nothing}
          />
          <p id="login-error" class="wrong" role="alert">${wrong}</p>
        </div>
        <button class="button main">${words().login}</button>
        <p class="faint small" role="status">${line.state === "refused" || line.state === "out" ? "" : lineText(line)}</p>
        <div id="token-help" class="help small faint">
          <p>${words().loginHelp}</p>
          <code>${words().loginCommand}</code>
          <p>${words().loginHelpFile}</p>
          <code>~/.chela/gateway-token</code>
          <p>${words().loginKept}</p>
        </div>
      </form>
    </main>`;
  }

  #submit = (event: SubmitEvent) => {
    event.preventDefault();
    const field = this.querySelector<HTMLInputElement>("#token")!;
    gateway.login({ token: field.value.trim() });
    field.value = "";
  };

  protected override firstUpdated(): void {
    this.querySelector<HTMLInputElement>("#token")?.focus();
  }
}

customElements.define("chela-login", Login);
