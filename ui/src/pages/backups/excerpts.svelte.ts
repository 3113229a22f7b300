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
  #asked = new Set<string>();

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
      this.#asked.clear();
      this.#text = text;
    }
    const missing = hits.filter((hit) => !this.#asked.has(key(hit))).slice(0, MOST_AT_ONCE);
    if (missing.length === 0) return;
    for (const hit of missing) this.#asked.add(key(hit));
    const messages = missing.map(({ snapshot, path }) => ({ snapshot, path }));
    // What can't be read is found all the same; it is asked for again when it comes into sight once more.
    const read = await host.mailExcerpts({ text, messages }).catch(() => undefined);
    if (text !== this.#text) return;
    missing.forEach((hit, index) => {
      if (read) this.#known.set(key(hit), read[index] ?? "");
      else this.#asked.delete(key(hit));
    });
  }
}

function key({ snapshot, path }: MailHit): string {
  return `${snapshot} ${path}`;
}
