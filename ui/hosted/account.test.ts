import { createHmac } from "node:crypto";
import { expect, type Page, test } from "@playwright/test";
import { givePassword, look, signIn, signOut, submit } from "./person.ts";
import { stage } from "./stage.ts";

test("an owner looks after the account", async ({ page }) => {
  await page.goto("/mail/");
  await signIn(page, 1);
  await page.goto("/account");
  await expect(page.locator("#sessions").getByText("(this browser)")).toBeVisible();
  await look(page, "account");

  await page.getByRole("link", { name: "Make an app password" }).click();
  await look(page, "app password, new");
  await page.locator("#name").fill("Phone");
  await page.getByRole("button", { name: "Make it" }).click();
  await expect(page.locator("#app-password")).toBeVisible();
  await look(page, "app password, shown once");
  await page.goto("/account");
  await expect(page.getByText("Phone")).toBeVisible();

  await page.getByRole("link", { name: "Add an authenticator" }).click();
  await look(page, "authenticator, its name");
  await submit(page, "Go on", { "What you call it": "My phone" });
  await expect(page.locator("#qr")).toBeVisible();
  await look(page, "authenticator");
  await page.locator("#code").fill("000000");
  await page.locator("#code").press("Enter");
  await expect(page.getByRole("alert")).toBeVisible();
  await look(page, "authenticator, wrong code");

  await page.goto("/account");
  await page.getByRole("link", { name: "Sign-in history" }).click();
  const notMe = page.getByRole("link", { name: /^This wasn’t me/ }).last();
  await expect(notMe).toBeVisible();
  await look(page, "sign-ins");
  await notMe.click();
  await expect(page.getByRole("button", { name: "This wasn’t me" })).toBeVisible();
  await look(page, "sign-in was not me");
});

test("an owner signs in with an authenticator, and with a recovery code", async ({ page }) => {
  await page.goto("/mail/");
  await signIn(page, 1);
  await page.goto("/account/authenticators/new");
  await submit(page, "Go on", {
    "What you call it": "My phone, an old one with a long name ".repeat(3),
  });
  const key = (await page.locator("#key").innerText()).replaceAll(" ", "");
  const taken = await typeCode(page, "Set it up", key);
  const codes = await page.locator("#recovery-codes li").allInnerTexts();
  expect(codes).toHaveLength(10);
  await look(page, "recovery codes");
  await page.goto("/account");
  await expect(page.getByText("Recovery codes", { exact: true })).toBeVisible();
  await look(page, "account with an authenticator");
  await page.getByRole("link", { name: /^Remove/ }).click();
  await look(page, "authenticator, to be removed");
  await page.goto("/account/recovery-codes");
  await look(page, "recovery codes, to be renewed");

  await signOut(page);
  await page.goto("/mail/");
  await givePassword(page);
  await expect(page.getByText("Type the code that your authenticator shows now.")).toBeVisible();
  await look(page, "authenticator code");
  await typeCode(page, "Sign in to Example", key, taken);
  await expect(page.getByText(`mail of [${stage.login}]`)).toBeVisible();

  for (const [code, isIn] of [
    [codes[0], true],
    [codes[0], false],
  ] as const) {
    await signOut(page);
    await page.goto("/mail/");
    await givePassword(page);
    await page.getByRole("link", { name: "Use a recovery code instead" }).click();
    await look(page, "recovery code");
    await submit(page, "Sign in to Example", { "Recovery code": code ?? "" });
    const words = isIn ? `mail of [${stage.login}]` : "The code is wrong.";
    await expect(page.getByText(words)).toBeVisible();
    if (!isIn) await expect(page.getByText("You have 2 tries.")).toBeVisible();
  }
});

test("without a session there is no account to look at", async ({ page }) => {
  await page.goto("/account");
  await expect(page.getByLabel("Mail address")).toBeVisible();
  await submit(page, "Go on", { "Mail address": stage.login, Password: "not this one" });
  await expect(page.getByText("Login or password is wrong.")).toBeVisible();
  await page.goto("/account/sign-ins");
  await expect(page.getByLabel("Mail address")).toBeVisible();
});

/** Types a code of an authenticator (RFC 6238) of a step after one that was taken; says of which step it is. */
async function typeCode(page: Page, button: string, key: string, taken = 0): Promise<number> {
  const now = Math.floor(Date.now() / 30_000);
  // The one after is taken too, so that nobody waits for it.
  const step = Math.max(now, taken + 1);
  await page.locator("#code").fill(totp(key, step));
  await page.getByRole("button", { name: button }).click();
  return step;
}

function totp(key: string, step: number): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...key].map((it) => alphabet.indexOf(it).toString(2).padStart(5, "0")).join("");
  const bytes = bits.match(/.{8}/g) ?? [];
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const secret = Buffer.from(bytes.map((it) => parseInt(it, 2)));
  const hash = createHmac("sha1", secret).update(counter).digest();
  const number = hash.readUInt32BE((hash[19] ?? 0) & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}
