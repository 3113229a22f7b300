import { SvelteMap } from "svelte/reactivity";
import { host } from "$host";
import type { MailHit } from "$host/host";

/** How long nothing else comes into sight before messages are read. */
const PAUSE_MS = 120;
const MOST_AT_ONCE = 100;

/** The words around what was found, read from messages while they are in sight. */
export class Excerpts {
  #text = "";
  #known = new SvelteMap<string, string>();

  of = (hit: MailHit): string => this.#known.get(key(hit)) ?? "";

  /** Returns what ends the wish. */
  want(text: string, hits: readonly MailHit[]): () => void {
    const timer = setTimeout(() => void this.#read(text, hits), PAUSE_MS);
    return () => {
      clearTimeout(timer);
    };
  }

  async #read(text: string, hits: readonly MailHit[]) {
    if (text !== this.#text) {
      this.#known.clear();
      this.#text = text;
    }
    const missing = hits.filter((hit) => !this.#known.has(key(hit))).slice(0, MOST_AT_ONCE);
    if (missing.length === 0) return;
    const messages = missing.map(({ snapshot, path }) => ({ snapshot, path }));
    // What can't be read is found all the same.
    const read = await host.mailExcerpts({ text, messages }).catch(() => []);
    if (text !== this.#text) return;
    missing.forEach((hit, index) => this.#known.set(key(hit), read[index] ?? ""));
  }
}

function key({ snapshot, path }: MailHit): string {
  return `${snapshot} ${path}`;
}
