import { invoke as ask } from "@tauri-apps/api/core";

/** As `SERVICE_HEADER` in crates/wire/src/desktop.rs. */
const SERVICE_HEADER = "mailcup-service";

/** What belongs to the console and to no service. */
const everywhere = new Set([
  "view",
  "start_embedded",
  "connect",
  "choose_passphrase",
  "switch_service",
  "rename_service",
  "forget_service",
  "all_alerts",
  "lock",
  "unlock",
  "set_passphrase",
  "preferences",
  "set_preferences",
  "pause_notifications",
]);

let drawn: string | null = null;
let aimed: string | null = null;

/** The pages are drawn for this service from now on. */
export function drawFor(service: string | null) {
  drawn = service;
}

/** Calls a command at a service that is not the one that the pages are drawn for. */
export function aimAt<T>(service: string, call: () => T): T {
  const before = aimed;
  aimed = service;
  try {
    return call();
  } finally {
    aimed = before;
  }
}

/**
 * Calls a command of the core, which acts on the service that the calling page was drawn for. After a
 * switch the pages of the former service are gone: what they asked is done, but they hear no answer, so
 * that nothing that they would go on with is done at another service.
 */
export async function invoke<T>(command: string, args?: Record<string, unknown>): Promise<T> {
  if (everywhere.has(command)) return ask<T>(command, args);
  const here = drawn;
  const service = aimed ?? here;
  const headers = service === null ? {} : { [SERVICE_HEADER]: service };
  const gone = () => here !== null && drawn !== null && drawn !== here;
  try {
    const answer = await ask<T>(command, args, { headers });
    return gone() ? await never<T>() : answer;
  } catch (thrown) {
    if (gone()) return await never<T>();
    throw thrown;
  }
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}
