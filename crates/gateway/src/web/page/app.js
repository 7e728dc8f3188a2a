// The page: login, session list, conversation, composer. Speaks the gateway's WebSocket protocol through connection.js.

import { Connection } from "/connection.js";
import { render } from "/markdown.js";

const TOKEN = "chela.token";
const SESSION = "chela.session";
const OUTBOX = "chela.outbox";
const HISTORY_LIMIT = 200;
const SESSIONS_LIMIT = 100;

const $ = (id) => document.getElementById(id);
const ui = {
  status: $("status"),
  login: $("login"),
  loginError: $("login-error"),
  token: $("token"),
  chat: $("chat"),
  logout: $("logout"),
  sessions: $("sessions"),
  log: $("log"),
  message: $("message"),
  stop: $("stop"),
  note: $("composer-note"),
};

let connection = null;
let connected = false;
let mainKey = "agent:main:main";
let session = sessionStorage.getItem(SESSION);
// Messages that the gateway hasn't confirmed: kept over reconnects and reloads, sent again under the same key, which
// the gateway accepts once.
let outbox = JSON.parse(sessionStorage.getItem(OUTBOX) ?? "[]");
// Runs of the shown session that are going on: run id → the list items that show them.
const live = new Map();
// Runs that ended in this page's time, since an answer to `chat.send` may come after the run's last event.
const ended = new Set();

// ── login ────────────────────────────────────────────────────────────────────────────────────────────────────────

function start() {
  const token = sessionStorage.getItem(TOKEN);
  if (token === null) return tryWithoutToken();
  connect(token);
}

// A gateway without authentication needs no form.
function tryWithoutToken() {
  connect("");
}

function connect(token) {
  ui.status.textContent = "Connecting …";
  connection?.close();
  connection = new Connection(token, {
    onOpen: (hello) => opened(hello, token),
    onEvent: (name, payload) => received(name, payload),
    onLost: (delay) => lost(delay),
    onRefused: (error) => refused(error, token),
  });
}

function opened(hello, token) {
  sessionStorage.setItem(TOKEN, token);
  connected = true;
  mainKey = hello.snapshot?.sessionDefaults?.mainSessionKey ?? mainKey;
  ui.status.textContent = `Connected, version ${hello.server?.version ?? "unknown"}`;
  ui.login.hidden = true;
  ui.chat.hidden = false;
  ui.logout.hidden = token === "";
  connection.call("sessions.subscribe").then(listSessions).catch(report);
  open(session ?? mainKey);
  outbox.forEach(deliver);
}

function lost(delay) {
  connected = false;
  ui.status.textContent = `Connection lost, trying again in ${Math.ceil(delay / 1000)} s`;
}

function refused(error, token) {
  connected = false;
  sessionStorage.removeItem(TOKEN);
  ui.status.textContent = "Not logged in";
  ui.chat.hidden = true;
  ui.logout.hidden = true;
  ui.login.hidden = false;
  ui.loginError.textContent = token === "" ? "" : explain(error);
  ui.token.focus();
}

function explain(error) {
  if (error.details?.code === "PAIRING_REQUIRED") {
    return `This browser has to be approved: chela devices approve ${error.details.requestId ?? ""}`;
  }
  return error.message;
}

$("login-form").addEventListener("submit", (event) => {
  event.preventDefault();
  ui.loginError.textContent = "";
  connect(ui.token.value.trim());
  ui.token.value = "";
});

ui.logout.addEventListener("click", () => {
  connection?.close();
  sessionStorage.clear();
  location.reload();
});

addEventListener("online", () => connection?.hurry());

// ── sessions ─────────────────────────────────────────────────────────────────────────────────────────────────────

async function listSessions() {
  const { sessions } = await connection.call("sessions.list", { limit: SESSIONS_LIMIT, includeDerivedTitles: true });
  const known = sessions.some((row) => row.key === session);
  const rows = known ? sessions : [{ key: session }, ...sessions];
  ui.sessions.replaceChildren(...rows.map(sessionItem));
}

function sessionItem(row) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = row.label ?? row.derivedTitle ?? row.displayName ?? row.key;
  button.title = row.key;
  button.setAttribute("aria-current", String(row.key === session));
  button.addEventListener("click", () => open(row.key));
  const item = document.createElement("li");
  item.append(button);
  return item;
}

$("new-session").addEventListener("click", () => {
  const agent = mainKey.split(":")[1];
  open(`agent:${agent}:web:${randomId()}`);
  ui.message.focus();
});

async function open(key) {
  if (session !== null && session !== key) connection.call("sessions.messages.unsubscribe", { key: session }).catch(() => {});
  if (session !== null) sessionStorage.setItem(`chela.draft:${session}`, ui.message.value);
  session = key;
  sessionStorage.setItem(SESSION, key);
  ui.message.value = sessionStorage.getItem(`chela.draft:${key}`) ?? "";
  for (const button of ui.sessions.querySelectorAll("button")) {
    button.setAttribute("aria-current", String(button.title === key));
  }
  try {
    await connection.call("sessions.messages.subscribe", { key });
    await showHistory();
  } catch (error) {
    report(error);
  }
}

async function showHistory() {
  const key = session;
  const { messages, sessionInfo } = await connection.call("chat.history", { sessionKey: key, limit: HISTORY_LIMIT });
  if (key !== session) return;
  live.clear();
  ui.log.replaceChildren(...messages.flatMap(messageItems));
  const stored = new Set(messages.map((message) => message.idempotencyKey));
  for (const entry of outbox) {
    if (entry.session === session && !stored.has(`${entry.key}:user`)) showPending(entry);
  }
  for (const run of sessionInfo?.activeRunIds ?? []) liveItem(run);
  busy();
  toEnd();
}

