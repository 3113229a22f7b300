import { m } from "$messages";
import { host } from "$host";
import type { SavedView } from "$host/host";
import { asProblem } from "$lib/problem";
import { complain, say } from "$lib/toasts.svelte";

/** Places that the reader keeps under names, on this console alone. What is done can be undone. */
export class SavedViews {
  list = $state.raw<readonly SavedView[]>([]);

  async load(): Promise<void> {
    try {
      this.list = await host.savedViews();
    } catch (thrown) {
      complain(asProblem(thrown).message);
    }
  }

  /** Keeps an address; one of the same name is replaced. */
  async save(view: SavedView): Promise<boolean> {
    const before = this.list.find(({ name }) => name === view.name);
    const done = await this.#change(() => host.saveView(view));
    if (done)
      say(
        m.activity_views_saved({ name: view.name }),
        () =>
          void this.#change(() => (before ? host.saveView(before) : host.deleteView(view.name))),
      );
    return done;
  }

  async rename(name: string, to: string): Promise<boolean> {
    const done = await this.#change(() => host.renameView(name, to));
    if (done)
      say(
        m.activity_views_renamed({ name: to }),
        () => void this.#change(() => host.renameView(to, name)),
      );
    return done;
  }

  async remove(view: SavedView): Promise<void> {
    if (await this.#change(() => host.deleteView(view.name)))
      say(
        m.activity_views_deleted({ name: view.name }),
        () => void this.#change(() => host.saveView(view)),
      );
  }

  async #change(change: () => Promise<unknown>): Promise<boolean> {
    try {
      await change();
      this.list = await host.savedViews();
      return true;
    } catch (thrown) {
      complain(asProblem(thrown).message);
      return false;
    }
  }
}
