// What the tests of pure logic need of a browser: the languages it prefers, and storage. Loaded before every test.

class MemoryStorage {
  #kept = new Map<string, string>();
  getItem = (key: string) => this.#kept.get(key) ?? null;
  setItem = (key: string, value: string) => void this.#kept.set(key, value);
  removeItem = (key: string) => void this.#kept.delete(key);
  clear = () => this.#kept.clear();
}

const globals = { localStorage: new MemoryStorage(), sessionStorage: new MemoryStorage(), navigator: { languages: ["en"], language: "en" } };
for (const [name, value] of Object.entries(globals)) Object.defineProperty(globalThis, name, { value, configurable: true });
