import type { FactorBefore, FactorRule, FactorScope } from "$host/host";
import { fieldTime } from "$lib/format";

/** A rule as its form holds it: what was typed for one choice is kept while another is looked at. */
export interface RuleForm {
  require: FactorRule["require"];
  /** `2026-12-01`, in the reader's zone. */
  from: string;
  grace: string;
  outside: boolean;
  before: FactorBefore;
}

const GRACE_DAYS = 14;

/** The form of a rule, or of what holds where there is none. */
export function ruleForm(scope: FactorScope, rule: FactorRule | undefined, now: number): RuleForm {
  const blank: RuleForm = {
    require: scope.kind === "role" ? "optional" : "required",
    from: fieldTime(now).slice(0, 10),
    grace: String(GRACE_DAYS),
    outside: false,
    before: "code",
  };
  if (rule?.require !== "required") return rule ? { ...blank, require: rule.require } : blank;
  return {
    require: "required",
    from: fieldTime(Date.parse(rule.from)).slice(0, 10),
    grace: String(rule.grace_days),
    outside: rule.outside_address ?? false,
    before: rule.before ?? "code",
  };
}

/** When a day of the form begins; undefined if it is none. */
export function beginOf(day: string): number | undefined {
  const at = new Date(`${day}T00:00`).getTime();
  return Number.isNaN(at) ? undefined : at;
}

/** The rule that a form says; undefined while its day can't be read. */
export function ruleOf(scope: FactorScope, form: RuleForm): FactorRule | undefined {
  if (form.require !== "required") return { require: form.require };
  const from = beginOf(form.from);
  if (from === undefined) return undefined;
  const grace = Number(form.grace);
  return {
    require: "required",
    from: new Date(from).toISOString(),
    // What is no number is left to the service to refuse.
    grace_days: Number.isInteger(grace) && grace >= 0 && grace <= 65_535 ? grace : 0,
    ...(scope.kind === "role" ? {} : { outside_address: form.outside, before: form.before }),
  };
}
