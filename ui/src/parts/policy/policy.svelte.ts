import { untrack } from "svelte";
import { host } from "$host";
import { revision } from "$host/changes.svelte";
import type { PolicyView } from "$host/host";
import { Calm } from "$lib/calm.svelte";

const SOON_MS = 60;

/** The rules, limits and known networks of the local copy, as long as the page stands. */
export function readPolicy(): Calm<PolicyView> {
  const reading = new Calm(() => host.policy(), SOON_MS);
  $effect(() => {
    revision("policy");
    untrack(() => {
      if (reading.value) reading.soon();
      else reading.now();
    });
  });
  $effect(() => reading.stop);
  return reading;
}
