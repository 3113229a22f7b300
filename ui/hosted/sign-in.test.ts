import { expect, test } from "@playwright/test";
import { givePassword, look, signIn, submit } from "./person.ts";
import { ask, code, link, mail, stage } from "./stage.ts";

test("a person signs in, is signed out by an admin, signs in and out again", async ({ page }) => {
  await page.goto("/mail/?_mbox=INBOX");
  await expect(page).toHaveTitle(/Sign in/);
  await look(page, "password");
  await givePassword(page, "not this one");
  await expect(page.getByText("Login or password is wrong.")).toBeVisible();
  await look(page, "wrong password");

  await givePassword(page);
  await expect(page.getByText("A code of six digits was mailed to a…@example.org.")).toBeVisible();
  await look(page, "code");
  const right = await code(1);
  await submit(page, "Sign in to Example", { Code: right === "000000" ? "000001" : "000000" });
  await expect(page.getByText("The code is wrong.")).toBeVisible();
  await expect(page.getByText("You have 2 tries.")).toBeVisible();
  await look(page, "wrong code");
  await submit(page, "Sign in to Example", { Code: right });
  await expect(page.getByText(`mail of [${stage.login}]`)).toBeVisible();
  await expect(page).toHaveURL("/mail/?_mbox=INBOX");

  await ask("DELETE", `/v1/accounts/${stage.login}/sessions`);
  await page.goto("/mail/");
  await signIn(page, 2);
  await expect(page.getByText(`mail of [${stage.login}] at /mail/`)).toBeVisible();

  await page.goto("/sign-out");
  await expect(page.getByText(`You are signed in to Example as ${stage.login}.`)).toBeVisible();
  await look(page, "sign out");
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByText("You are signed out")).toBeVisible();
  await look(page, "signed out");
  await page.goto("/mail/");
  await expect(page.getByLabel("Mail address")).toBeVisible();
});

test("somebody else is kept out with a button", async ({ page }) => {
  await page.goto("/mail/");
  await givePassword(page);
  await expect(page.getByLabel("Code", { exact: true })).toBeVisible();
  const notMe = link(await mail(1), "/not-me");

  // Opening the link does nothing: scanners of mail do it.
  await page.goto(notMe);
  await expect(page.getByText(`Somebody who knows the password of ${stage.login}`)).toBeVisible();
  await look(page, "not me");
  expect(await alerts()).not.toContain("not_me");
  await page.getByRole("button").click();
  await expect.poll(alerts).toContain("not_me");
  await look(page, "not me done");

  await page.goto("/sign-in/code");
  await expect(page.getByText("This sign-in is over")).toBeVisible();
  await look(page, "over");
  await page.getByText("Begin anew").click();
  await givePassword(page);
  // The network is blocked for the account; that looks like a wrong password.
  await expect(page.getByText("Login or password is wrong.")).toBeVisible();
});

async function alerts(): Promise<string[]> {
  const page = (await ask("GET", "/v1/alerts")) as { items: { kind: string }[] };
  return page.items.map(({ kind }) => kind);
}
