// The browser's device identity: an Ed25519 key that never leaves WebCrypto, kept in IndexedDB. Where WebCrypto or the
// algorithm is missing (a page without HTTPS, an old browser) there is none, and the token alone has to do.

const DATABASE = "chela-device";
const STORE = "keys";

/** Returns `{id, publicKey, sign(text)}`, or `null` where the browser can't. */
export async function deviceIdentity() {
  if (!globalThis.crypto?.subtle || !globalThis.indexedDB) return null;
  try {
    const pair = (await load()) ?? (await create());
    const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", raw));
    return {
      id: Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join(""),
      publicKey: base64url(raw),
      sign: async (text) =>
        base64url(new Uint8Array(await crypto.subtle.sign("Ed25519", pair.privateKey, new TextEncoder().encode(text)))),
    };
  } catch {
    return null;
  }
}

async function create() {
  const pair = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
  await request("readwrite", (store) => store.put(pair, "device"));
  return pair;
}

function load() {
  return request("readonly", (store) => store.get("device"));
}

function request(mode, act) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const database = opening.result;
      const asking = act(database.transaction(STORE, mode).objectStore(STORE));
      asking.onsuccess = () => resolve(asking.result);
      asking.onerror = () => reject(asking.error);
      asking.transaction.oncomplete = () => database.close();
    };
  });
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
