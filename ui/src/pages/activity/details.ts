import { m } from "$messages";
import type {
  Event as LogEvent,
  EventBody,
  OutcomeFilter,
  Place,
  PolicyItem,
  Protocol,
  Reason,
} from "$host/host";
import { absoluteTime, count } from "$lib/format";
import { address } from "$lib/router.svelte";
import { networkAround } from "$lib/network";
import { countryName, networkWords } from "$lib/policyWords";
import { actionSentence } from "$lib/words/actions";
import { alertStateMark, severityMark } from "$lib/words/alerts";
import { targetName, targetText } from "$lib/words/blocks";
import { policyLine } from "$lib/words/events";
import { protocolName } from "$lib/words/names";
import { outcomeName, reasonText } from "$lib/words/signIns";
import { factSentence } from "$lib/words/system";
import type { Field } from "./criteria";

export interface Fact {
  name: string;
  value: string | null | undefined;
  mono?: boolean;
  /** What to filter by, the narrowest first. */
  filters?: readonly { field: Field; value: string; label?: string }[];
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
    reasons: described.reasons.map((reason) => ({ ...reason, text: reasonText(reason) })),
    facts: [...described.facts, { name: m.activity_fact_event(), value: event.id, mono: true }],
  };
}

function describe(body: EventBody): Details {
  switch (body.type) {
    case "sign_in":
      return {
        title: body.login,
        reasons: body.reasons,
        ...(body.outcome === "refused" ? { note: m.activity_note_refused() } : {}),
        facts: [
          account(body.login),
          from(body.address),
          ...where(body.place),
          protocol(body.protocol),
          {
            name: m.activity_fact_encrypted(),
            value: body.tls ? m.activity_fact_encrypted_yes() : m.activity_fact_encrypted_no(),
          },
          {
            name: m.activity_fact_client(),
            value: body.client,
            filters: body.client ? [{ field: "device", value: body.client }] : [],
          },
          { name: m.activity_fact_server(), value: body.server ?? m.activity_fact_server_own() },
          ...outcome(body.outcome),
        ],
        links: [],
      };
    case "submission":
      return {
        title: body.login ?? body.sender ?? m.activity_unknown_sender(),
        reasons: body.reasons,
        facts: [
          account(body.login),
          from(body.address),
          ...where(body.place),
          { name: m.activity_fact_sender(), value: body.sender },
          { name: m.activity_fact_recipients(), value: count(body.recipients) },
          {
            name: m.activity_fact_size(),
            value: body.size > 0 ? `${count(Math.ceil(body.size / 1000))} kB` : null,
          },
        ],
        links: [],
      };
    case "alert":
      return {
        title: body.title,
        sentence: body.text,
        reasons: [],
        facts: [
          { name: m.activity_fact_severity(), value: severityMark[body.severity].word },
          { name: m.activity_fact_state(), value: alertStateMark[body.state].word },
          account(body.login),
          {
            name: m.activity_fact_network(),
            value: body.network,
            mono: true,
            filters: body.network ? [{ field: "network", value: body.network }] : [],
          },
          { name: m.activity_fact_events(), value: count(body.count) },
        ],
        links: [{ text: m.activity_link_alert(), href: address(["alerts", body.id]) }],
      };
    case "block":
      return {
        title: `${targetName[body.target.kind]} ${targetText(body.target)}`,
        sentence: body.lifted_at ? m.activity_block_lifted() : m.activity_block_set(),
        reasons: [],
        facts: [
          {
            name: m.activity_fact_set_by(),
            value: body.created_by_login ?? m.activity_fact_by_service(),
          },
          {
            name: m.activity_fact_ends(),
            value: body.expires_at
              ? absoluteTime(Date.parse(body.expires_at))
              : m.activity_fact_ends_lifted(),
          },
          { name: m.activity_fact_lifted_by(), value: body.lifted_by_login },
          { name: m.activity_fact_note(), value: body.note },
        ],
        links: [{ text: m.activity_link_block(), href: address(["blocks", body.id]) }],
      };
    case "account":
      return {
        title: body.login,
        sentence:
          body.origin === "discovered"
            ? m.activity_account_discovered()
            : m.activity_account_changed(),
        reasons: [],
        facts: [
          account(body.login),
          { name: m.activity_fact_name(), value: body.name },
          { name: m.activity_fact_note(), value: body.note },
        ],
        links: [],
      };
    case "policy":
      return ofPolicy(body);
    case "admin":
      return {
        title: body.login,
        sentence: actionSentence(body.action, body.target),
        reasons: [],
        facts: [
          { ...account(body.login), name: m.activity_fact_admin() },
          { name: m.activity_fact_action(), value: body.action, mono: true },
          { name: m.activity_fact_on(), value: body.target },
          from(body.address),
        ],
        links: [],
      };
    case "system":
      return {
        title: m.activity_the_service(),
        sentence: factSentence(body),
        reasons: [],
        facts: [],
        links: [],
      };
  }
}

function ofPolicy(item: PolicyItem): Details {
  const line = policyLine(item, Date.now());
  return {
    title: line.where,
    sentence: line.what,
    reasons: [],
    facts: [
      { name: m.activity_fact_state(), value: line.mark.word },
      { name: m.activity_fact_set_by(), value: line.who },
    ],
    links: linksOf(item),
  };
}

function linksOf(item: PolicyItem): Details["links"] {
  switch (item.item) {
    case "access_rule":
      return [{ text: m.activity_link_rule(), href: address(["rules", item.id]) }];
    case "sending_limit":
      return [{ text: m.activity_link_limit(), href: address(["limits", item.id]) }];
    case "known_networks":
      return [{ text: m.activity_link_known(), href: address(["limits", "known"]) }];
    case "trial":
      return [];
  }
}

function account(login: string | null): Fact {
  const domain = login?.split("@")[1];
  return {
    name: m.activity_fact_account(),
    value: login,
    filters: login
      ? [
          { field: "account", value: login },
          ...(domain ? [{ field: "domain" as const, value: domain, label: `@${domain}` }] : []),
        ]
      : [],
  };
}

function from(value: string | null): Fact {
  const around = value === null ? undefined : networkAround(value);
  return {
    name: m.activity_fact_address(),
    value,
    mono: true,
    filters: value
      ? [
          { field: "network", value },
          ...(around ? [{ field: "network" as const, value: around, label: around }] : []),
        ]
      : [],
  };
}

/** The country and who runs the network, as it was when it happened. */
function where(place: Place | null | undefined): Fact[] {
  const country = place?.country;
  return [
    {
      name: m.activity_fact_country(),
      value: country ? `${countryName(country)} (${country})` : undefined,
    },
    { name: m.activity_fact_run_by(), value: networkWords(place) },
  ];
}

function protocol(value: Protocol): Fact {
  return {
    name: m.activity_fact_protocol(),
    value: protocolName[value],
    filters: [{ field: "protocol", value }],
  };
}

function outcome(value: string): Fact[] {
  const asked: Record<string, OutcomeFilter> = {
    succeeded: "allowed",
    failed: "failed",
    refused: "refused",
    challenged: "challenged",
  };
  const meant = asked[value];
  return meant
    ? [
        {
          name: m.activity_field_outcome(),
          value: outcomeName[meant],
          filters: [{ field: "outcome", value: meant }],
        },
      ]
    : [];
}
