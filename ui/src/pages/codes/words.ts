import { m } from "$messages";
import type {
  FactorAsk,
  FactorKind,
  FactorLack,
  FactorPerson,
  FactorReminders,
  FactorRule,
  FactorScope,
  FactorWant,
  Role,
} from "$host/host";
import { dayAndYear, dayName, plural } from "$lib/format";
import type { Tone } from "$components/tone";
import type { IconName } from "$components/icons";

const roleScopes: Record<Role, () => string> = {
  owner: m.codes_scope_role_owner,
  admin: m.codes_scope_role_admin,
  auditor: m.codes_scope_role_auditor,
};

export function scopeName(scope: FactorScope): string {
  switch (scope.kind) {
    case "organization":
      return m.codes_scope_everybody();
    case "domain":
      return `@${scope.domain}`;
    case "account":
      return scope.login;
    case "role":
      return roleScopes[scope.role]();
  }
}

const factorNames: Record<FactorKind, () => string> = {
  email: m.codes_factor_email,
  authenticator: m.codes_factor_authenticator,
  recovery_code: m.codes_factor_recovery,
  passkey: m.words_factor_passkey,
};

export function factorName(kind: FactorKind): string {
  return factorNames[kind]();
}

const asks: Record<FactorAsk, () => string> = {
  nothing: m.codes_ask_nothing,
  code: m.codes_ask_code,
  strong: m.codes_ask_strong,
  refuse: m.codes_ask_refuse,
};

export function askName(ask: FactorAsk): string {
  return asks[ask]();
}

const wants: Record<FactorWant, () => string> = {
  authenticator: m.codes_lacks_authenticator,
  outside_address: m.codes_lacks_outside,
  address: m.codes_lacks_address,
};

export function wantName(want: FactorWant): string {
  return wants[want]();
}

/** What somebody lacks, and until when that is let pass. */
export function lackWords({ what, until }: FactorLack, now: number): string {
  const end = Date.parse(until);
  const parts = { what: wantName(what), day: dayAndYear(end) };
  return end > now ? m.codes_lacks_until(parts) : m.codes_lacks_over(parts);
}

const shortWants: Record<FactorWant, (parts: { day: string }) => string> = {
  authenticator: m.codes_short_authenticator,
  outside_address: m.codes_short_outside,
  address: m.codes_short_address,
};

/** The same as it fits in a row. */
function shortLack({ what, until }: FactorLack, now: number): string {
  const end = Date.parse(until);
  const isThisYear = new Date(end).getFullYear() === new Date(now).getFullYear();
  const day = isThisYear ? dayName(end) : dayAndYear(end);
  return end > now ? shortWants[what]({ day }) : m.codes_short_refused({ day });
}

/** How somebody stands under the policy. */
export function standing(
  { ask, lacks }: FactorPerson,
  now: number,
): { tone: Tone; icon: IconName; word: string } {
  if (ask === "refuse")
    return {
      tone: "critical",
      icon: "block",
      word: lacks ? shortLack(lacks, now) : askName(ask),
    };
  if (lacks) return { tone: "warning", icon: "hourglass", word: shortLack(lacks, now) };
  if (ask === "nothing") return { tone: "neutral", icon: "minus", word: askName(ask) };
  return { tone: "good", icon: "check", word: askName(ask) };
}

/** What a rule means for whom it is for, in plain sentences. */
export function ruleWords(scope: FactorScope, rule: FactorRule, now: number): string {
  const isRole = scope.kind === "role";
  switch (rule.require) {
    case "off":
      return m.codes_rule_off();
    case "optional":
      return isRole ? m.codes_rule_optional_admin() : m.codes_rule_optional_account();
    case "required": {
      const from = Date.parse(rule.from);
      const what = isRole
        ? m.codes_rule_required_admin()
        : rule.outside_address
          ? m.codes_rule_required_outside()
          : m.codes_rule_required_account();
      const when = { day: dayAndYear(from), ...plural(rule.grace_days) };
      if (from <= now) return [what, m.codes_rule_since(when)].join(" ");
      const until = isRole
        ? []
        : [
            {
              nothing: m.codes_before_nothing,
              optional: m.codes_before_optional,
              code: m.codes_before_code,
            }[rule.before ?? "code"](),
          ];
      return [what, m.codes_rule_from(when), ...until].join(" ");
    }
  }
}

/** What is said where nobody said anything. */
export function unsaidWords(scope: FactorScope): string {
  return scope.kind === "role" ? m.codes_rule_optional_admin() : m.codes_rule_required_account();
}

/** What came of mailing those who lack something. */
export function remindedWords({ sent, unreachable, left }: FactorReminders): string {
  return [
    sent > 0 ? m.codes_reminded(plural(sent)) : m.codes_remind_none(),
    ...(unreachable > 0 ? [m.codes_reminded_unreachable(plural(unreachable))] : []),
    ...(left > 0 ? [m.codes_reminded_left(plural(left))] : []),
  ].join(" ");
}
