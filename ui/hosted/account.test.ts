import { expect, test } from "@playwright/test";
import { look, signIn, submit } from "./person.ts";
import { stage } from "./stage.ts";

test("an owner looks after the account", async ({ page }) => {
  await page.goto("/mail/");
  await signIn(page, 1);
  await page.goto("/account");
  await expect(page.getByText("(this browser)")).toBeVisible();
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

test("without a session there is no account to look at", async ({ page }) => {
  await page.goto("/account");
  await expect(page.getByLabel("Mail address")).toBeVisible();
  await submit(page, "Go on", { "Mail address": stage.login, Password: "not this one" });
  await expect(page.getByText("Login or password is wrong.")).toBeVisible();
  await page.goto("/account/sign-ins");
  await expect(page.getByLabel("Mail address")).toBeVisible();
});
