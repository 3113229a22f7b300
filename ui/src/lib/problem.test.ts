import { expect, it } from "vitest";
import type { Problem } from "$host/host";
import { beginToSpeak, speak } from "./language.svelte";
import { asProblem, fieldProblems, messageBesides } from "./problem";

const invalid: Problem = {
  code: "invalid",
  message: "This is not a domain.",
  details: { kind: "fields", fields: [{ field: "domains.1", message: "This is not a domain." }] },
};

it("names a fault in a list by the list", () => {
  expect(fieldProblems(invalid)).toEqual({ domains: "This is not a domain." });
  expect(fieldProblems(undefined)).toEqual({});
});

it("says a message once: beside its field, or by itself", () => {
  expect(messageBesides(invalid, ["domains"])).toBeUndefined();
  expect(messageBesides(invalid, ["owner.name"])).toBe("This is not a domain.");
  expect(messageBesides(undefined, ["domains"])).toBeUndefined();
});

it("takes whatever is thrown as a problem", () => {
  expect(asProblem(invalid)).toBe(invalid);
  expect(asProblem(new Error("broken")).message).toBe("broken");
  expect(asProblem("broken").code).toBe("internal");
});

it("says in the reader's language what a code says, and in English what only the service knows", () => {
  beginToSpeak();
  speak("de");
  expect(asProblem({ ...invalid, code: "stale" }).message).toMatch(/^Jemand hat das/);
  expect(asProblem(invalid).message).toBe(
    "Eine Angabe kann nicht stimmen. (This is not a domain.)",
  );
  speak("system");
});
