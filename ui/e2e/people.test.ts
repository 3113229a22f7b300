import { expect, test } from "@playwright/test";
import { open } from "./open.ts";

test("accounts are found while typing, put in order, and read beside the list", async ({
  page,
}) => {
  await open(page, { scenario: "worst", hash: "#/accounts", ready: "100,000 accounts" });
  await page.keyboard.press("/");
  await page.keyboard.type("user0990");
  await expect(page.getByText("100 accounts match")).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("row", { name: /user099000/ })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("region", { name: "user099000@example.org" })).toBeVisible();
  await page.keyboard.press("j");
  await expect(page).toHaveURL(/user099001%40example.org\?text=user0990/);
  await page.keyboard.press("Escape");
  await expect(page).toHaveURL(/#\/accounts\?text=user0990$/);
  await page.getByRole("button", { name: "Order", exact: true }).click();
  await page.getByRole("button", { name: "Failures in 30 days" }).click();
  await expect(page).toHaveURL(/order=failed/);
});

test("the end of a hundred thousand accounts is a key away", async ({ page }) => {
  await open(page, { scenario: "worst", hash: "#/accounts", ready: "100,000 accounts" });
  await page.getByRole("row").nth(1).focus();
  await page.keyboard.press("End");
  await expect(page.getByRole("row", { name: /管理者/ })).toBeFocused();
});