function messageItems({ role, content, stopReason }) {
  const text = textOf(content);
  if (role === "user") return text ? [item("user", text)] : [];
  if (role === "toolResult") return [];
  const tools = Array.isArray(content) ? content.filter(({ type }) => type === "toolCall") : [];
  const items = tools.map(({ name }) => item("tool", `Used ${name}`));
  if (text) items.unshift(item(stopReason === "error" ? "failed" : role === "assistant" ? "assistant" : "note", text));
  return items;
}

function textOf(content) {
  if (typeof content === "string") return content;
  return (content ?? [])
    .filter(({ type }) => type === "text")
    .map(({ text }) => text)
    .join("\n");
}

function item(kind, text) {
  const node = document.createElement("li");
  node.className = kind;
  setText(node, text);
  return node;
}

function setText(node, text) {
  if (node.classList.contains("assistant")) node.replaceChildren(render(text));
  else node.textContent = text;
}

// ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────

function received(name, payload) {
  if (name === "shutdown") ui.status.textContent = "The gateway is restarting …";
  if (name === "sessions.changed") listSessions().catch(() => {});
  if (payload?.sessionKey !== session) return;
  if (name === "chat") chatEvent(payload);
  if (name === "agent" && payload.stream === "tool") toolEvent(payload);
}

function chatEvent({ runId, state, message, errorMessage }) {
  const following = atEnd();
  if (state === "delta") {
    setText(liveItem(runId), textOf(message?.content));
  } else if (state === "final" || state === "aborted" || state === "error") {
    finish(runId, state, textOf(message?.content), errorMessage);
  }
  if (following) toEnd();
}

function finish(runId, state, text, errorMessage) {
  const known = live.has(runId);
  const node = liveItem(runId);
  if (text) setText(node, text);
  if (!node.textContent && state !== "error") node.remove();
  if (state === "aborted") ui.log.append(item("note", "Stopped."));
  if (state === "error") ui.log.append(item("failed", errorMessage ?? "The turn failed."));
  live.delete(runId);
  ended.add(runId);
  busy();
  if (!known) showHistory().catch(report);
}

function toolEvent({ runId, data }) {
  const id = `tool-${data.toolCallId}`;
  let line = [...ui.log.querySelectorAll(".tool")].find((node) => node.dataset.call === id);
  if (!line) {
    line = item("tool", "");
    line.dataset.call = id;
    ui.log.insertBefore(line, liveItem(runId));
  }
  if (data.phase === "start") line.textContent = `Using ${data.name} …`;
  if (data.phase === "result") line.textContent = data.isError ? `${data.name} failed` : `Used ${data.name}`;
}

function liveItem(runId) {
  let node = live.get(runId);
  if (!node) {
    node = item("assistant", "");
    live.set(runId, node);
    ui.log.append(node);
    busy();
  }
  return node;
}

function busy() {
  ui.stop.hidden = live.size === 0;
}

// ── composer ─────────────────────────────────────────────────────────────────────────────────────────────────────

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = ui.message.value.trim();
  if (!text) return;
  ui.message.value = "";
  sessionStorage.removeItem(`chela.draft:${session}`);
  const entry = { key: randomId(), session, text };
  outbox.push(entry);
  saveOutbox();
  showPending(entry);
  deliver(entry);
});

ui.message.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("composer").requestSubmit();
  }
});

ui.message.addEventListener("input", () => sessionStorage.setItem(`chela.draft:${session}`, ui.message.value));

ui.stop.addEventListener("click", () => connection.call("chat.abort", { sessionKey: session }).catch(report));

addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !ui.stop.hidden) ui.stop.click();
});

function showPending(entry) {
  const node = item("user pending", entry.text);
  node.dataset.key = entry.key;
  ui.log.append(node);
  toEnd();
}

async function deliver(entry) {
  if (!connected) {
    ui.note.textContent = "Not connected: the message is kept and sent as soon as the gateway is back.";
    return;
  }
  const params = { sessionKey: entry.session, message: entry.text, idempotencyKey: entry.key, deliver: false };
  try {
    const { status } = await connection.call("chat.send", params);
    settle(entry);
    if (status === "started" && entry.session === session && !ended.has(entry.key)) liveItem(entry.key);
  } catch (error) {
    // Without an answer nobody knows whether it arrived: it stays, and the same key makes sending again harmless.
    if (error.code === "OFFLINE" || error.code === "TIMEOUT" || error.code === "UNAVAILABLE") return;
    settle(entry);
    ui.message.value ||= entry.text;
    report(error);
  }
}

function settle(entry) {
  outbox = outbox.filter(({ key }) => key !== entry.key);
  saveOutbox();
  ui.note.textContent = "";
  for (const node of ui.log.querySelectorAll(".pending")) {
    if (node.dataset.key === entry.key) node.classList.remove("pending");
  }
}

function saveOutbox() {
  sessionStorage.setItem(OUTBOX, JSON.stringify(outbox));
}

function report(error) {
  if (error.code !== "OFFLINE") ui.note.textContent = error.message;
}

function atEnd() {
  return ui.log.scrollHeight - ui.log.scrollTop - ui.log.clientHeight < 80;
}

function toEnd() {
  ui.log.scrollTop = ui.log.scrollHeight;
}

// `crypto.randomUUID` exists in secure contexts only.
function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

start();
