import { m } from "$messages";
import type { EventKind, OutcomeFilter, Protocol, ReasonCode } from "$host/host";
import { shortTime } from "$lib/format";
import { kindName, protocolName } from "$lib/words/names";
import { outcomeName } from "$lib/words/signIns";
import { closed, type ClosedField, isClosed, type Term, valuesOf } from "./criteria";
import { bounds, type PageSpan, writeRelative } from "./span";
import type { Fault, FieldWord, Vocabulary } from "./text";

/** A field as a chip names it. */
export function fieldName(field: FieldWord): string {
  switch (field) {
    case "account":
      return m.activity_field_account();
    case "domain":
      return m.activity_field_domain();
    case "network":
      return m.activity_field_network();
    case "device":
      return m.activity_field_device();
    case "protocol":
      return m.activity_field_protocol();
    case "outcome":
      return m.activity_field_outcome();
    case "reason":
      return m.activity_field_reason();
    case "kind":
      return m.activity_field_kind();
    case "text":
      return m.activity_field_text();
    case "time":
      return m.activity_field_time();
    case "since":
      return m.activity_field_since();
    case "until":
      return m.activity_field_until();
  }
}

export function reasonName(reason: ReasonCode): string {
  switch (reason) {
    case "credentials":
      return m.activity_reason_credentials();
    case "app_password":
      return m.activity_reason_app_password();
    case "app_password_limited":
      return m.activity_reason_app_password_limited();
    case "main_password_refused":
      return m.activity_reason_main_password_refused();
    case "no_web_session":
      return m.activity_reason_no_web_session();
    case "factor_missing":
      return m.activity_reason_factor_missing();
    case "wrong_password":
      return m.activity_reason_wrong_password();
    case "wrong_code":
      return m.activity_reason_wrong_code();
    case "code_requested":
      return m.activity_reason_code_requested();
    case "captcha_asked":
      return m.activity_reason_captcha_asked();
    case "captcha_wrong":
      return m.activity_reason_captcha_wrong();
    case "risk":
      return m.activity_reason_risk();
    case "stolen_password":
      return m.activity_reason_stolen_password();
    case "risk_would_refuse":
      return m.activity_reason_risk_would_refuse();
    case "blocked_address":
      return m.activity_reason_blocked_address();
    case "blocked_network":
      return m.activity_reason_blocked_network();
    case "blocked_account":
      return m.activity_reason_blocked_account();
    case "sending_suspended":
      return m.activity_reason_sending_suspended();
    case "rule_denied":
      return m.activity_reason_rule_denied();
    case "rule_not_allowed":
      return m.activity_reason_rule_not_allowed();
    case "rule_would_deny":
      return m.activity_reason_rule_would_deny();
    case "rule_would_not_allow":
      return m.activity_reason_rule_would_not_allow();
    case "limit_reached":
      return m.activity_reason_limit_reached();
    case "limit_would_reach":
      return m.activity_reason_limit_would_reach();
    case "recovered":
      return m.activity_reason_recovered();
    case "nothing_against":
      return m.activity_reason_nothing_against();
    case "mail_server":
      return m.activity_reason_mail_server();
    case "imported":
      return m.activity_reason_imported();
  }
}

/** A value of a closed list in words. */
export function valueName(field: ClosedField, value: string): string {
  switch (field) {
    case "kind":
      return kindName[value as EventKind];
    case "protocol":
      return protocolName[value as Protocol];
    case "outcome":
      return outcomeName[value as OutcomeFilter];
    case "reason":
      return reasonName(value as ReasonCode);
  }
}

/** The values of a term in words: up to two by name. */
export function termWords(term: Term): string {
  const { kind } = term.test;
  const values = valuesOf(term);
  if (values.length > 2) return m.activity_chip_several({ count: values.length });
  return values.map((value) => (isClosed(kind) ? valueName(kind, value) : value)).join(", ");
}

/** The words of the reader's language for fields and values. */
export function vocabulary(): Vocabulary {
  const names = (field: ClosedField) =>
    Object.fromEntries(closed[field].map((value) => [value, valueName(field, value)]));
  const fields: FieldWord[] = [
    "account",
    "domain",
    "network",
    "device",
    "protocol",
    "outcome",
    "reason",
    "kind",
    "text",
    "time",
    "since",
    "until",
  ];
  return {
    fields: Object.fromEntries(fields.map((field) => [field, [fieldName(field)]])),
    values: {
      kind: names("kind"),
      protocol: names("protocol"),
      outcome: names("outcome"),
      reason: names("reason"),
    },
  };
}

/** The chosen time in words; undefined if all time is shown. */
export function spanWords(span: PageSpan | undefined, now: number): string | undefined {
  if (span === undefined) return undefined;
  if (span.kind === "today") return m.activity_span_today();
  if (span.kind === "last") {
    const { minutes } = span;
    const written = writeRelative(span) ?? "";
    if (written.endsWith("d")) return m.activity_span_days({ count: minutes / 1_440 });
    if (written.endsWith("h")) return m.activity_span_hours({ count: minutes / 60 });
    return m.activity_span_minutes({ count: minutes });
  }
  const { from, until } = bounds(span, now);
  const begins = from === undefined ? undefined : shortTime(from, now);
  const ends = until === undefined ? undefined : shortTime(until, now);
  if (begins !== undefined && ends !== undefined) return `${begins} – ${ends}`;
  return begins === undefined
    ? m.activity_span_until({ time: ends ?? "" })
    : m.activity_span_since({ time: begins });
}

/** What is wrong with a part of a text or address, and how to mend it. */
export function faultWords(fault: Fault): string {
  switch (fault.kind) {
    case "unknown_field":
      return m.activity_fault_field({ field: short(fault.field), text: short(fault.text) });
    case "no_value":
      return m.activity_fault_no_value({ field: fieldName(fault.field) });
    case "no_such_value":
      return m.activity_fault_value({
        field: fieldName(fault.field),
        value: short(fault.value),
        values: closed[fault.field].map((value) => valueName(fault.field, value)).join(", "),
      });
    case "no_network":
      return fault.why;
    case "no_time":
      return m.activity_fault_time({ value: short(fault.value) });
    case "backward":
      return m.activity_fault_backward();
    case "time_not":
      return m.activity_fault_time_not();
  }
}

const short = (text: string) => (text.length > 40 ? `${text.slice(0, 40)}…` : text);