test("a file is looked at before its accounts are added, and bad lines are named", async ({
  page,
}) => {
  await open(page, { scenario: "well", hash: "#/accounts", ready: "12 accounts" });
  await page.keyboard.press("i");
  await page
    .getByLabel("Or paste the lines")
    .fill("login,name,note\nzoe@example.org,Zoe,\nanna@example.org\ntwo words@example.org");
  await page.getByRole("button", { name: "Look at it first" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByText("Line 4")).toBeVisible();
  await expect(dialog.getByText("A login has no spaces.")).toBeVisible();
  await expect(page.getByText("12 accounts")).toBeVisible();
  await dialog.getByRole("button", { name: "Add 1 account" }).click();
  await expect(page.getByText("13 accounts")).toBeVisible();
  await expect(page.getByRole("row", { name: /zoe@example.org/ })).toBeVisible();
});

test("a note that somebody else changed meanwhile is shown beside one's own", async ({ page }) => {
  await open(page, {
    scenario: "well",
    hash: "#/accounts/anna%40example.org",
    ready: "Devices and programs",
  });
  await page.getByRole("button", { name: "Edit the note" }).click();
  await page.getByRole("textbox", { name: "Note" }).fill("conflict: mine");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Left the association in May.")).toBeVisible();
  await expect(page.getByRole("group", { name: "Draft" })).toContainText("conflict: mine");
  await page.getByRole("button", { name: "Replace it with yours" }).click();
  await expect(page.getByText("Applied: Note on anna@example.org")).toBeVisible();
  await expect(page.getByText("conflict: mine")).toBeVisible();
});

test("an invitation's code is shown once where mail does not get out", async ({ page }) => {
  await open(page, { scenario: "well", hash: "#/admins", ready: "3 admins" });
  await page.keyboard.press("n");
  await page.getByLabel("Name").fill("Eszter Nagy");
  await page.getByLabel("Login").fill("two words");
  await page.getByRole("button", { name: "Invite", exact: true }).click();
  await expect(page.getByText("without blanks")).toBeVisible();
  await page.getByLabel("Login").fill("eszter@example.org");
  await page.getByRole("button", { name: "Invite", exact: true }).click();
  await expect(page.getByText(/^mci_/)).toBeVisible();
  await page.getByRole("button", { name: "I have copied it" }).click();
  await expect(page.getByText("2 invitations are open")).toBeVisible();
  await expect(page.getByText(/^mci_/)).toHaveCount(0);
});

test("an invited admin sets a password and goes on to the code", async ({ page }) => {
  await open(page, { scenario: "sign-in", hash: "", ready: "Sign in" });
  await page.getByRole("button", { name: "I have an invitation" }).click();
  await page.getByLabel("Code from the invitation").fill("wrong");
  await page.getByLabel("New password").fill("several good words");
  await page.getByRole("button", { name: "Set the password" }).click();
  await expect(page.getByText("This code is wrong or over.")).toBeVisible();
  await page.getByLabel("Code from the invitation").fill("mci_k7qm");
  await page.getByRole("button", { name: "Set the password" }).click();
  await expect(page.getByText("Enter the code")).toBeVisible();
});

test("who removes an admin or revokes a key names it, and the last owner stays", async ({
  page,
}) => {
  await open(page, { scenario: "well", hash: "#/admins/adm1", ready: "last owner" });
  await expect(page.getByRole("button", { name: "Remove…" })).toBeDisabled();
  await page.goto("/?scenario=well#/admins/adm2");
  await page.getByRole("button", { name: "Remove…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Remove…" }).click();
  await expect(page.getByText("3 admins")).toBeVisible();
  await dialog.getByRole("textbox").fill("anna@example.org");
  await dialog.getByRole("button", { name: "Remove…" }).click();
  await expect(page.getByText("2 admins")).toBeVisible();

  await page.goto("/?scenario=well#/keys");
  await page.getByRole("button", { name: "Revoke the key Dashboard" }).click();
  await dialog.getByRole("textbox").fill("Dashboard");
  await dialog.getByRole("button", { name: "Revoke" }).click();
  await expect(page.getByText("2 keys work")).toBeVisible();
});

test("a log that was tampered with says so until an owner takes it as it is", async ({ page }) => {
  await open(page, { scenario: "notices", hash: "#/audit", ready: "was altered" });
  await page.getByRole("button", { name: "Show the entry" }).click();
  await expect(page.getByText("As the service tells it now")).toBeVisible();
  await expect(page.getByText("somebody@example.org")).toBeVisible();
  await page.getByRole("button", { name: "Take it as it is…" }).first().click();
  await page.getByRole("dialog").getByRole("button", { name: "Take it as it is…" }).click();
  await expect(page.getByText("Unbroken since")).toBeVisible();
});

test("an auditor reads admins, keys and the log, and changes nothing", async ({ page }) => {
  await open(page, { scenario: "auditor", hash: "#/admins/adm2", ready: "Signed in on" });
  for (const name of ["Invite…", "Remove…", "End all sessions"])
    await expect(page.getByRole("button", { name })).toBeDisabled();
  await page.goto("/?scenario=auditor#/keys");
  await expect(page.getByRole("button", { name: "New key…" })).toBeDisabled();
});

test("an app password is made, shown once, and revoked", async ({ page }) => {
  await open(page, {
    scenario: "well",
    hash: "#/accounts/anna%40example.org",
    ready: "New app password",
  });
  const list = page.getByRole("region", { name: "App passwords" });
  await expect(list.getByText("IMAP and Submission, from 203.0.113.0/24")).toBeVisible();
  await expect(list.getByText("Old phone")).toHaveCount(0);
  await list.getByRole("button", { name: "New app password" }).click();
  const form = page.getByRole("dialog");
  await form.getByRole("button", { name: "Make it" }).click();
  await expect(form.getByText("A name has 1 to 120 characters")).toBeVisible();
  await form.getByLabel("For which program or device").fill("Tablet");
  await form.getByLabel("Sieve").uncheck();
  await form.getByRole("textbox", { name: "Networks" }).fill("not a network");
  await form.getByRole("button", { name: "Make it" }).click();
  await expect(page.getByText("k7qm-2x4d-w4hv-b6nr-3tz2-yfcj")).toHaveCount(0);
  await form.getByRole("textbox", { name: "Networks" }).fill("198.51.100.0/24");
  await form.getByRole("button", { name: "Make it" }).click();
  await expect(page.getByText("k7qm-2x4d-w4hv-b6nr-3tz2-yfcj")).toBeVisible();
  await page.getByRole("button", { name: "I have copied it" }).click();
  await expect(page.getByText("k7qm-2x4d-w4hv-b6nr-3tz2-yfcj")).toHaveCount(0);
  await expect(list.getByText("from 198.51.100.0/24")).toBeVisible();

  await list.getByRole("button", { name: "Revoke Tablet" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke", exact: true }).click();
  await expect(list.getByText("from 198.51.100.0/24")).toHaveCount(0);
});

test("own passwords are refused to mail programs for everybody only after a second look", async ({
  page,
}) => {
  await open(page, {
    scenario: "well",
    hash: "#/accounts/anna%40example.org",
    ready: "New app password",
  });
  const list = page.getByRole("region", { name: "App passwords" });
  await list.getByLabel("For", { exact: true }).selectOption("organization");
  await list.getByLabel("Own password in mail programs").selectOption("refused");
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByText("11 of the 12 accounts")).toBeVisible();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await expect(list.getByText("own password works too")).toBeVisible();
  await expect(list.getByLabel("Own password in mail programs")).toHaveValue("wider");
  await list.getByLabel("Own password in mail programs").selectOption("refused");
  await dialog.getByRole("button", { name: "Refuse them" }).click();
  await expect(list.getByText("only app passwords work")).toBeVisible();
});
