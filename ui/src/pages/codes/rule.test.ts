import { describe, expect, it } from "vitest";
import type { FactorPerson, FactorRule, FactorScope } from "$host/host";
import { codesAddress, keyOf, readQuery } from "./query";
import { beginOf, ruleForm, ruleOf } from "./rule";
import { lackWords, remindedWords, ruleWords, standing, unsaidWords } from "./words";

const everybody: FactorScope = { kind: "organization" };
const owners: FactorScope = { kind: "role", role: "owner" };
const NOW = new Date(2026, 10, 24, 9).getTime();
const day = (days: number) => new Date(2026, 10, 24 + days).toISOString();

describe("the form of a rule", () => {
  it("says what the rule says, whole days in the reader's zone", () => {
    const rules: FactorRule[] = [
      { require: "off" },
      { require: "optional" },
      {
        require: "required",
        from: day(7),
        grace_days: 5,
        outside_address: true,
        before: "optional",
      },
    ];
    for (const rule of rules)
      expect(ruleOf(everybody, ruleForm(everybody, rule, NOW))).toEqual(rule);
  });

  it("begins with what holds where nobody said anything", () => {
    expect(ruleForm(everybody, undefined, NOW)).toMatchObject({
      require: "required",
      from: "2026-11-24",
      before: "code",
    });
    expect(ruleForm(owners, undefined, NOW).require).toBe("optional");
  });

  it("keeps of a role what is about roles", () => {
    const form = {
      ...ruleForm(owners, undefined, NOW),
      require: "required" as const,
      outside: true,
    };
    expect(ruleOf(owners, form)).toEqual({ require: "required", from: day(0), grace_days: 14 });
  });

  it("leaves a grace that is no number to the service, and waits for a day", () => {
    const form = ruleForm(everybody, undefined, NOW);
    expect(ruleOf(everybody, { ...form, grace: "soon" })).toMatchObject({ grace_days: 0 });
    expect(ruleOf(everybody, { ...form, from: "" })).toBeUndefined();
    expect(beginOf("2026-13-01")).toBeUndefined();
  });
});

describe("rules in words", () => {
  it("say from when on, and what holds until then", () => {
    const rule = { require: "required", from: day(7), grace_days: 1, before: "nothing" } as const;
    expect(ruleWords(everybody, rule, NOW)).toBe(
      "A code at every sign-in. From 1 Dec 2026, with 1 day of grace. Until then: password alone.",
    );
    expect(ruleWords(owners, rule, NOW)).toBe(
      "An authenticator at every sign-in; a mailed code is not enough. From 1 Dec 2026, with 1 day of grace.",
    );
    expect(ruleWords(everybody, { ...rule, outside_address: true }, Date.parse(day(8)))).toBe(
      "A code at every sign-in, to an address outside the mailbox. Since 1 Dec 2026, with 1 day of grace.",
    );
    expect(unsaidWords(owners)).toBe(ruleWords(owners, { require: "optional" }, NOW));
  });
});

describe("people", () => {
  const anna: FactorPerson = {
    who: { kind: "account" },
    login: "anna@example.org",
    name: "",
    factors: ["email"],
    code_to: "anna@example.org",
    own_mailbox: true,
    last_used_at: null,
    ask: "code",
    lacks: null,
    decided_by: null,
    reminded_at: null,
  };

  it("stand as the policy has them", () => {
    expect(standing(anna, NOW)).toMatchObject({ tone: "good", word: "A code at each sign-in" });
    const lacks = { what: "outside_address", since: day(0), until: day(3) } as const;
    expect(standing({ ...anna, lacks }, NOW).tone).toBe("warning");
    expect(standing({ ...anna, ask: "refuse", lacks }, Date.parse(day(4))).tone).toBe("critical");
    expect(standing({ ...anna, ask: "nothing" }, NOW).tone).toBe("neutral");
    expect(lackWords(lacks, NOW)).toContain("from 27 Nov 2026 on");
    expect(lackWords(lacks, Date.parse(day(3)))).toContain("since 27 Nov 2026");
  });

  it("have an address of their own beside the list", () => {
    const asked = readQuery(new URLSearchParams("text=an&show=missing"));
    expect(asked).toEqual({ text: "an", missing: true });
    expect(codesAddress(asked, keyOf(anna))).toBe(
      "#/codes/account%3Aanna%40example.org?text=an&show=missing",
    );
    const admin = { ...anna, who: { kind: "admin", id: "adm1", role: "owner" } as const };
    expect(keyOf(admin)).not.toBe(keyOf(anna));
  });

  it("are told of mails that went out, and of what is left", () => {
    const none = { sent: 0, told_lately: 3, unreachable: 0, left: 0 };
    expect(remindedWords(none)).toBe("Nobody is left to be mailed today.");
    expect(remindedWords({ ...none, sent: 500, unreachable: 1, left: 2 })).toBe(
      "500 mails are on their way. 1 person has no address. 2 more are left: send again.",
    );
  });
});
