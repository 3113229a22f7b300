import type { Code, Problem } from "$host/host";

/** Any rejection as a problem: those of the host are one already. */
export function asProblem(thrown: unknown): Problem {
  if (typeof thrown === "object" && thrown !== null && "code" in thrown && "message" in thrown)
    return thrown as Problem;
  return {
    code: "internal",
    message: thrown instanceof Error ? thrown.message : String(thrown),
    details: null,
  };
}

export function hasCode(thrown: unknown, code: Code): boolean {
  return asProblem(thrown).code === code;
}

/** What is wrong with single fields, by name. */
export function fieldProblems(problem: Problem | undefined): Record<string, string | undefined> {
  if (problem?.details?.kind !== "fields") return {};
  return Object.fromEntries(problem.details.fields.map(({ field, message }) => [field, message]));
}
