import type { Event as LogEvent, EventBody, Reason } from "$host/host";
import { absoluteTime, count, inOwnTime } from "$lib/format";
import { address } from "$lib/router.svelte";
import { networkAround } from "$lib/network";
import {
  actionSentence,
  alertStateMark,
  factSentence,
  protocolName,
  severityMark,
  targetName,
  targetText,
} from "$lib/words";

export interface Fact {
  name: string;
  value: string | null | undefined;
  mono?: boolean;
  href?: string;
}

/** An event in full, in words. */
export interface Details {
  title: string;
  sentence?: string;
  reasons: Reason[];
  /** What else one must know to read the reasons. */
  note?: string;
  facts: Fact[];
  links: { text: string; href: string }[];
}

export function details(event: LogEvent): Details {
  const described = describe(event.body);
  return {
    ...described,
    reasons: described.reasons.map((reason) => ({ ...reason, text: inOwnTime(reason.text) })),
    facts: [...described.facts, { name: "Event", value: event.id, mono: true }],
  };
}

function describe(body: EventBody): Details {
  switch (body.type) {
    case "sign_in":
      return {
        title: body.login,
        reasons: body.reasons,
        ...(body.outcome === "refused"
          ? { note: "The client was told no more than of a wrong password." }
          : {}),
        facts: [
          { name: "Account", value: body.login },
          { name: "Address", value: body.address, mono: true },
          { name: "Protocol", value: protocolName[body.protocol] },
          { name: "Encrypted", value: body.tls ? "Yes, TLS" : "Not stated, or no" },
          { name: "Client", value: body.client },
          { name: "Mail server", value: body.server ?? "MailCup itself" },
        ],
        links: moreLike(body.login, body.address),
      };
    case "submission":
      return {
        title: body.login ?? body.sender ?? "Unknown sender",
        reasons: body.reasons,
        facts: [
          { name: "Account", value: body.login },
          { name: "Address", value: body.address, mono: true },
          { name: "Sender", value: body.sender },
          { name: "Recipients", value: count(body.recipients) },
          {
            name: "Size",
            value: body.size > 0 ? `${count(Math.ceil(body.size / 1000))} kB` : null,
          },
        ],
        links: moreLike(body.login, body.address),
      };
    case "alert":
      return {
        title: body.title,
        sentence: body.text,
        reasons: [],
        facts: [
          { name: "Severity", value: severityMark[body.severity].word },
          { name: "State", value: alertStateMark[body.state].word },
          { name: "Account", value: body.login },
          { name: "Network", value: body.network, mono: true },
          { name: "Events", value: count(body.count) },
        ],
        links: [{ text: "Open this alert", href: address(["alerts", body.id]) }],
      };
    case "block":
      return {
        title: `${targetName[body.target.kind]} ${targetText(body.target)}`,
        sentence: body.lifted_at
          ? "The block was lifted; sign-ins are decided as usual."
          : "Every sign-in is refused, whatever the password.",
        reasons: [],
        facts: [
          { name: "Set by", value: body.created_by_login ?? "The service, by itself" },
          {
            name: "Ends",
            value: body.expires_at ? absoluteTime(Date.parse(body.expires_at)) : "When lifted",
          },
          { name: "Lifted by", value: body.lifted_by_login },
          { name: "Note", value: body.note },
        ],
        links: [{ text: "Open this block", href: address(["blocks", body.id]) }],
      };
    case "account":
      return {
        title: body.login,
        sentence:
          body.origin === "discovered"
            ? "The mail server asked about this account for the first time."
            : "The account was added or changed.",
        reasons: [],
        facts: [
          { name: "Account", value: body.login },
          { name: "Name", value: body.name },
          { name: "Note", value: body.note },
        ],
        links: moreLike(body.login, null),
      };
    case "admin":
      return {
        title: body.login,
        sentence: actionSentence(body.action, body.target),
        reasons: [],
        facts: [
          { name: "Admin", value: body.login },
          { name: "Action", value: body.action, mono: true },
          { name: "On", value: body.target },
          { name: "Address", value: body.address, mono: true },
        ],
        links: moreLike(body.login, body.address),
      };
    case "system":
      return {
        title: "The service",
        sentence: factSentence(body),
        reasons: [],
        facts: [],
        links: [],
      };
  }
}

function moreLike(login: string | null, from: string | null): Details["links"] {
  const links: Details["links"] = [];
  if (login)
    links.push({ text: `All of ${login}`, href: address(["activity"], { account: login }) });
  if (from) {
    links.push({ text: `All from ${from}`, href: address(["activity"], { network: from }) });
    const network = networkAround(from);
    if (network)
      links.push({ text: `All from ${network}`, href: address(["activity"], { network }) });
  }
  return links;
}
