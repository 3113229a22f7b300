import { join } from "node:path";
import { expect, type Page } from "@playwright/test";
import { axeFaults, misfits } from "../e2e/fit.ts";
import { code, stage } from "./stage.ts";

/** WCAG 2.2, success criterion 1.4.10, and a desk. */
const WIDTHS = [320, 1024];

/** Types into the fields of these labels and presses the button. */
export async function submit(page: Page, button: string, fields: Record<string, string>) {
  for (const [label, value] of Object.entries(fields))
    await page.getByLabel(label, { exact: true }).fill(value);
  await page.getByRole("button", { name: button, exact: true }).click();
}

export async function givePassword(page: Page, password = stage.password) {
  await submit(page, "Go on", { "Mail address": stage.login, Password: password });
}

/** From the form of the password to where that leads, with the code of the n-th mail. */
export async function signIn(page: Page, nthMail: number) {
  await givePassword(page);
  await expect(page.getByLabel("Code", { exact: true })).toBeVisible();
  await submit(page, "Sign in to Example", { Code: await code(nthMail) });
}

export async function signOut(page: Page) {
  await page.goto("/sign-out");
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByText("You are signed out")).toBeVisible();
}

/** Looks at the page as it is, light and dark, wide and narrow; keeps a picture of each. */
export async function look(page: Page, name: string) {
  const before = page.viewportSize();
  for (const width of WIDTHS)
    for (const colorScheme of ["light", "dark"] as const) {
      await page.setViewportSize({ width, height: 700 });
      await page.emulateMedia({ colorScheme });
      const how = `${name}, ${String(width)} px, ${colorScheme}`;
      expect.soft([...(await axeFaults(page)), ...(await misfits(page))], how).toEqual([]);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      expect.soft(wide, how).toBeLessThanOrEqual(width);
      const path = join(stage.output, "..", "looks", `${how.replaceAll(/[ ,]+/g, "-")}.png`);
      await page.screenshot({ path, fullPage: true });
    }
  if (before) await page.setViewportSize(before);
  await page.emulateMedia({ colorScheme: null });
}
