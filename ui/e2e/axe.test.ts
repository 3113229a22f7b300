import AxeBuilder from "@axe-core/playwright";
import { expect, test } from "@playwright/test";
import { open, type Theme } from "./open.ts";
import { cases } from "./pages.ts";

/** Every page, in every state that changes what it shows, in both themes, with every rule of axe. */
for (const theme of ["light", "dark"] satisfies Theme[])
  for (const shown of cases)
    test(`${shown.name} in ${theme} has no fault that axe finds`, async ({ page }) => {
      const complaints: string[] = [];
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("console", (message) => {
        if (message.type() === "error") complaints.push(message.text());
      });
      await open(page, shown, theme);
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(
        violations.map(({ id, nodes }) => ({
          id,
          at: nodes.map(({ html }) => html.slice(0, 160)),
        })),
      ).toEqual([]);
      expect(complaints).toEqual([]);
    });
