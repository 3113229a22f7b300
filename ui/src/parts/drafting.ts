import { host } from "$host";
import type { Resource } from "$host/host";
import { asProblem } from "$lib/problem";
import { complain, say } from "$lib/toasts.svelte";
import { m } from "$messages";
import { resourceName } from "./drafts";

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
