import { expect, test } from "@playwright/test";
import { navigate } from "./core.ts";
import { open } from "./open.ts";

const inbox = { scenario: "services", hash: "#/inbox", ready: "Choir of St. Mary" };
const settings = {
  scenario: "services",
  hash: "#/settings/services",
  ready: "Certificate that you trusted",
};

test("one list holds the alerts of all services, and leads to each", async ({ page }) => {
  await open(page, inbox);
  await expect(page.getByText("Choir of St. Mary: The service can't be reached")).toBeVisible();
  await expect(
    page.getByText("Parish office shows another certificate than the one you trusted"),
  ).toBeVisible();
  const row = page.getByRole("row").filter({ hasText: "Choir of St. Mary" }).first();
  await row.click();
  await expect(
    page.getByRole("button", { name: "Service: Choir of St. Mary. Change" }),
  ).toBeVisible();
  await expect(page).toHaveURL(/#\/alerts\/choir1/);
});

test("Ctrl and a digit, the menu and the palette switch, by keyboard alone", async ({ page }) => {
  await open(page, inbox);
  const shown = page.getByRole("button", { name: /^Service:/ });
  await page.keyboard.press("Control+2");
  await expect(shown).toHaveAccessibleName("Service: Choir of St. Mary. Change");
  await shown.focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Home");
  await page.keyboard.press("Enter");
  await expect(shown).toHaveAccessibleName("Service: Example Association. Change");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("switch choir");
  await page.keyboard.press("Enter");
  await expect(shown).toHaveAccessibleName("Service: Choir of St. Mary. Change");
});

test("a notification leads to its own service", async ({ page }) => {
  await open(page, inbox);
  await navigate(page, "/alerts/al1", "choir");
  await expect(page.getByRole("button", { name: /^Service:/ })).toHaveAccessibleName(
    "Service: Choir of St. Mary. Change",
  );
  await expect(page).toHaveURL(/#\/alerts\/al1/);
});

test("a service that nobody is signed in to leaves a way to the others", async ({ page }) => {
  await open(page, inbox);
  await page.keyboard.press("Control+4");
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await page.getByRole("button", { name: "Go to Example Association" }).click();
  await expect(page.getByRole("button", { name: /^Service:/ })).toBeVisible();
});

test("a certificate is shown before it is trusted", async ({ page }) => {
  await open(page, { ...settings, hash: "#/settings/services/add", ready: "Add a service" });
  await page.getByLabel("Address of the service").fill("self-signed.example.com");
  await page.getByRole("button", { name: "Connect" }).click();
  await expect(page.getByRole("dialog").getByText("It signed itself")).toBeVisible();
  await page.getByRole("button", { name: "Trust this certificate" }).click();
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
});

test("a changed certificate is trusted by naming it", async ({ page }) => {
  await open(page, settings);
  await page.getByRole("button", { name: "Compare certificates" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByText("What you trusted")).toBeVisible();
  await dialog.getByRole("textbox").fill("00:00:00:00");
  await dialog.getByRole("button", { name: "Trust the new one" }).click();
  await expect(dialog).toBeVisible();
  await dialog.getByRole("textbox").fill("05:BE:E3:72");
  await dialog.getByRole("button", { name: "Trust the new one" }).click();
  await expect(page.getByText("Parish office is trusted with its new certificate.")).toBeVisible();
});

test("forgetting says what it deletes and wants the name", async ({ page }) => {
  await open(page, settings);
  const item = page.getByRole("listitem", { name: "Choir of St. Mary" });
  await item.getByRole("button", { name: "Forget" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByText("the local copy of its events")).toBeVisible();
  await dialog.getByRole("textbox").fill("Choir of St. Mary");
  await dialog.getByRole("button", { name: "Forget", exact: true }).click();
  await expect(page.getByText("Choir of St. Mary is forgotten.")).toBeVisible();
  await expect(item).toHaveCount(0);
});
