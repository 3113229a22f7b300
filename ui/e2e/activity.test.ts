import { expect, test } from "@playwright/test";
import { failures } from "./core.ts";
import { open } from "./open.ts";

const rows = "[role=grid] [role=row][aria-rowindex]:not([aria-rowindex='1'])";

test("filters by what is typed, keeps every filter in the address, and goes back", async ({
  page,
}) => {
  await open(page, { scenario: "attack", hash: "#/activity", ready: "the newest" });
  await page.keyboard.press("/");
  await page.keyboard.type("198.51.100.201/32");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/network=198\.51\.100\.201%2F32/);
  await expect(page.getByText("events match")).toBeVisible();
  await page.getByRole("button", { name: "Outcome" }).click();
  await page.getByRole("button", { name: "Refused" }).click();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("button", { name: "Outcome Refused" })).toBeFocused();
  await expect(page.locator(rows)).toHaveCount(3);

  await page.reload();
  await expect(page.locator(rows)).toHaveCount(3);
  await page.goBack();
  await expect(page.getByRole("button", { name: "Clear filter Outcome" })).toHaveCount(0);
  await page.goBack();
  await expect(page).toHaveURL(/#\/activity$/);
});

test("refuses a network that is none, and says how to write one", async ({ page }) => {
  await open(page, { scenario: "well", hash: "#/activity", ready: "the newest" });
  await page.getByRole("button", { name: "Address" }).click();
  await page.getByLabel("Address or network").fill("203.0.113.0/99");
  await page.keyboard.press("Enter");
  await expect(page.getByText("a number from 0 to 32")).toBeVisible();
  await expect(page).toHaveURL(/#\/activity$/);
});

test("is walked by keyboard: rows, drawer, block with undo, and out again", async ({ page }) => {
  await open(page, { scenario: "attack", hash: "#/activity", ready: "the newest" });
  await page.locator(rows).first().focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/activity\/0192f0c4b7a1e5d3%3A3999/);
  const drawer = page.getByRole("region", { name: "anna@example.org" });
  await expect(drawer.getByText("is blocked by hand")).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await expect(page).toHaveURL(/3998/);
  await page.keyboard.press("k");
  await expect(page).toHaveURL(/3999/);

  await page.keyboard.press("b");
  const choice = page.getByRole("dialog", { name: "Block" });
  await expect(choice.getByRole("radio").first()).toBeFocused();
  await choice.getByRole("button", { name: "30 days" }).press("Enter");
  await expect(page.getByText("Blocked 198.51.100.201 for 30 days")).toBeVisible();
  await page.getByRole("button", { name: "Undo" }).press("Enter");
  await expect(page.getByText("198.51.100.201 may sign in again").first()).toBeVisible();

  await page.keyboard.press("Escape");
  await expect(page).toHaveURL(/#\/activity$/);
  await expect(page.locator(`${rows}:focus`)).toHaveCount(1);
});

test("asks before a block that would refuse the admin, too", async ({ page }) => {
  await open(page, {
    scenario: "well",
    hash: "#/activity?network=203.0.113.24",
    ready: "events match",
  });
  await page.locator(rows).first().click();
  await page.getByRole("button", { name: "Block", exact: true }).click();
  await page.getByRole("button", { name: "1 hour" }).click();
  const dialog = page.getByRole("dialog", { name: "This block would refuse you, too" });
  await expect(dialog.getByRole("button", { name: "Keep it as it is" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(page.getByRole("heading", { name: "Facts" })).toBeVisible();
});

test("shows what arrives, and holds it back while a reader is further down", async ({ page }) => {
  await open(page, { scenario: "well", hash: "#/activity", ready: "the newest" });
  await failures(page, "first@example.org", 1);
  await expect(page.locator(rows).first()).toContainText("first@example.org");

  const viewport = page.locator("[role=grid] > [role=rowgroup]").nth(1);
  await viewport.evaluate((element) => {
    element.scrollTop = 3_200;
  });
  const read = page.locator("[role=row][aria-rowindex='110']");
  const before = await read.evaluate((row) => [
    row.querySelector("bdi")?.textContent,
    row.getBoundingClientRect().top,
  ]);
  await failures(page, "later@example.org", 30);
  await expect(page.getByText("4,031 events,")).toBeVisible();
  const after = await read.evaluate((row) => [
    row.querySelector("bdi")?.textContent,
    row.getBoundingClientRect().top,
  ]);
  expect(after).toEqual(before);

  await page.getByRole("button", { name: "30 new" }).click();
  await expect(page.locator(rows).first()).toContainText("later@example.org");
  await expect(page.locator(rows).first()).toBeInViewport();
  await failures(page, "last@example.org", 1);
  await expect(page.locator(rows).first()).toContainText("last@example.org");
});

test("moves no row under the focus, and shows what is new by a key", async ({ page }) => {
  await open(page, { scenario: "well", hash: "#/activity", ready: "the newest" });
  const focused = page.locator(rows).nth(2);
  await focused.focus();
  await failures(page, "new@example.org", 4_000);
  await expect(page.getByRole("button", { name: "Many new events" })).toBeVisible();
  await expect(focused).toBeFocused();
  await page.keyboard.press("n");
  await expect(page.locator(rows).first()).toContainText("new@example.org");
  await expect(page.getByText("8,000 events,")).toBeVisible();
});

test("reads on to the last event and keeps only the rows in sight in the document", async ({
  page,
}) => {
  await open(page, { scenario: "well", hash: "#/activity", ready: "4,000 events" });
  const viewport = page.locator("[role=grid] > [role=rowgroup]").nth(1);
  await expect(async () => {
    await viewport.evaluate((element) => {
      element.scrollTop = element.scrollHeight;
    });
    await expect(page.locator("[role=row][aria-rowindex='4001']")).toBeVisible({ timeout: 200 });
  }).toPass({ timeout: 20_000, intervals: [50] });
  expect(await page.getByRole("row").count()).toBeLessThan(60);
});

test("lets an auditor look and change nothing", async ({ page }) => {
  await open(page, {
    scenario: "auditor",
    hash: "#/activity/0192f0c4b7a1e5d3%3A4000",
    ready: "Your role reads only",
  });
  await expect(page.getByRole("button", { name: "Block", exact: true })).toBeDisabled();
  await page.keyboard.press("b");
  await expect(page.getByRole("dialog")).toHaveCount(0);
});

test("says that the service can't be reached, and offers nothing that would fail", async ({
  page,
}) => {
  await open(page, {
    scenario: "offline",
    hash: "#/activity/0192f0c4b7a1e5d3%3A3995",
    ready: "Offline since 2 h ago",
  });
  await expect(page.getByText("Shown as of 2 h ago")).toBeVisible();
  await expect(page.getByText("The service can't be reached now.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Block", exact: true })).toBeDisabled();
  await page.keyboard.press("b");
  await expect(page.getByRole("dialog")).toHaveCount(0);
});

test("lifts a block from an event that it refused, and undoes that", async ({ page }) => {
  await open(page, {
    scenario: "attack",
    hash: "#/activity/0192f0c4b7a1e5d3%3A4000",
    ready: "Blocked now",
  });
  await page.getByRole("button", { name: "Lift 198.51.100.201" }).click();
  await expect(page.getByText("198.51.100.201 may sign in again").last()).toBeVisible();
  await expect(page.getByRole("region", { name: "Blocked now" })).toHaveCount(0);
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByRole("region", { name: "Blocked now" })).toBeVisible();
});

test("leads from an event to its alert and its block", async ({ page }) => {
  await open(page, {
    scenario: "attack",
    hash: "#/activity/0192f0c4b7a1e5d3%3A4000",
    ready: "Part of alerts",
  });
  const blocked = page.getByRole("region", { name: "Blocked now" });
  await expect(blocked.getByText("ends in 24 h")).toBeVisible();
  await page.getByRole("link", { name: "Show the block" }).click();
  await expect(page).toHaveURL(/#\/blocks\/b1$/);
  await page.goBack();
  await page.getByRole("link", { name: /signed in from a new network/ }).click();
  await expect(page).toHaveURL(/#\/alerts\/al1$/);
});

test("blocks a network as wide as the reader says, and no network that is none", async ({
  page,
}) => {
  await open(page, {
    scenario: "attack",
    hash: "#/activity/0192f0c4b7a1e5d3%3A3995",
    ready: "Facts",
  });
  await page.keyboard.press("b");
  const choice = page.getByRole("dialog", { name: "Block" });
  await choice.getByText("Network", { exact: true }).click();
  const field = choice.getByLabel(/as wide or narrow/);
  await expect(field).toHaveValue("198.51.100.0/24");
  await expect(choice.getByText("256 addresses")).toBeVisible();
  await field.fill("198.51.100.0/99");
  await expect(choice.getByText("a number from 0 to 32")).toBeVisible();
  await expect(choice.getByRole("button", { name: "1 hour" })).toBeDisabled();
  await field.fill("198.51.100.192/26");
  await choice.getByRole("button", { name: "1 hour" }).click();
  await expect(page.getByText("Blocked 198.51.100.192/26 for 1 hour")).toBeVisible();
});

test("filters by a time of the reader's own, and refuses one that ends before it begins", async ({
  page,
}) => {
  await open(page, { scenario: "well", hash: "#/activity", ready: "the newest" });
  await page.getByRole("button", { name: "Time" }).click();
  await page.getByLabel("From").fill("2026-01-02T10:00");
  await page.getByLabel("Until").fill("2026-01-02T09:00");
  await page.getByRole("button", { name: "Show this time" }).click();
  await expect(page.getByText("The end must be after the beginning.")).toBeVisible();
  await page.getByLabel("Until").fill("2026-01-02T11:00");
  await page.getByRole("button", { name: "Show this time" }).click();
  await expect(page.getByText("No event matches")).toBeVisible();
  await page.reload();
  await expect(page.getByText("0 of 4,000 events match.")).toBeVisible();
  await page.getByRole("button", { name: /^Time 2 Jan/ }).click();
  await expect(page.getByLabel("From")).toHaveValue("2026-01-02T10:00");
});
