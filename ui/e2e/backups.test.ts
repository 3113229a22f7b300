import { expect, type Page, test } from "@playwright/test";
import { newest, older } from "./backups.pages.ts";
import { open } from "./open.ts";

/** Backups: what is begun moves and can be stopped, and what is read sends nothing out. */

const inbox = `#/backups/${newest}?at=example.org/office`;
const rows = (page: Page) => page.getByRole("grid").getByRole("row");

test("begins a backup, shows how far it is, and stops it", async ({ page }) => {
  await open(page, { scenario: "well", hash: "#/backups", ready: "Proven" });
  await page.getByRole("button", { name: "Back up now" }).click();
  await expect(page.getByRole("progressbar", { name: /Backup/ })).toHaveAttribute(
    "aria-valuenow",
    /[1-9]/,
  );
  await expect(page.getByRole("button", { name: "Run a drill" })).toBeDisabled();
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByRole("progressbar")).toHaveCount(0);
  await page.getByRole("link", { name: "Work done" }).click();
  await expect(rows(page).nth(1)).toContainText("Cancelled");
});

test("takes a copy only once its holder has understood, and forgets it only by name", async ({
  page,
}) => {
  await open(page, { scenario: "again&copy=off", hash: "#/backups/copy", ready: "What a copy" });
  const take = page.getByRole("button", { name: "Take the copy" });
  await expect(take).toBeDisabled();
  await page.getByLabel("I have understood").check();
  await take.click();
  // Password and second factor first.
  await page.getByRole("dialog").getByLabel("Password").fill("correct horse");
  await page.getByRole("dialog").getByRole("button", { name: "Continue" }).click();
  await page.getByRole("dialog").getByLabel("Six-digit code").fill("123456");
  await expect(page.getByText("Complete:")).toBeVisible({ timeout: 20_000 });

  await page.getByRole("button", { name: "Forget it…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Forget the copy" }).click();
  await expect(dialog.getByRole("alert")).toBeVisible();
  await dialog.getByRole("textbox").fill("forget");
  await dialog.getByRole("button", { name: "Forget the copy" }).click();
  await expect(page.getByText("What a copy means")).toBeVisible();
});

test("adds a target by keys, once it was tested and its host is known", async ({ page }) => {
  await open(page, { scenario: "well", hash: "#/backups/targets", ready: "Each target" });
  await page.keyboard.press("n");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Kind").selectOption({ label: "SSH host (SFTP)" });
  await dialog.getByLabel("Host", { exact: true }).fill("cellar.example.org");
  await dialog.getByLabel("User").fill("backup");
  await dialog.getByLabel("Folder").fill("/srv/mail");
  await dialog.getByRole("textbox", { name: "Password" }).fill("correct horse");
  await dialog.getByRole("button", { name: "Test" }).click();
  await expect(dialog.getByText("isn’t the one that is trusted")).toBeVisible();
  await dialog.getByRole("button", { name: "Trust this key" }).click();
  await expect(dialog.getByLabel("Fingerprint of the host’s key")).toHaveValue(/^SHA256:/);
  await dialog.getByRole("button", { name: "Test" }).click();
  await expect(dialog.getByText("It can be used")).toBeVisible();
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("backup@cellar.example.org:/srv/mail")).toBeVisible();
  await page.keyboard.press("c");
  await expect(page.getByRole("progressbar")).toBeVisible();
  await expect(page.getByText("No copy yet")).toHaveCount(0, { timeout: 20_000 });

  await page
    .getByRole("button", { name: "What can be done with backup@cellar.example.org:/srv/mail" })
    .click();
  await page.getByRole("menuitem", { name: "Remove…" }).click();
  await expect(page.getByRole("dialog")).toContainText("What lies there stays");
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(page.getByText("backup@cellar.example.org:/srv/mail")).toHaveCount(0);
});

test("scrolls through 20,000 messages and opens the last by keys", async ({ page }) => {
  await open(page, { scenario: "well", hash: inbox, ready: "Archive/2026" });
  const grid = page.getByRole("grid");
  await expect(grid).toHaveAttribute("aria-rowcount", /^2\d{4}$/);
  await rows(page).nth(1).focus();
  await page.keyboard.press("End");
  await expect(page.locator("[role=row]:focus [aria-label^='Choose “']")).toBeVisible();
  await page.keyboard.press("x");
  await expect(page.getByText("1 message chosen")).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("article")).toBeVisible();
  const address = page.url();
  await page.keyboard.press("k");
  await expect.poll(() => page.url()).not.toBe(address);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("article")).toHaveCount(0);
});

