import { expect, test } from "@playwright/test";
import { failures } from "./core.ts";
import { open } from "./open.ts";

test("opens first, says what wants the reader most, and leads there", async ({ page }) => {
  await open(page, { scenario: "attack", hash: "", ready: "after 14 failures" });
  await expect(page).toHaveURL(/#\/overview$/);
  await page.getByRole("button", { name: "Look at it" }).press("Enter");
  await expect(page).toHaveURL(/#\/alerts\/al1$/);
});

test("goes from worst to well as alerts are dealt with", async ({ page }) => {
  await open(page, { scenario: "attack", hash: "#/overview", ready: "after 14 failures" });
  const resolve = page.getByRole("button", { name: /^Resolve: / });
  await resolve.first().press("Enter");
  await expect(page.getByText(/46 sign-ins from 198.51.100.0\/24 failed since/)).toBeVisible();
  await resolve.first().press("Enter");
  await expect(page.getByText(/signed in on a new device, 2 h ago/)).toBeVisible();
  await resolve.first().press("Enter");
  await expect(page.getByText("All is well")).toBeVisible();
  await page.getByRole("button", { name: "Undo" }).last().press("Enter");
  await expect(page.getByText("All is well")).toBeHidden();
});

test("leads from a span of time that is chosen by key to Activity", async ({ page }) => {
  await open(page, { scenario: "attack", hash: "#/overview?range=7d", ready: "after 14 failures" });
  const time = page.getByRole("slider", { name: /^Time/ });
  await time.focus();
  await expect(time).toHaveAttribute("aria-valuetext", /allowed, .* failed, .* refused/);
  await page.keyboard.press("Home");
  await expect(time).toHaveAttribute("aria-valuenow", "0");
  await page.keyboard.press("PageUp");
  await page.keyboard.press("Shift+ArrowRight");
  await page.keyboard.press("Shift+ArrowRight");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/#\/activity\?kind=sign_in(%2C|,)submission&from=.*&until=/);
  const url = new URLSearchParams(page.url().split("#")[1]?.split("?")[1]);
  const hours =
    (Date.parse(url.get("until") ?? "") - Date.parse(url.get("from") ?? "")) / 3_600_000;
  expect(hours).toBe(6);
  await page.goBack();
  await expect(page).toHaveURL(/range=7d/);
});

test("leads from a span of time that is drawn with the mouse to Activity", async ({ page }) => {
  await open(page, { scenario: "attack", hash: "#/overview", ready: "after 14 failures" });
  const area = page.getByRole("slider", { name: /^Time/ });
  await area.scrollIntoViewIfNeeded();
  const box = await area.boundingBox();
  if (!box) throw new Error("the bars have no place");
  await page.mouse.move(box.x + box.width * 0.5, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.75, box.y + 60, { steps: 4 });
  await page.mouse.up();
  await expect(page).toHaveURL(/#\/activity\?/);
  const url = new URLSearchParams(page.url().split("#")[1]?.split("?")[1]);
  const hours =
    (Date.parse(url.get("until") ?? "") - Date.parse(url.get("from") ?? "")) / 3_600_000;
  expect(hours).toBeGreaterThan(5);
  expect(hours).toBeLessThan(7);
});

test("shows the numbers as a table, by protocol, and keeps both in the address", async ({
  page,
}) => {
  await open(page, { scenario: "attack", hash: "#/overview", ready: "after 14 failures" });
  await page.getByRole("link", { name: /^IMAP/ }).press("Enter");
  await expect(page).toHaveURL(/protocol=imap/);
  await page.getByRole("link", { name: "7 days" }).press("Enter");
  await expect(page).toHaveURL(/range=7d&protocol=imap/);
  await page.getByRole("button", { name: /numbers as table/ }).press("Enter");
  const table = page.getByRole("table").first();
  await expect(table.getByRole("columnheader", { name: "Refused" })).toBeVisible();
  expect(await table.getByRole("row").count()).toBeGreaterThan(10);
});

test("moves nothing when events arrive", async ({ page }) => {
  await open(page, { scenario: "well", hash: "#/overview", ready: "All is well" });
  const places = () =>
    page.evaluate(() =>
      [...document.querySelectorAll("h2")].map((title) => title.getBoundingClientRect().top),
    );
  await expect(page.getByRole("slider", { name: /^Time/ })).toBeVisible();
  const before = await places();
  await failures(page, "new@example.org", 300);
  await expect(page.getByRole("link", { name: "new@example.org" })).toBeVisible({
    timeout: 15_000,
  });
  expect(await places()).toEqual(before);
});

test("teaches how to connect the mail server on a fresh install", async ({ page }) => {
  await open(page, {
    scenario: "empty",
    hash: "#/overview",
    ready: "No mail server asks MailCup yet",
  });
  await page.getByRole("button", { name: "Show what to paste" }).first().press("Enter");
  await expect(page.getByText("auth_policy_server_url")).toBeVisible();
});

test("says how old it is while the service is away", async ({ page }) => {
  await open(page, { scenario: "offline", hash: "#/overview", ready: "As of 2 h ago" });
  await expect(page.getByText("The service could not be asked")).toBeVisible();
  await expect(page.getByRole("button", { name: /^Resolve: / }).first()).toBeDisabled();
});
