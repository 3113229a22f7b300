import { expect, type Page, test } from "@playwright/test";
import { open } from "./open.ts";

const rules = { scenario: "well", hash: "#/rules", ready: "Access rules" };

function drawer(page: Page) {
  return page.getByRole("region").filter({ has: page.getByRole("button", { name: "Save" }) });
}

test("says what each rule does, what it did, and what is odd about it", async ({ page }) => {
  await open(page, rules);
  await expect(
    page.getByText(
      "anna@example.org: IMAP and POP3 only from 3 networks, Mon–Fri 08:00–18:00 Europe/Berlin",
    ),
  ).toBeVisible();
  await expect(page.getByRole("link", { name: "2,318 refused" })).toHaveAttribute(
    "href",
    /reason=rule_denied/,
  );
  await page.getByText("chiara@example.org: IMAP only from 192.0.2.128/25").click();
  await expect(page.getByText("A deny rule refuses all that this rule would allow.")).toBeVisible();
  await page
    .getByRole("link", { name: "chiara@example.org: Signing in refused from 192.0.2.0/24" })
    .click();
  await expect(page).toHaveURL(/#\/rules\/r7/);
});

test("filters by chips and text", async ({ page }) => {
  await open(page, rules);
  await page.keyboard.press("/");
  await page.keyboard.type("chiara");
  await expect(page.getByRole("row")).toHaveCount(3);
  await page.getByRole("button", { name: "Action" }).click();
  await page.getByRole("button", { name: "Deny" }).click();
  await expect(page.getByRole("row")).toHaveCount(2);
  await expect(page).toHaveURL(/text=chiara&action=deny/);
});

test("a rule is added with many networks at once, each bad line named, and undone", async ({
  page,
}) => {
  await open(page, rules);
  await page.keyboard.press("n");
  await page.getByRole("radio", { name: "Account" }).click();
  await page.getByLabel("Account", { exact: true }).fill("bernd@example.org");
  await page
    .getByLabel("Networks")
    .fill("203.0.113.0/24\nnot-a-network\n192.0.2.0/24 192.0.2.0/24\n203.0.113.0/40");
  await expect(page.getByText("Line 2")).toBeVisible();
  await expect(page.getByText("Line 4")).toBeVisible();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText("Mend or remove the lines that are no networks.")).toBeVisible();
  await page.getByLabel("Networks").fill("203.0.113.0/24, 192.0.2.0/24");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  const row = page.getByText(
    "bernd@example.org: Signing in only from 203.0.113.0/24 and 192.0.2.0/24",
  );
  await expect(row).toBeVisible();
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(row).toBeHidden();
});

test("what is wrong stands beside its field", async ({ page }) => {
  await open(page, { ...rules, hash: "#/rules/new?action=deny" });
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText("A rule that denies needs networks or countries.")).toBeVisible();
});

test("switches, modes and deletes at once by key, with an undo", async ({ page }) => {
  await open(page, rules);
  await page.getByRole("row", { name: /^anna/ }).focus();
  await page.keyboard.press("e");
  await expect(page.getByText("Rule switched off")).toBeVisible();
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByText("Taken back.")).toBeVisible();
  await page.getByRole("row", { name: /^@example.org/ }).focus();
  await page.keyboard.press("r");
  await expect(page.getByText("Rule enforced")).toBeVisible();
  await page.getByRole("row", { name: /^office/ }).focus();
  await page.keyboard.press("d");
  await expect(page.getByRole("row", { name: /^office/ })).toHaveCount(0);
});

test("somebody else's change keeps what was typed", async ({ page }) => {
  await open(page, { ...rules, hash: "#/rules/r1" });
  await page.getByLabel("Note").fill("stale");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText(/Somebody else changed this meanwhile/)).toBeVisible();
  await expect(page.getByLabel("Note")).toHaveValue("stale");
  await page.getByRole("button", { name: "Load what is in effect" }).click();
  await expect(page.getByLabel("Note")).toHaveValue("Office, home and the train");
});

