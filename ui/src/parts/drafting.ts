import { host } from "$host";
import type { Resource, Saved } from "$host/host";
import { asProblem } from "$lib/problem";
import { complain, say } from "$lib/toasts.svelte";
import { m } from "$messages";
import { resourceName } from "./drafts";

/** Says what became of an edit; `done` where it is in effect. */
export function tell(saved: Saved, done: string) {
  switch (saved.kind) {
    case "done":
      say(done);
      break;
    case "kept":
      say(m.drafts_kept());
      break;
    case "conflict":
      complain(m.drafts_kept_conflict());
      break;
    case "nothing":
      say(m.drafts_nothing());
  }
}

/** Discards a draft at once, with an undo. Whether it is gone. */
export async function discard(resource: Resource): Promise<boolean> {
  const name = resourceName(resource);
  try {
    await host.discardDraft(resource);
  } catch (thrown) {
    complain(asProblem(thrown).message);
    return false;
  }
  say(m.drafts_discarded({ name }), () => void restore(resource));
  return true;
}

async function restore(resource: Resource) {
  try {
    await host.restoreDraft(resource);
  } catch (thrown) {
    complain(asProblem(thrown).message);
  }
}
