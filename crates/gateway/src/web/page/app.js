// The page: login, connection, and what the person does. The parts: connection.js talks to the gateway, conversation.js
// keeps what was said, view.js shows it, sessions.js lists the sessions.

import { Approvals } from "/approvals.js";
import { Connection } from "/connection.js";
import { Conversation } from "/conversation.js";
import { Sessions } from "/sessions.js";
import { View } from "/view.js";
import { explain, words } from "/words.js";

const TOKEN = "chela.token";
const SESSION = "chela.session";
const OUTBOX = "chela.outbox";
const DRAFT = "chela.draft:";
const HISTORY_LIMIT = 200;
const PAIRING_RETRY_MS = 4_000;

const $ = (id) => document.getElementById(id);
const message = $("message");
const store = sessionStorage;

let connection = null;
let connected = false;
let mainKey = "agent:main:main";
let session = store.getItem(SESSION);
let conversation = new Conversation();
// How much of the answer that is being written was read out.
let spoken = { id: "", length: 0 };
// Messages that the gateway hasn't confirmed: kept over reconnects and reloads, and sent again under the same key, which
// the gateway accepts once.
let outbox = JSON.parse(store.getItem(OUTBOX) ?? "[]");
let pairing = null;

const view = new View({ list: $("log"), scroller: $("scroller"), toEnd: $("to-end"), spoken: $("spoken") });
const sessions = new Sessions({ list: $("sessions"), title: $("title") }, (key) => {
  drawer(false);
  open(key);
  message.focus();
});

const approvals = new Approvals($("approvals"), (id, decision) =>
  connection.call("exec.approval.resolve", { id, decision }),
);

// ── login ────────────────────────────────────────────────────────────────────────────────────────────────────────

// A link may bring the token behind its #, which never leaves the browser. It is taken out of the address at once.
function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return null;
  history.replaceState(null, "", location.pathname);
  return token.trim();
}

function start() {
  // A gateway without authentication needs no form, so the first try may be without a token.
  connect(takeToken() ?? store.getItem(TOKEN) ?? "");
}

function connect(token) {
  clearTimeout(pairing);
  say("wait", words.connecting);
  connection?.close();
  connection = new Connection(token, {
    onOpen: (hello) => opened(hello, token),
    onEvent: received,
    onLost: lost,
    onRefused: (error) => refused(error, token),
  });
}

function opened(hello, token) {
  const scopes = hello.auth?.scopes;
  if (scopes && !scopes.includes("operator.admin") && !scopes.includes("operator.write")) {
    connection.close();
    return refused(new Error(words.noRights), token);
  }
  store.setItem(TOKEN, token);
  connected = true;
  mainKey = hello.snapshot?.sessionDefaults?.mainSessionKey ?? mainKey;
  say("on", words.connected);
  note("");
  const first = $("app").hidden;
  $("login").hidden = true;
  $("app").hidden = false;
  $("logout").hidden = token === "";
  if (first) message.focus();
  connection.call("sessions.subscribe").then(listSessions).catch(report);
  // A browser without the right to decide is shown no questions.
  connection.call("exec.approval.list").then((waiting) => approvals.replace(waiting)).catch(() => approvals.replace([]));
  open(session ?? mainKey);
}

function lost(delay) {
  connected = false;
  // Before the first answer neither is shown, and somebody must hear why.
  $("login").hidden = !$("app").hidden;
  say("off", words.lost(Math.ceil(delay / 1000)));
}

function refused(error, token) {
  connected = false;
  say("off", "");
  store.removeItem(TOKEN);
  $("app").hidden = true;
  $("login").hidden = false;
  $("login-error").textContent = explain(error);
  if (error.details?.code === "PAIRING_REQUIRED") pairing = setTimeout(() => connect(token), PAIRING_RETRY_MS);
  $("token").focus();
}

$("login-form").addEventListener("submit", (event) => {
  event.preventDefault();
  $("login-error").textContent = "";
  connect($("token").value.trim());
  $("token").value = "";
});

$("logout").addEventListener("click", () => {
  connection?.close();
  store.clear();
  location.reload();
});

addEventListener("hashchange", () => {
  const token = takeToken();
  if (token !== null) connect(token);
});
addEventListener("online", () => connection?.hurry());
addEventListener("visibilitychange", () => document.hidden || connection?.hurry());

// ── sessions ─────────────────────────────────────────────────────────────────────────────────────────────────────

function listSessions() {
  return sessions.refresh(connection, mainKey);
}

async function open(key) {
  if (session !== key) {
    if (session !== null) connection.call("sessions.messages.unsubscribe", { key: session }).catch(() => {});
    conversation = new Conversation();
    note("");
    changed();
    $("empty").hidden = true;
    view.follow();
  }
  session = key;
  store.setItem(SESSION, key);
  if (message.dataset.session !== key) message.value = store.getItem(DRAFT + key) ?? "";
  message.dataset.session = key;
  sessions.choose(key);
  try {
    await connection.call("sessions.messages.subscribe", { key });
    await readHistory();
    outbox.forEach(deliver);
  } catch (error) {
    report(error);
  }
}

