import { host } from "$host";
import type { Challenge, FactorKind, Problem } from "$host/host";
import { asProblem } from "$lib/problem";

/** One way through the sign-in: password, then one of the factors that the challenge names. */
export class SignInFlow {
  challenge = $state.raw<Challenge | null>(null);
  factor = $state<FactorKind>("email");
  code = $state("");
  busy = $state(false);
  problem = $state.raw<Problem>();
  /** Of this challenge; goes down with every wrong code. */
  triesLeft = $state(0);
  sentAgain = $state(false);

  constructor(challenge: Challenge | null) {
    this.take(challenge);
  }

  /** The core's own state of the sign-in wins; the same challenge keeps what was typed. */
  take(challenge: Challenge | null) {
    if (challenge?.id === this.challenge?.id) {
      if (challenge) this.challenge = challenge;
      return;
    }
    this.challenge = challenge;
    this.code = "";
    this.sentAgain = false;
    if (!challenge) return;
    this.triesLeft = challenge.tries_left;
    this.factor = challenge.factors[0] ?? "email";
  }

  async giveCredentials(login: string, password: string): Promise<boolean> {
    return this.#attempt(async () => {
      const step = await host.signIn({ login: login.trim(), password });
      this.take(step.kind === "challenge" ? step : null);
      return step.kind === "signed_in";
    });
  }

  /** Sets the password that an invitation asks for; signing in goes on from there. */
  async acceptInvitation(code: string, password: string): Promise<boolean> {
    return this.#attempt(async () => {
      const step = await host.acceptInvitation({ code: code.trim(), password });
      this.take(step.kind === "challenge" ? step : null);
      return step.kind === "signed_in";
    });
  }

  async giveCode(): Promise<boolean> {
    return this.#attempt(async () => {
      const step = await host.answerChallenge({ factor: this.factor, code: this.code.trim() });
      if (step.kind === "challenge") this.take(step);
      return step.kind === "signed_in";
    });
  }

  async sendAgain() {
    await this.#attempt(async () => {
      const step = await host.resendCode();
      if (step.kind === "challenge") {
        this.challenge = step;
        this.triesLeft = step.tries_left;
      }
      this.code = "";
      this.sentAgain = true;
      return false;
    });
  }

  choose(factor: FactorKind) {
    this.factor = factor;
    this.code = "";
    this.problem = undefined;
  }

  startOver() {
    this.challenge = null;
    this.code = "";
    this.problem = undefined;
  }

  async #attempt(action: () => Promise<boolean>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.problem = undefined;
    try {
      return await action();
    } catch (thrown) {
      const problem = asProblem(thrown);
      this.problem = problem;
      this.code = "";
      if (problem.details?.kind === "tries_left") this.triesLeft = problem.details.tries;
      if (problem.code === "challenge_over") this.challenge = null;
      return false;
    } finally {
      this.busy = false;
    }
  }
}
