import type { Event, EventBody, Filter, OutcomeFilter, Span, Test } from "../host";

export const outcomeOf: Record<string, OutcomeFilter> = {
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
export function matches(event: Event, { span = null, terms = [] }: Filter): boolean {
  return (
    (span === null || within(Date.parse(event.at), span)) &&
    terms.every(({ not = false, test }) => !asks(test) || passes(event.body, test) !== not)
  );
}

function within(at: number, span: Span): boolean {
  if (span.kind === "last") return at >= Date.now() - span.minutes * 60_000;
  if (span.from && at < Date.parse(span.from)) return false;
  return !span.until || at < Date.parse(span.until);
}

function asks(test: Test): boolean {
  return test.kind === "text" ? test.words.trim() !== "" : test.any.length > 0;
}

function passes(body: EventBody, test: Test): boolean {
  const login = loginOf(body)?.toLowerCase();
  switch (test.kind) {
    case "kind":
      return test.any.includes(body.type);
    case "protocol": {
      const protocol = protocolOf(body);
      return protocol !== undefined && test.any.includes(protocol);
    }
    case "outcome": {
      const outcome = "outcome" in body ? outcomeOf[body.outcome] : undefined;
      return outcome !== undefined && test.any.includes(outcome);
    }
    case "reason":
      return "reasons" in body && body.reasons.some(({ code }) => test.any.includes(code));
    case "account":
      return login !== undefined && test.any.some((part) => login.includes(part.toLowerCase()));
    case "domain":
      return test.any.some((name) => login?.split("@")[1] === name.replace(/^@/, "").toLowerCase());
    case "network": {
      const address = addressOf(body);
      return address !== undefined && test.any.some((network) => inNetwork(address, network));
    }
    case "device": {
      const client = clientOf(body)?.toLowerCase();
      return client !== undefined && test.any.some((part) => client.includes(part.toLowerCase()));
    }
    case "text": {
      const all = JSON.stringify(body).toLowerCase();
      const words = test.words.toLowerCase().split(/\s+/);
      return words.every((word) => all.includes(word));
    }
  }
}

export function loginOf(body: EventBody): string | undefined {
  return ("login" in body ? body.login : undefined) ?? undefined;
}

export function addressOf(body: EventBody): string | undefined {
  return ("address" in body ? body.address : undefined) ?? undefined;
}

export function clientOf(body: EventBody): string | undefined {
  return (body.type === "sign_in" ? body.client : undefined) ?? undefined;
}

export function protocolOf(body: EventBody) {
  if (body.type === "sign_in") return body.protocol;
  return body.type === "submission" ? "submission" : undefined;
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
