import { m } from "$messages";
import type { BlockTarget } from "$host/host";
import { isNetwork, networkProblem } from "$lib/network";

/** Whom a typed text means: an address, a network, or else an account; undefined if nothing. */
export function targetOf(text: string): BlockTarget | undefined {
  const typed = text.trim();
  if (isNetwork(typed))
    return typed.includes("/")
      ? { kind: "network", network: typed }
      : { kind: "address", address: typed };
  return typed === "" || /\s/.test(typed) || meansAddress(typed)
    ? undefined
    : { kind: "account", login: typed.toLowerCase() };
}

/** Why a text means nobody, and how to mend it. */
export function targetProblem(text: string): string {
  const typed = text.trim();
  const wrong = typed !== "" && meansAddress(typed) ? networkProblem(typed) : undefined;
  return wrong ?? m.blocks_wanted();
}

/** Digits, dots, colons and slashes: somebody meant an address, even a wrong one. */
function meansAddress(text: string): boolean {
  return !text.includes("@") && (/^[\d./]+$/.test(text) || /^[\da-f:./]*:[\da-f:./]*$/i.test(text));
}
