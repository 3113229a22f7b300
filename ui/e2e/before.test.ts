import { expect, test } from "@playwright/test";

/** The pages before there is a console: first run, sign-in, unlock. */

test("sets up a service on this computer, from the first click to the first green mark", async ({
  page,
}) => {
  await page.goto("/?scenario=first-run");
  await page.getByRole("button", { name: "A service on this computer" }).click();

  await page.getByRole("button", { name: "Set up" }).click();
  await expect(page.getByLabel("Organization")).toBeFocused();
  await expect(page.getByText("Name your organization.")).toBeVisible();

  await page.getByLabel("Organization").fill("Example Association");
  await page.getByLabel("Mail domains").fill("example.org");
  await page.getByLabel("Your name").fill("Maria Keller");
  await page.getByLabel("Your e-mail address").fill("maria@example.org");
  await expect(page.getByLabel("Login")).toHaveValue("maria@example.org");
  await page.getByLabel("Password", { exact: true }).fill("short");
  await page.getByRole("button", { name: "Set up" }).click();
  await expect(page.getByText("at least 10 characters. Several words")).toBeVisible();
  await expect(page.getByLabel("Organization")).toHaveValue("Example Association");

  await page.getByLabel("Password", { exact: true }).fill("correct horse battery");
  await page.getByRole("button", { name: "Set up" }).click();

  const codes = page.getByRole("list", { name: "Recovery codes" }).getByRole("listitem");
  await expect(codes).toHaveCount(10);
  const next = page.getByRole("button", { name: "Continue" });
  await expect(next).toBeDisabled();
  await page.getByLabel("I have saved these codes").check();
  await next.click();

  const dovecot = page.getByRole("region", { name: "Dovecot" });
  await dovecot.getByRole("button", { name: "Show what to paste" }).click();
  await expect(dovecot.getByText("auth_policy_server_url")).toBeVisible();
  await expect(dovecot.getByText("Waiting for the first request")).toBeVisible();
  await expect(dovecot.getByText("Connected")).toBeVisible({ timeout: 10_000 });

  await page.getByRole("button", { name: "Open the console" }).click();
  await expect(page.getByRole("heading", { name: "Overview" })).toBeVisible();
});

test("says what to check when a service does not answer", async ({ page }) => {
  await page.goto("/?scenario=first-run");
  await page.getByRole("button", { name: "Connect to a service" }).click();
  await expect(page).toHaveURL(/#\/connect$/);
  await page.getByLabel("Address of the service").fill("nowhere.example.org");
  await page.keyboard.press("Enter");
  await expect(page.getByText("https://nowhere.example.org does not answer")).toBeVisible();
  await page.goBack();
  await expect(page.getByText("Welcome to MailCup")).toBeVisible();
});

test("asks a service elsewhere for its setup token", async ({ page }) => {
  await page.goto("/?scenario=set-up");
  await page.getByRole("button", { name: "Set up" }).click();
  await expect(page.getByLabel("Setup token")).toBeFocused();
});

test("signs in with a password and an e-mailed code that lies in the local outbox", async ({
  page,
}) => {
  await page.goto("/?scenario=sign-in");
  await page.getByLabel("Login").fill("admin@example.org");
  await page.getByLabel("Password", { exact: true }).fill("wrong");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Login or password is wrong.")).toBeVisible();
  await expect(page.getByLabel("Password", { exact: true })).toHaveValue("");

  await page.getByLabel("Password", { exact: true }).fill("right");
  await page.keyboard.press("Enter");
  await expect(page.getByText("ma•••@example.org")).toBeVisible();
  await expect(page.getByText("/service/outbox/new")).toBeVisible();

  const code = page.getByLabel("Six-digit code");
  await expect(code).toBeFocused();
  await page.keyboard.type("000000");
  await expect(page.getByText("4 tries left")).toBeVisible();
  await expect(code).toBeFocused();
  await page.getByRole("button", { name: "Send a new code" }).click();
  await expect(page.getByText("We sent a new code")).toBeVisible();
  await code.pressSequentially("123456");
  await expect(page.getByRole("navigation", { name: "Pages" })).toBeVisible();
});

test("signs in with a recovery code when nothing else is at hand", async ({ page }) => {
  await page.goto("/?scenario=code");
  await page.getByRole("button", { name: "Use a recovery code" }).click();
  await expect(page.getByLabel("Recovery code")).toBeFocused();
  await page.keyboard.type("k7qm-2x9d-vt4w-hc8n");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("navigation", { name: "Pages" })).toBeVisible();
});

test("begins anew after too many wrong codes", async ({ page }) => {
  await page.goto("/?scenario=code");
  for (let left = 4; left > 0; left -= 1) {
    await page.keyboard.type("000000");
    await expect(page.getByText(`${left} ${left === 1 ? "try" : "tries"} left`)).toBeVisible();
  }
  await page.keyboard.type("000000");
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await expect(page.getByText("Too many wrong codes")).toBeVisible();
});

test("unlocks to the page that one asked for", async ({ page }) => {
  await page.goto("/?scenario=locked#/alerts/al1");
  await expect(page.getByLabel("Passphrase", { exact: true })).toBeFocused();
  await page.keyboard.type("not it");
  await page.keyboard.press("Enter");
  await expect(page.getByText("The passphrase is wrong.")).toBeVisible();
  await page.keyboard.type("open sesame");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: /anna@example.org signed in/ })).toBeVisible();
});

test("lets one choose a passphrase where there is no keyring", async ({ page }) => {
  await page.goto("/?scenario=keyring");
  await page.getByLabel("Passphrase", { exact: true }).fill("open sesame");
  await page.getByLabel("The same again").fill("open seasame");
  await page.keyboard.press("Enter");
  await expect(page.getByText("The two are not the same.")).toBeVisible();
  await page.getByLabel("The same again").fill("open sesame");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Welcome to MailCup")).toBeVisible();
});