async function readHistory(again = false) {
  const [key, shown] = [session, conversation];
  const history = await connection.call("chat.history", { sessionKey: key, limit: HISTORY_LIMIT });
  if (shown !== conversation) return;
  const mine = outbox.filter((entry) => entry.session === key);
  if (!conversation.load(history, mine, again)) return readHistory(true);
  changed();
}

$("new-session").addEventListener("click", () => {
  sessions.onOpen(`agent:${mainKey.split(":")[1]}:web:${randomId()}`);
});

$("rename").addEventListener("click", () => {
  $("name").value = sessions.title;
  $("rename-dialog").returnValue = "";
  $("rename-dialog").showModal();
  $("name").select();
});

$("cancel").addEventListener("click", () => $("rename-dialog").close());

$("rename-dialog").addEventListener("close", () => {
  const label = $("name").value.trim();
  if ($("rename-dialog").returnValue !== "save" || label === sessions.title) return;
  connection.call("sessions.patch", { key: session, label: label || null }).then(listSessions).catch(report);
});

function drawer(open) {
  $("app").classList.toggle("drawer", open);
  $("menu").setAttribute("aria-expanded", String(open));
}

$("menu").addEventListener("click", () => {
  drawer(!$("app").classList.contains("drawer"));
  if ($("app").classList.contains("drawer")) $("new-session").focus();
});
$("shade").addEventListener("click", () => drawer(false));

// ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────

function received(name, payload) {
  if (name === "shutdown") say("wait", words.restarting);
  if (name === "exec.approval.requested") return approvals.add(payload);
  if (name === "exec.approval.resolved") return approvals.remove(payload.id);
  if (name === "sessions.changed") listSessions().catch(() => {});
  if (payload?.sessionKey !== session) return;
  if (name === "sessions.changed" && payload.reason === "reset") readHistory().catch(report);
  if (name === "chat") conversation.chat(payload);
  else if (name === "agent" && payload.stream === "tool") conversation.tool(payload);
  else if (name === "session.message") conversation.message(payload.message);
  else return;
  changed();
  if (name === "chat") readOut(payload.state !== "delta");
}

function changed() {
  $("stop").hidden = !conversation.busy;
  $("empty").hidden = conversation.entries.length > 0;
  view.show(() => conversation);
}

// Tells listeners whole paragraphs of the newest answer, and the rest of it at its end.
function readOut(ended) {
  const last = conversation.entries.findLast(({ kind }) => kind === "answer" || kind === "failed");
  if (!last) return;
  if (spoken.id !== last.id) spoken = { id: last.id, length: 0 };
  const end = ended ? last.text.length : last.text.lastIndexOf("\n\n");
  if (end <= spoken.length) return;
  view.speak(last.text.slice(spoken.length, end));
  spoken.length = end;
}

// ── composer ─────────────────────────────────────────────────────────────────────────────────────────────────────

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = message.value.trim();
  if (!text) return;
  message.value = "";
  store.removeItem(DRAFT + session);
  const entry = { key: randomId(), session, text };
  outbox.push(entry);
  saveOutbox();
  conversation.send(entry.key, text);
  changed();
  view.follow();
  deliver(entry);
  message.focus();
});

message.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("composer").requestSubmit();
});

message.addEventListener("input", () => keep(DRAFT + session, message.value));

$("stop").addEventListener("click", () => {
  message.focus();
  connection.call("chat.abort", { sessionKey: session }).catch(report);
});

addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || $("rename-dialog").open) return;
  if ($("app").classList.contains("drawer")) {
    drawer(false);
    $("menu").focus();
  } else if (!$("stop").hidden) $("stop").click();
});

async function deliver(entry) {
  if (!connected) return note(words.kept);
  const params = { sessionKey: entry.session, message: entry.text, idempotencyKey: entry.key, deliver: false };
  const shown = entry.session === session ? conversation : new Conversation();
  try {
    const { status } = await connection.call("chat.send", params);
    settle(entry);
    shown.accepted(entry.key, status !== "ok");
  } catch (error) {
    // Without an answer nobody knows whether it arrived: it stays, and the same key makes sending again harmless.
    if (["OFFLINE", "TIMEOUT", "UNAVAILABLE"].includes(error.code)) return note(words.kept);
    settle(entry);
    shown.withdraw(entry.key);
    message.value ||= entry.text;
    report(error);
  }
  changed();
}

function settle(entry) {
  outbox = outbox.filter(({ key }) => key !== entry.key);
  saveOutbox();
  note("");
}

function saveOutbox() {
  keep(OUTBOX, JSON.stringify(outbox));
}

// A tab's storage is small. What doesn't fit lives as long as the page.
function keep(name, value) {
  try {
    store.setItem(name, value);
  } catch {
    store.removeItem(name);
  }
}

// ── words to the person ──────────────────────────────────────────────────────────────────────────────────────────

function say(state, text) {
  $("status").dataset.state = state;
  $("status").textContent = $("login-status").textContent = text;
}

function note(text) {
  $("note").textContent = text;
}

function report(error) {
  if (error.code !== "OFFLINE") note(error.message);
}

// `crypto.randomUUID` exists in secure contexts only.
function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

$("empty").textContent = words.empty;
start();
