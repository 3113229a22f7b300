import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { beginToSpeak, speak } from "../language.svelte";
import { actionNames, actionSentence, actionWord } from "./actions";

/** The service names its actions in its source alone: behind who did it, and for alerts by what was done. */
const SOURCE = "../crates/service/src";
const named =
  /(?:\b(?:actor|client)\b(?:\([^()]*\))?|Actor::default\(\))\)?,\s*"([a-z_]+(?:\.[a-z_]+)+)"|=> "(alert\.[a-z_]+)"/g;

function written(): string[] {
  const files = readdirSync(SOURCE, { recursive: true, encoding: "utf8" });
  const actions = files
    .filter((file) => file.endsWith(".rs"))
    .flatMap((file) => [...readFileSync(join(SOURCE, file), "utf8").matchAll(named)])
    .map(([, action, ofAlert]) => action ?? ofAlert ?? "");
  return [...new Set(actions)].toSorted();
}

it("every action that the service writes has words, and no other", () => {
  expect(Object.keys(actionNames).toSorted()).toEqual(written());
});

it("an action that is not known reads as its name", () => {
  expect(actionWord("block.create")).toBe("Set a block");
  expect(actionWord("toString")).toBe("ToString");
  expect(actionSentence("something.new", "it")).toBe("Something new: it");
});

it("a target that says nothing of its own is left out", () => {
  expect(actionSentence("settings.risk", "risk")).toBe(
    "Changed how suspicious sign-ins are judged",
  );
});

describe("in other languages", () => {
  beforeAll(beginToSpeak);
  afterEach(() => {
    speak("system");
  });

  it("each action has words of its own", () => {
    for (const language of ["en", "de", "uk"] as const) {
      speak(language);
      const words = Object.values(actionNames).map((name) => name());
      const twice = words.filter((word, at) => words.indexOf(word) !== at);
      expect(twice, language).toEqual([]);
    }
  });
});
