import { expect, type Page, test } from "@playwright/test";
import { axeFaults, misfits } from "./fit.ts";
import { open, setTheme } from "./open.ts";
import { cases } from "./pages.ts";

/** Every page, in every state that changes what it shows, in both themes, with every rule of axe. */
for (const shown of cases)
  test(`${shown.name} has no fault that axe finds, and fits`, async ({ page }) => {
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    await page.setViewportSize({ width: 1280, height: 800 });
    await open(page, shown, "light");
    expect.soft(await faults(page), "in light").toEqual([]);
    // As narrow as the window gets.
    await page.setViewportSize({ width: 900, height: 600 });
    await setTheme(page, "dark");
    expect.soft(await faults(page), "in dark and narrow").toEqual([]);
    expect(complaints).toEqual([]);
  });

async function faults(page: Page) {
  return [...(await axeFaults(page)), ...(await misfits(page))];
}
