import { beforeEach, expect, it, vi } from "vitest";
import type { Challenge, Problem } from "$host/host";
import { SignInFlow } from "./state.svelte";

const core = vi.hoisted(() => ({
  signIn: vi.fn(),
  answerChallenge: vi.fn(),
  resendCode: vi.fn(),
}));
vi.mock("$host", () => ({ host: core }));

const challenge: Challenge = {
  id: "c1",
  factors: ["email", "recovery_code"],
  sent_to: "a•••@example.org",
  outbox_folder: null,
  expires_at: "2026-11-24T12:10:00Z",
  tries_left: 5,
};
const problem = (code: Problem["code"], details: Problem["details"] = null): Problem => ({
  code,
  message: code,
  details,
});

beforeEach(() => {
  core.signIn.mockResolvedValue({ kind: "challenge", ...challenge });
  core.answerChallenge.mockResolvedValue({ kind: "signed_in" });
});

it("goes from the password to a factor to being signed in", async () => {
  const flow = new SignInFlow(null);
  expect(await flow.giveCredentials(" anna ", "secret")).toBe(false);
  expect(core.signIn).toHaveBeenCalledWith({ login: "anna", password: "secret" });
  expect(flow.challenge?.id).toBe("c1");
  flow.code = "123456";
  expect(await flow.giveCode()).toBe(true);
  expect(core.answerChallenge).toHaveBeenCalledWith({ factor: "email", code: "123456" });
});

it("counts the tries that are left and empties the field", async () => {
  const flow = new SignInFlow(challenge);
  flow.code = "000000";
  core.answerChallenge.mockRejectedValueOnce(
    problem("wrong_code", { kind: "tries_left", tries: 2 }),
  );
  expect(await flow.giveCode()).toBe(false);
  expect(flow.triesLeft).toBe(2);
  expect(flow.code).toBe("");
  expect(flow.problem?.code).toBe("wrong_code");
});

it("begins anew when the challenge is over, and still says why", async () => {
  const flow = new SignInFlow(challenge);
  core.answerChallenge.mockRejectedValueOnce(problem("challenge_over"));
  await flow.giveCode();
  expect(flow.challenge).toBeNull();
  expect(flow.problem?.code).toBe("challenge_over");
});

it("keeps what is typed when the core pushes the same challenge again", () => {
  const flow = new SignInFlow(challenge);
  flow.choose("recovery_code");
  flow.code = "k7qm";
  flow.take({ ...challenge });
  expect(flow.code).toBe("k7qm");
  expect(flow.factor).toBe("recovery_code");
  flow.take({ ...challenge, id: "c2" });
  expect(flow.code).toBe("");
});
