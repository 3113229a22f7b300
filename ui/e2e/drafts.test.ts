import { expect, test } from "@playwright/test";
import { edit, link } from "./core.ts";
import { open } from "./open.ts";

const rules = { scenario: "well", hash: "#/settings/notifications", ready: "Save" };

test("an edit made offline waits beside what changed meanwhile, by keyboard alone", async ({
  page,
}) => {
  await open(page, rules);
  await link(page, "offline");
  await expect(page.getByText("What you save is kept as a draft.")).toBeVisible();
  const inputs = page.getByRole("spinbutton");
  await inputs.nth(0).fill("8");
  await inputs.nth(1).fill("20");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Kept as a draft. It is not in effect.")).toBeVisible();
  await expect(page.getByText("Draft. In effect: 5")).toHaveCount(2);
  await expect(page.getByRole("link", { name: /^Settings 1/ })).toBeVisible();

  await edit(page, {
    kind: "alert_settings",
    account_failures: 5,
    network_accounts: 3,
    window_minutes: 30,
  });
  await link(page, "live");
  await page.getByRole("link", { name: "Overview" }).press("Enter");
  await expect(page.getByText("1 draft is not in effect.")).toBeVisible();
  await page.getByRole("button", { name: "Look at them" }).press("Enter");
  await expect(page.getByText("Conflict: both changed the same")).toBeVisible();
  await page.getByRole("button", { name: /^Compare: / }).press("Enter");

  // Before, draft, in effect; neither is applied by itself.
  const row = page.getByRole("row", { name: /^Accounts from one network/ });
  await expect(row.getByRole("cell").nth(0)).toHaveText("5");
  await expect(row.getByRole("cell").nth(1)).toHaveText("20");
  await expect(row.getByRole("cell").nth(2)).toHaveText("3");
  const apply = page.getByRole("button", { name: "Apply what is chosen" });
  await expect(apply).toBeDisabled();
  await row.getByRole("radio", { name: "Draft" }).focus();
  await page.keyboard.press("Space");

  // Somebody changes it again before it is applied: what was chosen is chosen no longer.
  await edit(page, {
    kind: "alert_settings",
    account_failures: 5,
    network_accounts: 4,
    window_minutes: 30,
  });
  await expect(row.getByRole("cell").nth(2)).toHaveText("4");
  await expect(apply).toBeDisabled();
  await row.getByRole("radio", { name: "Draft" }).press("Space");
  await apply.press("Enter");
  await expect(page.getByText("Applied: When an alert is raised")).toBeVisible();
  await expect(page.getByText("No drafts")).toBeVisible();
  await page.getByRole("link", { name: "Notifications" }).press("Enter");
  await expect(inputs.nth(0)).toHaveValue("8");
  await expect(inputs.nth(1)).toHaveValue("20");
  await expect(inputs.nth(2)).toHaveValue("30");
});

test("where nothing changed meanwhile, one button applies it and none does so by itself", async ({
  page,
}) => {
  await open(page, { ...rules, scenario: "offline" });
  await page.getByRole("spinbutton").nth(2).fill("15");
  await page.getByRole("button", { name: "Save as a draft" }).click();
  await page.getByRole("button", { name: "Compare" }).click();
  await expect(page.getByRole("button", { name: "Apply the draft" })).toBeDisabled();
  await link(page, "live");
  await expect(page.getByText("Nothing changed meanwhile.")).toBeVisible();
  await page.getByRole("button", { name: "Apply the draft" }).click();
  await expect(page.getByText("Applied: When an alert is raised")).toBeVisible();
});

test("the second of two admins is told, and loses nothing", async ({ page }) => {
  await open(page, rules);
  const inputs = page.getByRole("spinbutton");
  await expect(inputs.nth(0)).toHaveValue("5");
  await inputs.nth(0).fill("9");
  await edit(page, {
    kind: "alert_settings",
    account_failures: 7,
    network_accounts: 5,
    window_minutes: 10,
  });
  await expect(inputs.nth(0)).toHaveValue("9");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Your edit is kept as a draft; compare both.")).toBeVisible();
  await page.getByRole("button", { name: "Compare" }).click();
  const row = page.getByRole("row", { name: /^Failures of one account/ });
  await expect(row.getByRole("cell").nth(1)).toHaveText("9");
  await expect(row.getByRole("cell").nth(2)).toHaveText("7");
  await row.getByRole("radio", { name: "In effect now" }).click();
  await page.getByRole("button", { name: "Apply what is chosen" }).click();
  await page.getByRole("link", { name: "Notifications" }).click();
  await expect(inputs.nth(0)).toHaveValue("7");
});

test("a discarded draft comes back by its undo, and another's says whose it is", async ({
  page,
}) => {
  await open(page, { scenario: "drafts", hash: "#/settings/drafts", ready: "Conflict" });
  const items = page.getByRole("listitem").filter({ hasText: "Edited" });
  await expect(items).toHaveCount(3);
  await items.filter({ hasText: "Note on" }).getByRole("button", { name: "Discard" }).click();
  await expect(items).toHaveCount(2);
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(items).toHaveCount(3);

  await page.getByRole("button", { name: "Compare: How mail leaves" }).click();
  await expect(page.getByText("If you apply it, the change counts as yours.")).toBeVisible();
  await expect(page.getByRole("cell", { name: "A new one" })).toBeVisible();
  await page.getByRole("button", { name: /^Apply bert.*'s draft$/ }).click();
  await expect(page.getByText("Applied: How mail leaves")).toBeVisible();
});

test("who forgets a service hears how many drafts go with it", async ({ page }) => {
  await open(page, { scenario: "drafts", hash: "#/settings/services", ready: "Forget" });
  await page.getByRole("button", { name: "Forget…" }).click();
  await expect(page.getByText("3 drafts that are not in effect")).toBeVisible();
});

test("a note that is written offline is a draft until it is applied", async ({ page }) => {
  await open(page, {
    scenario: "offline",
    hash: "#/accounts/anna%40example.org",
    ready: "Devices and programs",
  });
  await page.getByRole("button", { name: "Edit the note" }).click();
  await page.getByRole("textbox", { name: "Note" }).fill("Treasurer");
  await page.getByRole("button", { name: "Save as a draft" }).click();
  await expect(page.getByRole("group", { name: "Draft" })).toContainText("Treasurer");
  const apply = page.getByRole("button", { name: "Apply the draft" });
  await expect(apply).toBeDisabled();
  await link(page, "live");
  await apply.click();
  await expect(page.getByText("Applied: Note on anna@example.org")).toBeVisible();
  await expect(page.getByText("Treasurer", { exact: true })).toBeVisible();
});
