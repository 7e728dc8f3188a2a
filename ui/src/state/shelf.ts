// A shelf of the browser's database: things by their names, kept until they are taken away. Without a database (private windows of old
// browsers) it holds them as long as the page lives.

/** What a person leaves behind: gone with a logout, so that nobody else's login sends it. The device's key stays, as the browser does. */
const PERSONAL = ["chela-outbox"];

/** Forgets everything that is a person's. */
export function forgetPerson(): void {
  sessionStorage.clear();
  for (const database of PERSONAL) globalThis.indexedDB?.deleteDatabase(database);
}

export class Shelf<T> {
  #memory = new Map<string, T>();

  constructor(
    private readonly database: string,
    private readonly name: string,
  ) {}

  get(key: string): Promise<T | undefined> {
    return this.#do("readonly", (store) => store.get(key), () => this.#memory.get(key));
  }

  all(): Promise<T[]> {
    return this.#do("readonly", (store) => store.getAll(), () => [...this.#memory.values()]);
  }

  async put(key: string, value: T): Promise<void> {
    await this.#do("readwrite", (store) => store.put(value, key), () => this.#memory.set(key, value));
  }

  async remove(key: string): Promise<void> {
    await this.#do("readwrite", (store) => store.delete(key), () => this.#memory.delete(key));
  }

  async clear(): Promise<void> {
    await this.#do("readwrite", (store) => store.clear(), () => this.#memory.clear());
  }

  async #do<R>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest, inMemory: () => R): Promise<R> {
    let database: IDBDatabase;
    try {
      database = await this.#open();
    } catch {
      return inMemory();
    }
    return new Promise((resolve, reject) => {
      const asking = act(database.transaction(this.name, mode).objectStore(this.name));
      asking.onsuccess = () => resolve(asking.result as R);
      asking.onerror = () => reject(asking.error);
      asking.transaction!.oncomplete = () => database.close();
    });
  }

  #open(): Promise<IDBDatabase> {
    return new Promise((resolve, reject) => {
      const opening = indexedDB.open(this.database, 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore(this.name);
      opening.onerror = () => reject(opening.error);
      opening.onsuccess = () => resolve(opening.result);
    });
  }
}
