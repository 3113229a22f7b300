import { m } from "$messages";
import type {
  AccessTerms,
  KnownNetworks,
  LimitMeasure,
  LimitTerms,
  Place,
  PolicyScope,
  Schedule,
  Weekday,
} from "$host/host";
import { dayAndYear, listOf, plural, shortWeekday } from "./format";
import { locale } from "./language.svelte";
import { protocolName } from "./words/names";

/** Rules, limits and places as a person says them. */

export function scopeWords(scope: PolicyScope): string {
  switch (scope.kind) {
    case "organization":
      return m.policy_everybody();
    case "domain":
      return `@${scope.domain}`;
    case "account":
      return scope.login;
  }
}

/** What a rule does, in one sentence. */
export function ruleSentence(terms: AccessTerms, now: number): string {
  const { scope, action, networks = [], countries = [], protocols = [] } = terms;
  const what =
    protocols.length === 0
      ? m.policy_signing_in()
      : listOf(protocols.map((protocol) => protocolName[protocol]));
  const from = fromWords(networks, countries);
  const sentence =
    action === "allow"
      ? from
        ? m.policy_allow_from({ what, from })
        : m.policy_allow_anywhere({ what })
      : from
        ? m.policy_deny_from({ what, from })
        : m.policy_deny_anywhere({ what });
  const narrowed = [
    sentence,
    ...(terms.schedule ? [scheduleWords(terms.schedule)] : []),
    ...(terms.expires_at ? [expiryWords(Date.parse(terms.expires_at), now)] : []),
  ];
  return m.policy_rule_sentence({ who: scopeWords(scope), what: narrowed.join(", ") });
}

function expiryWords(at: number, now: number): string {
  const time = dayAndYear(at);
  return at > now ? m.policy_until({ time }) : m.policy_expired_since({ time });
}

/** As many as one takes in at a glance are named. */
const NAMED = 2;

function fromWords(networks: readonly string[], countries: readonly string[]): string | undefined {
  const named = countries.map(countryName);
  const places = named.length > NAMED ? m.policy_countries(plural(named.length)) : listOf(named);
  if (networks.length === 0) return named.length === 0 ? undefined : places;
  const nets =
    networks.length > NAMED ? m.policy_networks(plural(networks.length)) : listOf(networks);
  return named.length === 0 ? nets : m.policy_networks_in({ networks: nets, countries: places });
}

export const weekdays: readonly Weekday[] = [
  "monday",
  "tuesday",
  "wednesday",
  "thursday",
  "friday",
  "saturday",
  "sunday",
];

/** "Mon–Fri 08:00–18:00 Europe/Berlin". */
export function scheduleWords({ days = [], from, until, zone }: Schedule): string {
  const time = from === until ? m.policy_around_the_clock() : `${from}–${until}`;
  return `${daysWords(days)} ${time} ${zone}`;
}

/** Days as runs: "Mon–Fri", "Mon, Wed–Fri". */
export function daysWords(days: readonly Weekday[]): string {
  if (days.length === 0 || days.length === weekdays.length) return m.policy_every_day();
  const runs: number[][] = [];
  for (const index of weekdays.keys()) {
    if (!days.includes(weekdays[index] as Weekday)) continue;
    const run = runs.at(-1);
    if (run?.at(-1) === index - 1) run.push(index);
    else runs.push([index]);
  }
  return runs
    .map((run) => {
      const [first = 0, last = first] = [run[0], run.at(-1)];
      if (first === last) return shortWeekday(first);
      const sign = last - first > 1 ? "–" : ", ";
      return `${shortWeekday(first)}${sign}${shortWeekday(last)}`;
    })
    .join(", ");
}

/** What a limit does, in one sentence. */
export function limitSentence(terms: LimitTerms): string {
  const then = {
    reject: m.policy_then_reject,
    defer: m.policy_then_defer,
    hold: m.policy_then_hold,
  }[terms.action]();
  const parts = [figuresWords(terms), ...perWords(terms), then];
  return m.policy_rule_sentence({ who: scopeWords(terms.scope), what: parts.join(", ") });
}

function perWords({ per }: LimitTerms): string[] {
  switch (per) {
    case "account":
      return [];
    case "account_and_address":
      return [m.policy_per_account_and_address()];
    case "address":
      return [m.policy_per_address()];
    case "organization":
      return [m.policy_per_together()];
  }
}

function figuresWords({ measure, known, others }: LimitTerms): string {
  const figure = (value: number) => figureWords(measure, value);
  if (known === null && others === null) return m.policy_limit_none();
  if (known === null)
    return others === 0
      ? m.policy_limit_known_alone()
      : m.policy_limit_others_only({ figure: figure(others ?? 0) });
  if (others === null) return m.policy_limit_known_only({ figure: figure(known) });
  if (others === 0 && known > 0) return m.policy_limit_nothing_else({ figure: figure(known) });
  return known === others
    ? m.policy_limit_same({ figure: figure(known) })
    : m.policy_limit_two({ figure: figure(known), others: plural(others).shown });
}

/** "200 recipients an hour". */
export function figureWords(measure: LimitMeasure, value: number): string {
  const shown = plural(value);
  if (measure.kind === "recipients_per_message") return m.policy_figure_per_message(shown);
  const { window } = measure;
  if (measure.kind === "recipients")
    return {
      minute: m.policy_figure_recipients_minute,
      hour: m.policy_figure_recipients_hour,
      day: m.policy_figure_recipients_day,
    }[window](shown);
  return {
    minute: m.policy_figure_messages_minute,
    hour: m.policy_figure_messages_hour,
    day: m.policy_figure_messages_day,
  }[window](shown);
}

export function knownSentence({ scope, networks }: KnownNetworks): string {
  return m.policy_known_sentence({
    who: scopeWords(scope),
    networks: m.policy_known_count(plural(networks.length)),
  });
}

/** A country in the reader's language; its code where it has no name. */
export function countryName(code: string): string {
  return countryNames().of(code) ?? code;
}

const made = new Map<string, Intl.DisplayNames>();

function countryNames(): Intl.DisplayNames {
  const names =
    made.get(locale()) ?? new Intl.DisplayNames([locale()], { type: "region", fallback: "code" });
  made.set(locale(), names);
  return names;
}

/** "Germany (DE), Deutsche Telekom AG"; undefined where nothing is known. */
export function placeWords(place: Place | null | undefined): string | undefined {
  const country = place?.country ? `${countryName(place.country)} (${place.country})` : undefined;
  const network = networkWords(place);
  return [country, network].filter((part) => part !== undefined).join(", ") || undefined;
}

/** Who runs the network: its name, or its number where it has none. */
export function networkWords(place: Place | null | undefined): string | undefined {
  if (place?.network) return place.network;
  return place?.asn ? `AS${place.asn}` : undefined;
}