test("a dry run shows who would have been refused, and from where", async ({ page }) => {
  await open(page, { ...rules, hash: "#/rules/new?action=deny&network=203.0.113.0/24" });
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await expect(page.getByRole("progressbar")).toBeVisible();
  await expect(
    page.getByText(/successful sign-ins of 12 accounts would have been refused/),
  ).toBeVisible();
  await expect(page.getByRole("img", { name: /Most at once/ })).toBeVisible();
  await expect(drawer(page).getByText("Germany (DE), Deutsche Beispiel AG")).toBeVisible();
});

test("a dry run can be stopped", async ({ page }) => {
  await page.goto("/?scenario=well&dry-run=slow#/rules/new?action=deny&network=203.0.113.0/24");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByRole("progressbar")).toBeHidden();
});

test("who locks themselves out is told, confirms by name, and sees it return", async ({ page }) => {
  await open(page, { ...rules, hash: "#/rules/new?action=deny&network=203.0.113.0/24" });
  await page.getByRole("button", { name: "Save", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "This locks you out" });
  await expect(dialog).toContainText("admin@example.org is signed in from 203.0.113.24");
  await expect(dialog).toContainText("returns by itself after 10 minutes");
  await dialog.getByRole("button", { name: "Lock out for now" }).click();
  await expect(dialog).toBeVisible();
  await dialog.getByLabel("Type admin@example.org to confirm").fill("admin@example.org");
  await dialog.getByRole("button", { name: "Lock out for now" }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByRole("timer")).toHaveText(/^(10:00|9:\d\d)$/);
  await page.keyboard.press("g");
  await page.keyboard.press("o");
  await expect(page.getByRole("timer")).toBeVisible();
  await page.evaluate(() => {
    (window as unknown as { endTrial: () => void }).endTrial();
  });
  await expect(page.getByRole("timer")).toBeHidden();
});

test("a change on trial can be kept", async ({ page }) => {
  await open(page, { scenario: "trial", hash: "#/overview", ready: "On trial" });
  await page.getByRole("button", { name: "Keep the change" }).click();
  await expect(page.getByText("The change stays.")).toBeVisible();
  await expect(page.getByRole("timer")).toBeHidden();
});

test("the tester says what would be decided, step by step", async ({ page }) => {
  await open(page, { ...rules, hash: "#/rules/tester" });
  await page.getByLabel("Account", { exact: true }).fill("chiara@example.org");
  await page.getByLabel("IP address").fill("192.0.2.133");
  await page.keyboard.press("Enter");
  const result = page.getByRole("region", { name: "Decision" });
  await expect(result).toContainText("Refused");
  await expect(result).toContainText("France (FR)");
  await expect(result).toContainText("A deny rule in force matches");
});

test("learns from sign-ins and saves a rule that only reports", async ({ page }) => {
  await open(page, { ...rules, hash: "#/rules/learn" });
  await page.getByRole("button", { name: "Propose networks" }).click();
  await expect(page.getByText(/4 networks cover/)).toBeVisible();
  await page.getByRole("button", { name: "Save as report-only" }).click();
  await expect(page.getByText("Rule added; it only reports")).toBeVisible();
  await expect(page.getByRole("row", { name: /Report only/ })).toHaveCount(2);
});

test("imports a pasted text and names its bad lines; exports to a file", async ({ page }) => {
  await open(page, rules);
  await page.getByRole("button", { name: "Import and export" }).click();
  await page.getByRole("menuitem", { name: "Import…" }).click();
  await page
    .getByLabel("Or paste it")
    .fill(
      "scope,action,networks,mode\norganization,allow,192.0.2.0/24,enforced\nx,allow,1.2.3.400,y",
    );
  await page.getByRole("button", { name: "Look at it" }).click();
  await expect(
    page.getByText("CSV: 1 new, 0 that stand already as they are, 1 bad lines"),
  ).toBeVisible();
  await expect(page.getByText("Line 3")).toBeVisible();
  await page.getByRole("button", { name: "Add 1" }).click();
  await expect(page.getByText("1 rule added")).toBeVisible();
  await page.getByRole("button", { name: "Import and export" }).click();
  await page.getByRole("menuitem", { name: "Export…" }).click();
  await expect(page.getByLabel("File")).toHaveValue(/mailcup-rules\.toml$/);
  await page.getByRole("button", { name: "Write the file" }).click();
  await expect(page.getByText(/^Written to/)).toBeVisible();
});
