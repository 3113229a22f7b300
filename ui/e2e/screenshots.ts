import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "@playwright/test";
import { open, type Theme } from "./open.ts";
import { cases } from "./pages.ts";

/** Pictures of every page in both themes and two sizes, to be looked at; `SHOTS` names the folder. */
const folder = process.env.SHOTS ?? mkdtempSync(join(tmpdir(), "mailcup-pages-"));
mkdirSync(folder, { recursive: true });

const sizes = [
  { width: 1024, height: 700 },
  { width: 1600, height: 1000 },
];

for (const size of sizes)
  for (const theme of ["light", "dark"] satisfies Theme[])
    for (const shown of cases)
      test(`${shown.name} ${theme} ${size.width}`, async ({ page }) => {
        await page.setViewportSize(size);
        await open(page, shown, theme);
        await page.screenshot({ path: join(folder, `${shown.name}-${theme}-${size.width}.png`) });
      });

test.afterAll(() => {
  process.stdout.write(`\nPictures: ${folder}\n`);
});
