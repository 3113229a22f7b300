import type * as t from "../host";
import type { Host } from "../host";
import { concerns, isKnown, type Policy } from "./deciding";
import { networkOf, placeOf } from "./policySeed";
import * as seed from "./seed";

interface Needs {
  read: <T>(answer: () => T) => Promise<T>;
  log: () => t.Event[];
  policy: () => Policy;
}

/** How much was sent, and from where. */
export function sendingCommands({
  read,
  log,
  policy,
}: Needs): Pick<Host, "sendingUsage" | "sendingNetworks"> {
  return {
    sendingUsage: ({ text = "", limit = null, count }) =>
      read(() => {
        const rows = usage(policy(), log())
          .filter((row) => limit === null || row.limit === limit)
          .filter((row) => `${row.login ?? ""} ${row.network ?? ""}`.includes(text.toLowerCase()))
          .sort((a, b) => b.used / Math.max(1, b.of) - a.used / Math.max(1, a.of));
        return { rows: rows.slice(0, count), total: rows.length, at: seed.iso(Date.now()) };
      }),
    sendingNetworks: (text, count) =>
      read(() => senders(policy(), log(), text.toLowerCase()).slice(0, count)),
  };
}

function usage({ limits, known }: Policy, log: readonly t.Event[]): t.LimitUsage[] {
  const logins = [
    ...new Set(log.flatMap(({ body }) => (body.type === "submission" ? (body.login ?? []) : []))),
  ];
  return limits
    .filter(
      ({ terms, deleted_at }) =>
        terms.enabled && deleted_at === null && terms.measure.kind !== "recipients_per_message",
    )
    .flatMap((limit) =>
      logins
        .filter((login) => concerns(limit.terms.scope, login))
        .flatMap((login, index): t.LimitUsage[] => {
          const address = index % 3 === 1 ? "198.51.100.201" : "203.0.113.24";
          const isHome = isKnown(known, login, address);
          const of = isHome ? limit.terms.known : limit.terms.others;
          if (of === null) return [];
          const used = Math.min(of, Math.round((of * (97 - index * 11)) / 100));
          return used <= 0
            ? []
            : [
                {
                  limit: limit.id,
                  login,
                  network: limit.terms.per === "account" ? null : address,
                  known: isHome,
                  used,
                  of,
                  frees_at: seed.iso(Date.now() + (index + 1) * 340_000),
                },
              ];
        }),
    );
}

function senders({ known }: Policy, log: readonly t.Event[], text: string): t.SendingNetworks[] {
  const found = new Map<string, Map<string, t.SendingNetwork>>();
  for (const { body, at } of log) {
    if (body.type !== "submission" || !body.login?.includes(text)) continue;
    const network = networkOf(body.address);
    if (network === null) continue;
    const networks = found.get(body.login) ?? new Map<string, t.SendingNetwork>();
    const one = networks.get(network) ?? {
      network,
      place: placeOf(body.address ?? ""),
      messages: 0,
      recipients: 0,
      known: isKnown(known, body.login, body.address),
      last_at: at,
    };
    one.messages += 1;
    one.recipients += body.recipients;
    networks.set(network, one);
    found.set(body.login, networks);
  }
  return [...found]
    .map(([login, map]) => {
      const networks = [...map.values()].sort((a, b) => b.messages - a.messages);
      const sum = (list: t.SendingNetwork[]) =>
        list.reduce((total, { messages }) => total + messages, 0);
      return {
        login,
        networks: networks.slice(0, 20),
        networks_total: networks.length,
        messages: sum(networks),
        from_others: sum(networks.filter((network) => !network.known)),
      };
    })
    .sort((a, b) => b.messages - a.messages);
}
