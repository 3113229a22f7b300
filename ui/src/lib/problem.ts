import { m } from "$messages";
import type { Code, Problem } from "$host/host";
import { locale } from "./language.svelte";

/** Any rejection as a problem in the reader's language: those of the host are one already. */
export function asProblem(thrown: unknown): Problem {
  if (typeof thrown === "object" && thrown !== null && "code" in thrown && "message" in thrown)
    return translated(thrown as Problem);
  return {
    code: "internal",
    message: thrown instanceof Error ? thrown.message : String(thrown),
    details: null,
  };
}

/** Codes that say all; what the others are about stands only in the English message. */
const complete: Partial<Record<Code, () => string>> = {
  unauthenticated: m.words_problem_unauthenticated,
  reauthentication_required: m.words_problem_reauthentication_required,
  forbidden: m.words_problem_forbidden,
  factor_required: m.words_problem_factor_required,
  refused_here: m.words_problem_refused_here,
  locks_out: m.words_problem_locks_out,
  sign_in_refused: m.words_problem_sign_in_refused,
  wrong_code: m.words_problem_wrong_code,
  challenge_over: m.words_problem_challenge_over,
  setup_needed: m.words_problem_setup_needed,
  setup_done: m.words_problem_setup_done,
  setup_token: m.words_problem_setup_token,
  stale: m.words_problem_stale,
  storage_full: m.words_problem_storage_full,
  locked: m.words_problem_locked,
  wrong_passphrase: m.words_problem_wrong_passphrase,
};

const general: Partial<Record<Code, () => string>> = {
  bad_request: m.words_problem_bad_request,
  invalid: m.words_problem_invalid,
  too_large: m.words_problem_too_large,
  not_found: m.words_problem_not_found,
  unknown_version: m.words_problem_unknown_version,
  foreign_origin: m.words_problem_foreign_origin,
  too_many: m.words_problem_too_many,
  precondition_required: m.words_problem_precondition_required,
  conflict: m.words_problem_conflict,
  epoch_diverged: m.words_problem_epoch_diverged,
  unavailable: m.words_problem_unavailable,
  mail_failed: m.words_problem_mail_failed,
  unreachable: m.words_problem_unreachable,
  proof_refused: m.words_problem_proof_refused,
  no_keyring: m.words_problem_no_keyring,
  internal: m.words_problem_internal,
};

function translated(problem: Problem): Problem {
  if (locale() === "en") return problem;
  const whole = complete[problem.code]?.();
  const part = general[problem.code]?.();
  const message =
    whole ?? (part && m.words_problem_details({ problem: part, details: problem.message }));
  return message ? { ...problem, message } : problem;
}

/** What is wrong with single fields, by name; of a list (`domains.2`), by the name of the list. */
export function fieldProblems(problem: Problem | undefined): Record<string, string | undefined> {
  if (problem?.details?.kind !== "fields") return {};
  return Object.fromEntries(
    problem.details.fields.map(({ field, message }) => [field.replace(/\.\d+$/, ""), message]),
  );
}

/** The problem's message, unless it stands beside one of these fields already. */
export function messageBesides(
  problem: Problem | undefined,
  fields: readonly string[],
): string | undefined {
  const named = fieldProblems(problem);
  return fields.some((field) => named[field]) ? undefined : problem?.message;
}
