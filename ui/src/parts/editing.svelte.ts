import { host } from "$host";
import { revision } from "$host/changes.svelte";
import type { Content, Edit, Opened, Problem, Resource, Saved } from "$host/host";
import { view } from "$host/view.svelte";
import { Doing } from "$lib/asked.svelte";
import { asProblem } from "$lib/problem";
import { tell } from "./drafting";

/**
 * A resource in a form: as it is, or as a draft of it wants it. What somebody types stays while the
 * resource changes elsewhere; it is saved against what it began from.
 */
export class Editing {
  opened = $state.raw<Opened>();
  problem = $state.raw<Problem>();
  readonly saving = new Doing();
  readonly #link = $derived(view()?.service?.link.kind);
  #resource: () => Resource;
  #fill: (from: Content | Edit) => void;
  #form: () => unknown;
  #began: Content | undefined;
  #filled: string | undefined;

  /** `fill` fills the form, `form` gives all that is typed there. */
  constructor(resource: () => Resource, fill: (from: Content | Edit) => void, form: () => unknown) {
    this.#resource = resource;
    this.#fill = fill;
    this.#form = form;
  }

  /** Reads it, again whenever drafts change, and the service goes away or comes back. */
  follow() {
    revision("drafts");
    revision("settings");
    void this.#link;
    void this.load();
  }

  load = async () => {
    try {
      this.opened = await host.openResource(this.#resource());
      this.problem = undefined;
    } catch (thrown) {
      this.problem = asProblem(thrown);
      return;
    }
    if (this.#filled === undefined || this.#filled === JSON.stringify(this.#form())) this.#refill();
  };

  /** Whether the edit is in effect or kept. */
  save = async (edit: Edit, done: () => string): Promise<boolean> => {
    const began = this.#began;
    if (!began) return false;
    let saved: Saved | undefined;
    await this.saving.do(async () => (saved = await host.saveEdit(edit, began)));
    if (!saved) return false;
    this.#filled = undefined;
    await this.load();
    tell(saved, done());
    return true;
  };

  #refill() {
    if (!this.opened) return;
    this.#began = this.opened.draft?.began ?? this.opened.content;
    this.#fill(this.opened.draft?.edit ?? this.opened.content);
    this.#filled = JSON.stringify(this.#form());
  }
}
