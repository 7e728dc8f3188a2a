// The browser's device identity: an Ed25519 key that never leaves WebCrypto, kept in IndexedDB. Where WebCrypto or the algorithm is
// missing (a page without HTTPS, an old browser) there is none, and the token alone has to do.

import { Shelf } from "../state/shelf.ts";

const keys = new Shelf<CryptoKeyPair>("chela-device", "keys");
const KEY = "device";

export interface DeviceIdentity {
  readonly id: string;
  readonly publicKey: string;
  sign(text: string): Promise<string>;
}

/** This browser's identity, or `null` where it can't have one. */
export async function deviceIdentity(): Promise<DeviceIdentity | null> {
  if (!globalThis.crypto?.subtle || !globalThis.indexedDB) return null;
  try {
    const pair = (await keys.get(KEY)) ?? (await create());
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

async function create(): Promise<CryptoKeyPair> {
  const pair = (await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"])) as CryptoKeyPair;
  await keys.put(KEY, pair);
  return pair;
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
