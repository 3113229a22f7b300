import { expect, test } from "@playwright/test";
import { open } from "./open.ts";

/** Alerts worked on by keyboard alone. */

test("puts an alert off, finds it among the snoozed, and brings it back", async ({ page }) => {
  await open(page, { scenario: "attack", hash: "#/alerts", ready: "3 open alerts, 1 critical." });
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  await page.keyboard.press("s");
  const dialog = page.getByRole("dialog", { name: "Snooze 1 alert" });
  await expect(dialog.getByRole("button", { name: /In 1 hour/ })).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await expect(page.getByText(/^Snoozed until .*: anna/)).toBeVisible();
  await expect(page.getByText("2 open alerts, none critical.")).toBeVisible();
  await expect(page.getByRole("row", { name: /failed on 8 accounts/ })).toBeFocused();

  await page.getByRole("link", { name: "Snoozed 1" }).press("Enter");
  const row = page.getByRole("row", { name: /anna@example.org signed in/ });
  await row.focus();
  await page.keyboard.press("Enter");
  const drawer = page.getByRole("region", { name: /anna@example.org signed in/ });
  await expect(drawer.getByText(/^Snoozed until/).first()).toBeVisible();
  await expect(drawer.getByText(/Snoozed until .* by admin@example.org/)).toBeVisible();
  await drawer.getByRole("button", { name: "Bring back now" }).press("Enter");
  await expect(page.getByText("3 open alerts, 1 critical.")).toBeVisible();
});

test("comes back by itself when its time has come", async ({ page }) => {
  await page.clock.install();
  await open(page, { scenario: "attack", hash: "#/alerts", ready: "3 open alerts, 1 critical." });
  await page.keyboard.press("s");
  await page.keyboard.press("Enter");
  await expect(page.getByText("2 open alerts")).toBeVisible();
  await page.clock.runFor("59:00");
  await expect(page.getByText("2 open alerts")).toBeVisible();
  await page.clock.runFor("02:00");
  await expect(page.getByText("3 open alerts, 1 critical.")).toBeVisible();
});

test("refuses a snooze to a time that is over, and takes one of the reader's own", async ({
  page,
}) => {
  await open(page, { scenario: "attack", hash: "#/alerts/al2", ready: "Evidence" });
  await page.keyboard.press("s");
  const dialog = page.getByRole("dialog", { name: "Snooze 1 alert" });
  const field = dialog.getByLabel("Or at a time of your own");
  await field.fill("2020-01-01T10:00");
  await page.keyboard.press("Enter");
  await expect(dialog.getByText("Choose a time that is still to come.")).toBeVisible();
  const soon = new Date(Date.now() + 3 * 86_400_000).toISOString().slice(0, 16);
  await field.fill(soon);
  await page.keyboard.press("Enter");
  await expect(page.getByText(/^Snoozed until .*: 198/)).toBeVisible();
  await page.getByRole("button", { name: "Undo" }).press("Enter");
  await expect(page.getByText("3 open alerts, 1 critical.")).toBeVisible();
});

test("chooses several, resolves them at once, and undoes all of it", async ({ page }) => {
  await open(page, { scenario: "attack", hash: "#/alerts", ready: "3 open alerts, 1 critical." });
  await page.getByRole("row", { name: /Critical/ }).focus();
  await page.keyboard.press("x");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("x");
  await expect(page.getByRole("group", { name: "2 chosen" })).toBeVisible();
  await page.keyboard.press("r");
  await expect(page.getByText("2 alerts resolved")).toBeVisible();
  await expect(page.getByText("1 open alert, none critical.")).toBeVisible();
  await expect(page.getByRole("row", { name: /new device/ })).toBeFocused();
  await page.getByRole("button", { name: "Undo" }).last().press("Enter");
  await expect(page.getByText("3 open alerts, 1 critical.")).toBeVisible();

  await page.keyboard.press("Tab");
  await page.getByRole("row", { name: /Critical/ }).focus();
  await page.keyboard.press("*");
  await expect(page.getByRole("group", { name: "3 chosen" })).toBeVisible();
  await page.keyboard.press("*");
  await expect(page.getByRole("group", { name: /chosen/ })).toHaveCount(0);
});

test("writes a note without changing anything else, and blocks from the alert", async ({
  page,
}) => {
  await open(page, { scenario: "attack", hash: "#/alerts", ready: "3 open alerts, 1 critical." });
  await page.getByRole("row", { name: /Critical/ }).focus();
  await page.keyboard.press("n");
  await expect(page.getByLabel("Note for the history")).toBeFocused();
  await page.keyboard.type("Asked Anna, waiting");
  await page.keyboard.press("Control+Enter");
  const history = page.getByRole("region", { name: "History" });
  await expect(history.getByText("Note by admin@example.org")).toBeVisible();
  await expect(history.getByText("Asked Anna, waiting")).toBeVisible();
  await expect(page.getByText("3 open alerts, 1 critical.")).toBeVisible();

  await page.getByRole("row", { name: /Critical/ }).focus();
  await page.keyboard.press("b");
  await page
    .getByRole("dialog", { name: "Block" })
    .getByRole("button", { name: "1 hour" })
    .press("Enter");
  await expect(history.getByRole("link", { name: /blocked by admin@example.org/ })).toBeVisible();
});

test("searches and filters, with an address for each state", async ({ page }) => {
  await open(page, { scenario: "attack", hash: "#/alerts?show=all", ready: "Alerts" });
  await page.keyboard.press("/");
  await page.keyboard.type("chiara");
  await expect(page).toHaveURL(/text=chiara/);
  await expect(page.getByRole("row", { name: /failed sign-ins for chiara/ })).toBeVisible();
  await expect(page.getByRole("row")).toHaveCount(3);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Severity" }).press("Enter");
  await page.getByRole("button", { name: "Critical" }).press("Enter");
  await expect(page).toHaveURL(/severity=critical/);
  await expect(page.getByRole("row")).toHaveCount(2);
  await page.reload();
  await expect(page.getByRole("row")).toHaveCount(2);
  await page.getByRole("link", { name: /^Acknowledged/ }).click();
  await expect(page.getByText("No alert matches")).toBeVisible();
});

test("lets an auditor change nothing", async ({ page }) => {
  await open(page, { scenario: "auditor", hash: "#/alerts/al1", ready: "Your role reads only" });
  for (const key of ["a", "r", "s"]) await page.keyboard.press(key);
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(page.getByText("3 open alerts, 1 critical.")).toBeVisible();
  await expect(page.getByLabel("Note for the history")).toHaveCount(0);
});
