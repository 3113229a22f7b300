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
  await expect(page).toHaveURL(/network=198\.51\.100\.201\/32/);
  await expect(page.getByText("events match")).toBeVisible();
  await page.keyboard.type("outcome:refused");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("button", { name: "Outcome Refused", exact: true })).toBeVisible();
  await expect(page.locator(rows)).toHaveCount(3);

  await page.reload();
  await expect(page.locator(rows)).toHaveCount(3);
  await page.goBack();
  await expect(page.getByRole("button", { name: "Outcome Refused" })).toHaveCount(0);
  await page.goBack();
  await expect(page).toHaveURL(/#\/activity$/);
});

test("tells what can't be taken, and keeps what was typed", async ({ page }) => {
  await open(page, { scenario: "well", hash: "#/activity", ready: "the newest" });
  const field = page.getByRole("combobox", { name: "Filter by" });
  await field.fill("anna@example.org 203.0.113.0/99");
  await field.press("Enter");
  await expect(page.getByText("a number from 0 to 32")).toBeVisible();
  await expect(field).toHaveValue("anna@example.org 203.0.113.0/99");
  await expect(page).toHaveURL(/#\/activity$/);
  await field.fill("colour:red");
  await field.press("Enter");
  await expect(page.getByText("There is no field “colour”")).toBeVisible();
  await field.fill("anna@example.org");
  await field.press("Enter");
  await expect(page.getByText("There is no field")).toHaveCount(0);
  await expect(page).toHaveURL(/account=anna@example\.org$/);
});

test("completes fields and values, and asks for what the log knows", async ({ page }) => {
  await open(page, { scenario: "well", hash: "#/activity", ready: "the newest" });
  await page.keyboard.press("/");
  await page.keyboard.type("-out");
  await expect(page.getByRole("option", { name: "Outcome" })).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  const field = page.getByRole("combobox", { name: "Filter by" });
  await expect(field).toHaveValue("-outcome:");
  await expect(page.getByRole("option")).toHaveCount(5);
  await page.getByRole("option", { name: "Allowed" }).click();
  await expect(page).toHaveURL(/-outcome=allowed/);
  await page.keyboard.type("account:ber");
  await page.getByRole("option", { name: "bernd@example.org" }).click();
  await expect(page).toHaveURL(/-outcome=allowed&account=bernd@example\.org/);
  await expect(field).toBeFocused();
  await expect(page.locator(rows).first()).toContainText("bernd@example.org");
});

test("changes chips in place, turns them round and takes them away by keys", async ({ page }) => {
  await open(page, {
    scenario: "attack",
    hash: "#/activity?outcome=refused&account=anna@example.org",
    ready: "match",
  });
  await page.keyboard.press("/");
  await page.keyboard.press("ArrowLeft");
  const account = page.getByRole("button", { name: /^Account/ });
  await expect(account).toBeFocused();
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Alt+n");
  await expect(page).toHaveURL(/-outcome=refused/);
  await page.keyboard.press("Enter");
  const editor = page.getByRole("dialog", { name: "Change filter Outcome" });
  await editor.getByRole("button", { name: "Failed" }).click();
  await expect(page).toHaveURL(/-outcome=refused,failed/);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("button", { name: /^Outcome/ })).toBeFocused();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  const values = page.getByRole("combobox", { name: "Account, one or several" });
  await expect(values).toBeFocused();
  await values.fill("bernd, chiara");
  await values.press("Enter");
  await expect(page).toHaveURL(/account=bernd,chiara/);
  await expect(account).toBeFocused();
  await page.keyboard.press("Backspace");
  await expect(page).toHaveURL(/\?-outcome=refused,failed$/);
  await expect(page.getByRole("button", { name: /^Outcome/ })).toBeFocused();
  await page.keyboard.press("Delete");
  await expect(page).toHaveURL(/#\/activity$/);
});

test("scrolls a million events by the scrollbar, and counts them meanwhile", async ({ page }) => {
  await open(page, { scenario: "million", hash: "#/activity", ready: "10,000+ events" });
  await expect(page.getByText("1,000,000 events,")).toBeVisible();
  const viewport = page.locator("[role=grid] > [role=rowgroup]").nth(1);
  for (const share of [0.5, 0.25, 0.75, 1]) {
    await viewport.evaluate((element, where) => {
      element.scrollTop = (element.scrollHeight - element.clientHeight) * where;
    }, share);
    const first = Math.round(share * 999_980) + 1;
    await expect(page.locator(`[role=row][aria-rowindex='${first}'] time`)).toBeVisible();
  }
  await expect(page.locator("[role=row][aria-rowindex='1000001'] time")).toBeInViewport();
  expect(await page.getByRole("row").count()).toBeLessThan(60);

  // The wheel goes as far as anywhere else.
  const before = await page.locator("[role=row][aria-rowindex='1000001']").boundingBox();
  await viewport.hover();
  await page.mouse.wheel(0, -160);
  await expect(async () => {
    const after = await page.locator("[role=row][aria-rowindex='1000001']").boundingBox();
    expect((after?.y ?? 0) - (before?.y ?? 0)).toBe(160);
  }).toPass({ timeout: 2_000, intervals: [50] });
});

test("goes to both ends of a million events by keys, and never loses the focus", async ({
  page,
}) => {
  await open(page, { scenario: "million", hash: "#/activity", ready: "1,000,000 events," });
  const focused = page.locator(`${rows}:focus`);
  await page.locator(rows).first().focus();
  await page.keyboard.press("End");
  await expect(focused).toHaveAttribute("aria-rowindex", "1000001");
  await expect(focused).toBeInViewport();
  await page.keyboard.press("PageUp");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Facts" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(focused).toHaveCount(1);
  await page
    .locator("[role=grid] > [role=rowgroup]")
    .nth(1)
    .evaluate((element) => {
      element.scrollTop = 0;
    });
  await expect(page.locator("[role=row][aria-rowindex='2']")).toBeInViewport();
  await expect(focused).toHaveCount(1);
  await page.keyboard.press("Home");
  await expect(focused).toHaveAttribute("aria-rowindex", "2");
});

test("shows an event that is opened by its address where it stands in the list", async ({
  page,
}) => {
  await open(page, {
    scenario: "million",
    hash: "#/activity/0192f0c4b7a1e5d3%3A400000",
    ready: "Facts",
  });
  await expect(page.locator("[role=row][aria-selected='true']")).toBeInViewport();
  await expect(page.locator("[role=row][aria-selected='true']")).toHaveAttribute(
    "aria-rowindex",
    "600002",
  );
});

test("keeps the open event and its place while thousands arrive", async ({ page }) => {
  await open(page, { scenario: "million", hash: "#/activity", ready: "1,000,000 events" });
  await page.locator(rows).nth(5).click();
  const selected = page.locator("[role=row][aria-selected='true']");
  await expect(selected).toHaveAttribute("aria-rowindex", "7");
  const before = await selected.boundingBox();
  await failures(page, "new@example.org", 2_500);
  await expect(page.getByRole("button", { name: "2,500 new" })).toBeVisible();
  expect(await selected.boundingBox()).toEqual(before);
  await page.keyboard.press("n");
  await expect(page.locator(rows).first()).toContainText("new@example.org");
  await expect(page.getByText("1,002,500 events,")).toBeVisible();
});

test("pauses by a key, says what came, and goes on", async ({ page }) => {
  await open(page, { scenario: "well", hash: "#/activity", ready: "the newest" });
  await page.keyboard.press("p");
  await expect(page.getByRole("button", { name: "Paused" })).toBeVisible();
  await failures(page, "held@example.org", 2);
  await expect(page.getByRole("button", { name: "2 new" })).toBeVisible();
  await page.keyboard.press("p");
  await expect(page.locator(rows).first()).toContainText("held@example.org");
});

test("groups by account and network, and goes into a group", async ({ page }) => {
  await open(page, {
    scenario: "attack",
    hash: "#/activity?outcome=failed,refused",
    ready: "match",
  });
  await page.getByRole("link", { name: "Networks" }).click();
  await expect(page).toHaveURL(/by=network/);
  await page.getByRole("link", { name: "Most refused" }).click();
  await expect(page).toHaveURL(/order=refused/);
  const groups = page.getByRole("grid", { name: "Groups of events" });
  await expect(groups.getByRole("row").nth(1)).toContainText("198.51.100.0/24");
  await groups.getByRole("row").nth(1).focus();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/outcome=failed,refused&network=198\.51\.100\.0\/24$/);
  await expect(page.locator(`${rows}:focus`)).toHaveCount(1);
  await page.goBack();
  await expect(groups).toBeVisible();
});

