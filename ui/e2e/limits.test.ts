import { expect, test } from "@playwright/test";
import { open } from "./open.ts";

const limits = { scenario: "well", hash: "#/limits", ready: "Sending limits" };

test("a limit is added in the promise's words, tried, and undone", async ({ page }) => {
  await open(page, limits);
  await page.keyboard.press("n");
  await page.getByLabel("From known networks").fill("20");
  await page.getByLabel("From all others").fill("0");
  await expect(
    page.getByText(
      "With 0, nobody can send from a network that is not known: a stolen SMTP password is worth nothing elsewhere.",
    ),
  ).toBeVisible();
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await expect(page.getByText(/would have been stopped/)).toBeVisible();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  const row = page.getByText(
    "Everybody: at most 20 recipients an hour, and only from known networks, more is refused",
  );
  await expect(row).toBeVisible();
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(row).toBeHidden();
});

test("a figure that is none is named beside its field", async ({ page }) => {
  await open(page, { ...limits, hash: "#/limits/new" });
  await page.getByLabel("From all others").fill("many");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText("Write a whole number, or nothing for no limit.")).toBeVisible();
});

test("shows who is near a limit, and finds an account", async ({ page }) => {
  await open(page, { ...limits, hash: "#/limits/usage" });
  await expect(page.getByText("Near").first()).toBeVisible();
  await page.getByLabel("Account or network").fill("billing");
  await expect(page.getByRole("rowheader").first()).toHaveText("billing@example.org");
});

test("makes the network that an account sends from a known one, with one click", async ({
  page,
}) => {
  await open(page, { ...limits, hash: "#/limits/known?text=bernd" });
  const offer = page.getByRole("button", {
    name: "Make 192.0.2.0/24 known for bernd@example.org",
  });
  await offer.click();
  await expect(page.getByText("Known networks of bernd@example.org added")).toBeVisible();
  await expect(offer).toBeHidden();
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(offer).toBeVisible();
});

test("an event offers rules and limits, filled in", async ({ page }) => {
  await open(page, { scenario: "well", hash: "#/activity?kind=sign_in", ready: "Activity" });
  await page.getByRole("row").nth(1).click();
  await page.getByRole("button", { name: "Rule or limit" }).click();
  await page.getByRole("menuitem", { name: /Deny this network/ }).click();
  await expect(page).toHaveURL(/#\/rules\/new\?account=.*network=.*action=deny/);
  await expect(page.getByRole("radio", { name: "Deny" })).toBeChecked();
});

test("the overview shows where sign-ins came from, as a map and as tables", async ({ page }) => {
  await open(page, { scenario: "well", hash: "#/overview", ready: "Where from" });
  await expect(page.getByRole("img", { name: /^Map of where sign-ins came from/ })).toBeVisible();
  await expect(page.getByRole("rowheader", { name: /Germany/ })).toBeVisible();
  await expect(page.getByText(/DB-IP Lite/)).toBeVisible();
});
