import { m } from "$messages";
import { host } from "$host";
import type { Block, BlockTarget } from "$host/host";
import { complain, say } from "$lib/toasts.svelte";
import { asProblem } from "$lib/problem";
import { targetText } from "$lib/words/blocks";
import { holds, isIpv6, networkAround } from "$lib/network";

const HOUR = 3_600_000;

export const durations = [
  duration("hour", HOUR, m.common_duration_hour),
  duration("day", 24 * HOUR, m.common_duration_day),
  duration("month", 30 * 24 * HOUR, m.common_duration_month),
  duration("open", null, m.common_duration_open),
] as const;

function duration<V extends string>(value: V, ms: number | null, label: () => string) {
  return {
    value,
    ms,
    get label() {
      return label();
    },
  };
}

export type Duration = (typeof durations)[number]["value"];

/** When a block of this duration that is set now would end; null for one until lifted. */
export function expiry(duration: Duration, now: number): string | null {
  const ms = durations.find((candidate) => candidate.value === duration)?.ms ?? null;
  return ms === null ? null : new Date(now + ms).toISOString();
}

export interface Wanted {
  target: BlockTarget;
  duration: Duration;
  note?: string;
  /** The alert that the block answers. */
  alert?: string | undefined;
}

/** What became of a wish to block: `self` if it would refuse the admin, who must confirm that. */
export type Blocked =
  | { kind: "done"; block: Block }
  | { kind: "self"; message: string }
  | { kind: "failed"; message: string };

const blockedFor: Record<Duration, (inputs: { target: string }) => string> = {
  hour: m.common_blocked_hour,
  day: m.common_blocked_day,
  month: m.common_blocked_month,
  open: m.common_blocked_open,
};

/** Sets a block at once and offers to undo it. */
export async function block(wanted: Wanted, confirmSelf = false): Promise<Blocked> {
  try {
    const made = await host.createBlock({
      target: wanted.target,
      expires_at: expiry(wanted.duration, Date.now()),
      note: wanted.note ?? "",
      confirm_self: confirmSelf,
      ...(wanted.alert === undefined ? {} : { alert: wanted.alert }),
    });
    say(blockedFor[wanted.duration]({ target: targetText(wanted.target) }), () => {
      void lift(made.id, wanted.target);
    });
    return { kind: "done", block: made };
  } catch (thrown) {
    const problem = asProblem(thrown);
    if (problem.code === "conflict" && !confirmSelf)
      return { kind: "self", message: m.common_covers_self() };
    return { kind: "failed", message: problem.message };
  }
}

async function lift(id: string, target: BlockTarget) {
  try {
    await host.liftBlock(id);
    say(mayAgain(target));
  } catch (thrown) {
    complain(asProblem(thrown).message);
  }
}

/** Lifts a block and offers to set it again for the time it had left. */
export async function liftWithUndo(lifted: Block): Promise<boolean> {
  try {
    await host.liftBlock(lifted.id);
  } catch (thrown) {
    complain(asProblem(thrown).message);
    return false;
  }
  say(mayAgain(lifted.target), () => void setAgain(lifted));
  return true;
}

function mayAgain(target: BlockTarget): string {
  return target.kind === "sending"
    ? m.common_may_send_again({ login: target.login })
    : m.common_may_again({ target: targetText(target) });
}

async function setAgain(lifted: Block) {
  try {
    await host.createBlock({
      target: lifted.target,
      expires_at: lifted.expires_at,
      note: lifted.note,
      confirm_self: false,
    });
    say(m.common_blocked_again({ target: targetText(lifted.target) }));
  } catch (thrown) {
    complain(asProblem(thrown).message);
  }
}

/** Whether a block is in force: neither lifted nor over. */
export function inForce(block: Block, now: number): boolean {
  return (
    block.lifted_at === null && (block.expires_at === null || Date.parse(block.expires_at) > now)
  );
}

/** Whether a block is against this account, or this address. */
export function refuses({ target }: Block, from: string | null, login: string | null): boolean {
  switch (target.kind) {
    case "address":
      return from !== null && holds(target.address, from);
    case "network":
      return from !== null && holds(target.network, from);
    case "account":
      return target.login === login;
    case "account_network":
      return target.login === login && from !== null && holds(target.network, from);
    case "sending":
      return target.login === login;
  }
}

/** Whom one can block over a sign-in. An IPv6 client is its /64, so that comes first there. */
export function blockTargets(address: string | null, login: string | null): BlockTarget[] {
  const targets: BlockTarget[] = [];
  if (address) {
    targets.push({ kind: "address", address });
    const network = networkAround(address);
    if (network) targets.push({ kind: "network", network });
    if (isIpv6(address)) targets.reverse();
  }
  if (login) targets.push({ kind: "account", login });
  return targets;
}