test("shows, hides and moves columns, and keeps them in the address", async ({ page }) => {
  await open(page, { scenario: "well", hash: "#/activity", ready: "the newest" });
  await page.getByRole("button", { name: "Columns" }).click();
  await expect(page.getByRole("checkbox", { name: "Time" })).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Space");
  await page.getByRole("checkbox", { name: "Device" }).press("Space");
  await page.getByRole("checkbox", { name: "Device" }).press("Alt+ArrowUp");
  await expect(page.getByRole("checkbox", { name: "Device" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(page).toHaveURL(/columns=time,account,address,protocol,device,reason$/);
  await page.reload();
  await expect(page.getByRole("columnheader")).toHaveText([
    "Time",
    "Account",
    "Address",
    "By",
    "Device",
    "Why",
  ]);
});

test("marks a time in the drawing by pointer and by keys", async ({ page }) => {
  await open(page, { scenario: "well", hash: "#/activity?since=24h", ready: "match" });
  const drawing = page.getByRole("slider", { name: "Sign-ins and submissions over time" });
  const box = await drawing.boundingBox();
  if (!box) throw new Error("no drawing");
  await page.mouse.move(box.x + box.width * 0.25, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.5, box.y + 20);
  await page.mouse.up();
  await expect(page).toHaveURL(/from=\S+&until=/);
  await page.goBack();
  await drawing.focus();
  await page.keyboard.press("End");
  await page.keyboard.press("Shift+ArrowLeft");
  await page.keyboard.press("Shift+ArrowLeft");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/from=\S+&until=/);
});

test("filters by what an event shows, and by what it doesn't", async ({ page }) => {
  await open(page, {
    scenario: "attack",
    hash: "#/activity/0192f0c4b7a1e5d3%3A4000",
    ready: "Facts",
  });
  await page.getByRole("button", { name: "Filter by Address" }).click();
  await page.getByRole("menuitem", { name: "Only 198.51.100.0/24" }).click();
  await expect(page).toHaveURL(/3A4000\?network=198\.51\.100\.0\/24$/);
  await page.getByRole("button", { name: "Filter by Account" }).click();
  await page.getByRole("menuitem", { name: "Without this" }).click();
  await expect(page).toHaveURL(/&-account=anna@example\.org$/);
  await expect(page.locator(rows).first()).not.toContainText("anna@example.org");
});

test("offers to take filters away one by one where nothing matches", async ({ page }) => {
  await open(page, {
    scenario: "well",
    hash: "#/activity?since=15m&account=nobody@example.org",
    ready: "No event matches",
  });
  await page.getByRole("button", { name: "Show all time" }).click();
  await expect(page).toHaveURL(/\?account=nobody@example\.org$/);
  await page
    .getByRole("main")
    .getByRole("button", { name: "Account nobody@example.org" })
    .last()
    .click();
  await expect(page.locator(rows).first()).toBeVisible();
});

test("keeps a view under a name, renames and deletes it, each with undo", async ({ page }) => {
  await open(page, {
    scenario: "attack",
    hash: "#/activity?-outcome=allowed&by=network",
    ready: "match",
  });
  const menu = page.getByRole("dialog", { name: "Views" });
  await page.getByRole("button", { name: "Views" }).click();
  await menu.getByLabel("Save what is shown as").fill("Not allowed");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Saved the view Not allowed.")).toBeVisible();
  const button = page.getByRole("button", { name: "Not allowed", exact: true });
  await expect(button).toBeFocused();

  await button.click();
  await menu.getByRole("link", { name: "Refused today" }).press("Enter");
  await expect(page).toHaveURL(/since=today&outcome=refused$/);
  await page.getByRole("button", { name: "Refused today" }).click();
  await menu.getByRole("button", { name: "Rename Not allowed" }).click();
  await page.keyboard.type("Turned away");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Refused today" }).click();
  await menu.getByRole("link", { name: "Turned away" }).click();
  await expect(page).toHaveURL(/-outcome=allowed&by=network$/);

  await page.getByRole("button", { name: "Turned away" }).click();
  await menu.getByRole("button", { name: "Delete Turned away" }).click();
  await expect(page.getByText("Deleted the view Turned away.")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("button", { name: "Views" })).toBeVisible();
  await page.getByRole("button", { name: "Undo" }).last().click();
  await expect(page.getByRole("button", { name: "Turned away" })).toBeVisible();
});

test("exports what is shown, tells how far it is, and where it went", async ({ page }) => {
  await open(page, { scenario: "attack", hash: "#/activity?outcome=failed", ready: "match" });
  await page.keyboard.press("e");
  const dialog = page.getByRole("dialog", { name: "Export events" });
  await expect(dialog.getByText("events that are shown now")).toBeVisible();
  await expect(dialog.getByLabel("File")).toHaveValue(/events\.csv$/);
  await dialog.getByRole("radio", { name: "JSON Lines" }).click();
  await expect(dialog.getByLabel("File")).toHaveValue(/events\.jsonl$/);
  await dialog.getByRole("button", { name: "Export", exact: true }).click();
  await expect(page.getByRole("progressbar", { name: "Exporting events" })).toBeVisible();
  await page.getByRole("link", { name: "Blocks" }).first().click();
  await expect(page.getByText(/^Exported to .*\/Downloads\//)).toBeVisible();
});

test("cancels an export, and says why one failed", async ({ page }) => {
  await open(page, { scenario: "attack", hash: "#/activity?outcome=failed", ready: "match" });
  await page.keyboard.press("e");
  await page.getByRole("dialog").getByRole("button", { name: "Export", exact: true }).click();
  await page.getByRole("button", { name: /Cancel|Stop/ }).click();
  await expect(page.getByText("The export was cancelled")).toBeVisible();
  await page.keyboard.press("e");
  await page.getByLabel("File").fill("/nowhere/events.csv");
  await page.keyboard.press("Enter");
  await expect(page.getByText("no space is left")).toBeVisible();
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
  await expect(page.getByRole("button", { name: "4,000 new" })).toBeVisible();
  await expect(focused).toBeFocused();
  await page.keyboard.press("n");
  await expect(page.locator(rows).first()).toContainText("new@example.org");
  await expect(page.getByText("8,000 events,")).toBeVisible();
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
  await page.getByLabel("Since").fill("2026-01-02T10:00");
  await page.getByLabel("Until").fill("2026-01-02T09:00");
  await page.getByRole("button", { name: "Show this time" }).click();
  await expect(page.getByText("The end must be after the beginning.")).toBeVisible();
  await page.getByLabel("Until").fill("2026-01-02T11:00");
  await page.getByRole("button", { name: "Show this time" }).click();
  await expect(page.getByText("No event matches")).toBeVisible();
  await page.reload();
  await expect(page.getByText("0 of 4,000 events match.")).toBeVisible();
  await page.getByRole("button", { name: /^Time 2 Jan/ }).click();
  await expect(page.getByLabel("Since")).toHaveValue("2026-01-02T10:00");
});
