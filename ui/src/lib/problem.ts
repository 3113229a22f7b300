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
