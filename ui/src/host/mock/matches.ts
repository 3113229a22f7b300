import type { Event, EventFilter, OutcomeFilter } from "../host";

const outcomeOf: Record<string, OutcomeFilter> = {
  succeeded: "allowed",
  accepted: "allowed",
  failed: "failed",
  refused: "refused",
  deferred: "refused",
  held: "refused",
  rejected: "refused",
  challenged: "challenged",
  abandoned: "abandoned",
};

/** Whether an event passes a filter, as the local copy decides it. */
export function matches(event: Event, filter: EventFilter): boolean {
  const { body } = event;
  const { kinds = [], protocols = [], outcomes = [] } = filter;
  const at = Date.parse(event.at);
  if (filter.from && at < Date.parse(filter.from)) return false;
  if (filter.until && at >= Date.parse(filter.until)) return false;
  if (kinds.length > 0 && !kinds.includes(body.type)) return false;
  if (filter.account) {
    const login = "login" in body ? (body.login ?? "") : "";
    if (!login.includes(filter.account.toLowerCase())) return false;
  }
  if (protocols.length > 0) {
    const protocol =
      body.type === "sign_in"
        ? body.protocol
        : body.type === "submission"
          ? "submission"
          : undefined;
    if (!protocol || !protocols.includes(protocol)) return false;
  }
  if (outcomes.length > 0) {
    const outcome = "outcome" in body ? outcomeOf[body.outcome] : undefined;
    if (!outcome || !outcomes.includes(outcome)) return false;
  }
  if (filter.network) {
    const address = "address" in body ? body.address : null;
    if (!address || !inNetwork(address, filter.network)) return false;
  }
  if (filter.text) {
    const all = JSON.stringify(body).toLowerCase();
    if (
      !filter.text
        .toLowerCase()
        .split(/\s+/)
        .every((word) => all.includes(word))
    )
      return false;
  }
  return true;
}

/** Good enough for seeded data: whole addresses, IPv4 networks, IPv6 by prefix text. */
function inNetwork(address: string, network: string): boolean {
  const [base = "", prefix] = network.split("/");
  if (prefix === undefined) return address === base;
  if (base.includes(".") && address.includes(".")) {
    const bits = (text: string) =>
      text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
    const size = 2 ** (32 - Number(prefix));
    return Math.floor(bits(address) / size) === Math.floor(bits(base) / size);
  }
  return address.startsWith(base.replace(/::$/, ""));
}
