import { expect, type Page, test } from "@playwright/test";
import { newest, older } from "./backups.pages.ts";

/** The window speaks another language at once, keeps it, and its longer words fit. */

test("changes every word at once, and keeps the language over a reload", async ({ page }) => {
  await page.goto("/?scenario=attack#/settings/appearance");
  await expect(page.getByRole("heading", { name: "Settings" })).toBeVisible();

  await page.getByText("Deutsch").click();
  await expect(page.getByRole("heading", { name: "Einstellungen" })).toBeVisible();
  await expect(page.getByRole("radio", { name: "Deutsch" })).toBeChecked();
  await expect(page.locator("html")).toHaveAttribute("lang", "de");
  await expect(page.getByRole("link", { name: "Benachrichtigungen" })).toBeVisible();

  await page.getByText("Українська").click();
  await expect(page.getByRole("heading", { name: "Налаштування" })).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("lang", "uk");

  await page.reload();
  await expect(page.getByRole("heading", { name: "Налаштування" })).toBeVisible();
  await page.goto("/?scenario=attack#/blocks");
  await expect(page.getByRole("button", { name: "Заблокувати…" })).toBeVisible();
});

test.describe("a German system", () => {
  test.use({ locale: "de-AT" });

  test("is spoken to in German without a choice", async ({ page }) => {
    await page.goto("/?scenario=first-run");
    await expect(page.getByRole("heading", { name: "Willkommen bei MailCup" })).toBeVisible();
  });
});

/** What is cut off although nothing says that it may be. */
const cut = (page: Page) =>
  page.evaluate(() => {
    const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
    const parts = document.querySelectorAll<HTMLElement>(
      "button, nav a, label, legend, h1, h2, th",
    );
    const clipped = [...parts].filter((part) => {
      if (!part.checkVisibility() || part.closest(".visually-hidden")) return false;
      if (getComputedStyle(part).textOverflow === "ellipsis") return false;
      const around = part.parentElement?.closest<HTMLElement>(
        "td, [role=gridcell], .cell, nav, dialog",
      );
      const right = around?.getBoundingClientRect().right ?? Infinity;
      return (
        (part.scrollWidth > part.clientWidth + 1 && part.clientWidth > 0) ||
        part.getBoundingClientRect().right > right + 1
      );
    });
    return [...(wide ? ["the page"] : []), ...clipped.map((part) => part.innerText)];
  });

const pages = [
  ["attack", "#/settings/notifications"],
  ["attack", "#/settings/lock"],
  ["attack", "#/settings/appearance"],
  ["relay", "#/settings/mail"],
  ["attack", "#/settings/factors"],
  ["attack", "#/settings/servers"],
  ["attack", "#/settings/about"],
  ["attack", "#/blocks"],
  ["attack", "#/blocks/new"],
  ["attack", "#/activity"],
  ["attack", "#/alerts"],
  ["worst", "#/backups"],
  ["worst", "#/backups/snapshots"],
  ["worst", "#/backups/copy"],
  ["well&copy=off", "#/backups/copy"],
  ["attack", `#/backups/${newest}?at=example.org/anna`],
  ["attack", `#/backups/${newest}/state/events`],
  ["attack", `#/backups/compare/${older}/${newest}`],
  ["attack", "#/backups/search?q=invoice&gone=1"],
  ["first-run", ""],
  ["set-up", ""],
  ["sign-in", ""],
  ["code", ""],
  ["keyring", ""],
  ["locked", ""],
] as const;

for (const language of ["de", "uk"])
  test(`the words of ${language} fit at 1024 by 700`, async ({ page }) => {
    test.setTimeout(90_000);
    await page.setViewportSize({ width: 1024, height: 700 });
    for (const [scenario, hash] of pages) {
      await page.goto(`/?scenario=${scenario}&language=${language}${hash}`);
      await expect(page.locator(`html[lang=${language}] h1`).first()).toBeVisible();
      await page.evaluate(() => document.fonts.ready);
      if (process.env.SHOTS)
        await page.screenshot({
          path: `${process.env.SHOTS}/${language}-${scenario}${hash.replaceAll(/\W+/g, "-")}.png`,
        });
      expect(await cut(page), `${scenario} ${hash}`).toEqual([]);
    }
  });