test("shows a message without asking anyone for anything", async ({ page }) => {
  const asked: string[] = [];
  await open(page, { scenario: "well", hash: inbox, ready: "Archive/2026" });
  page.on("request", (request) => {
    if (!request.url().startsWith("data:")) asked.push(request.url());
  });
  await page.getByText("Newsletter: what happened in October").first().click();
  const frame = page.frameLocator("article iframe");
  await expect(frame.getByText("What happened in October")).toBeVisible();
  await expect(page.locator("article iframe")).toHaveAttribute("sandbox", "");
  await expect(page.getByText("3 remote pictures are not loaded")).toBeVisible();
  // Its styles hold, and its links lead nowhere.
  await expect(frame.locator("td td").first()).toHaveCSS("background-color", "rgb(31, 77, 58)");
  await expect(frame.locator("[href]")).toHaveCount(0);
  await frame.getByText("Read on").click();
  await expect(frame.getByText("What happened in October")).toBeVisible();
  expect(asked).toEqual([]);
});

test("warns before it saves what could run", async ({ page }) => {
  await open(page, { scenario: "well", hash: inbox, ready: "Archive/2026" });
  const dangerous = page.getByText("Could run a program");
  await rows(page).nth(1).focus();
  await page.keyboard.press("Enter");
  for (let step = 0; step < 80 && (await dangerous.count()) === 0; step += 1) {
    const before = page.url();
    await page.keyboard.press("j");
    await expect.poll(() => page.url()).not.toBe(before);
    await expect(page.getByRole("article").getByRole("link", { name: "Headers" })).toBeVisible();
  }
  await page.getByRole("button", { name: /Save Photos/ }).click();
  await expect(page.getByRole("dialog")).toContainText("takes over this computer");
  await page.getByRole("button", { name: "Save it anyway" }).click();
  await expect(page.getByText("Saved as")).toBeVisible();
});

test("finds what was removed between two snapshots, and puts it back", async ({ page }) => {
  const hash = `#/backups/compare/${older}/${newest}?change=removed&account=anna@example.org`;
  await open(page, { scenario: "attack", hash, ready: "messages removed" });
  await rows(page).nth(1).focus();
  for (const key of ["x", "j", "x"]) await page.keyboard.press(key);
  await page.getByRole("button", { name: "Restore…" }).click();
  const dialog = page.getByRole("dialog", { name: "Restore: 2 messages" });
  await expect(dialog.getByRole("textbox", { name: "Folder" })).toHaveValue(
    /^Restored \d{4}-\d\d-\d\d$/,
  );
  await expect(dialog).toContainText("Nothing is written over");
  await dialog.getByRole("button", { name: "Restore", exact: true }).click();
  await expect(dialog.getByRole("progressbar")).toBeVisible();
  await expect(dialog.getByText("1 message put back")).toBeVisible({ timeout: 20_000 });
  await expect(dialog).toContainText("quota");
});

test("writes messages to the disk, and stops when told to", async ({ page }) => {
  await open(page, { scenario: "well", hash: inbox, ready: "Archive/2026" });
  await page.getByRole("button", { name: "What can be done with the folder" }).click();
  await page.getByRole("menuitem", { name: "Export the whole folder…" }).click();
  const dialog = page.getByRole("dialog", { name: "Export: a folder" });
  await dialog.getByRole("button", { name: "Choose…" }).click();
  await dialog.getByRole("button", { name: "Export", exact: true }).click();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await expect(dialog.getByText("Cancelled.")).toBeVisible();
  await dialog.getByRole("button", { name: "Export", exact: true }).click();
  await expect(dialog.getByText(/written to/)).toBeVisible({ timeout: 20_000 });
});

test("tells when a rule changed, and who changed it", async ({ page }) => {
  const hash = `#/backups/${newest}/state/access_rules/rule-1`;
  await open(page, { scenario: "attack", hash, ready: "rule-1" });
  await page.getByRole("button", { name: "History" }).click();
  const drawer = page.getByRole("region", { name: "History in all snapshots" });
  await expect(drawer).toContainText("anna@example.org: Changed rules or limits: rule-1");
  await expect(drawer.getByRole("row", { name: /networks/ })).toContainText("0.0.0.0/0");
  await page.goBack();
  await expect(drawer).toHaveCount(0);
});

test("searches all snapshots, and opens what is gone where it last was", async ({ page }) => {
  await open(page, { scenario: "attack", hash: "#/backups/search", ready: "Type what you look" });
  await page.keyboard.type("invoice");
  await expect(page.getByText("messages found")).toBeVisible();
  await expect(page.getByText("could you look at the invoice").first()).toBeVisible();
  await page.getByRole("button", { name: "Only what is gone" }).click();
  await expect(rows(page).nth(1)).toContainText("gone since");
  await rows(page).nth(1).click();
  await expect(page.getByRole("article")).toBeVisible();
  await page.goBack();
  await expect(page.getByRole("textbox", { name: /Search the mail/ })).toHaveValue("invoice");
});
