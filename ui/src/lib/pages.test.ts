import { expect, it } from "vitest";
import { Pages } from "./pages.svelte";

it("fetches what is in sight, and all that is in sight anew when asked again", async () => {
  const asked: number[] = [];
  const pages = new Pages<string, string>((word, offset, limit) => {
    asked.push(offset);
    return Promise.resolve({
      rows: Array.from({ length: limit }, (_, index) => `${word} ${offset + index}`),
      total: 1_000,
    });
  });
  await pages.ask("");
  expect(pages.total).toBe(1_000);
  expect(pages.rowAt(99)).toBe(" 99");
  expect(pages.rowAt(450)).toBeUndefined();
  pages.want(440, 520);
  await Promise.resolve();
  await expect.poll(() => pages.rowAt(519)).toBe(" 519");
  expect(pages.indexOf((row) => row === " 450")).toBe(450);
  // Whoever has scrolled keeps rows before their eyes.
  await pages.ask("b");
  expect([pages.rowAt(450), pages.rowAt(519)]).toEqual(["b 450", "b 519"]);
  expect(asked).toEqual([0, 400, 500, 400, 500]);
});

it("drops the answer to an older question", async () => {
  const answers: (() => void)[] = [];
  const pages = new Pages<string, string>(
    (word) =>
      new Promise((resolve) => {
        answers.push(() => {
          resolve({ rows: [word], total: 1 });
        });
      }),
  );
  const older = pages.ask("older");
  const newer = pages.ask("newer");
  answers[1]?.();
  expect(await newer).toBe(true);
  answers[0]?.();
  expect(await older).toBe(false);
  expect(pages.rowAt(0)).toBe("newer");
});

it("shows the first rows of a long list before it is counted", async () => {
  const counts: ((total: number) => void)[] = [];
  const pages = new Pages<string, string>(
    (word, offset) =>
      Promise.resolve({ rows: [`${word} ${offset}`], total: 1_000, more: word !== "short" }),
    () => new Promise((resolve) => counts.push(resolve)),
  );
  await pages.ask("long");
  expect([pages.rowAt(0), pages.total, pages.more]).toEqual(["long 0", 1_000, true]);
  await expect.poll(() => counts.length).toBe(1);
  counts[0]?.(47_818);
  await expect.poll(() => [pages.total, pages.more]).toEqual([47_818, false]);
  pages.want(2_000, 2_001);
  await expect.poll(() => pages.rowAt(2_000)).toBe("long 2000");
  expect([pages.total, pages.more]).toEqual([47_818, false]);

  // A count that comes when something else is asked for says nothing of that.
  await pages.ask("longer");
  await expect.poll(() => counts.length).toBe(2);
  await pages.ask("short");
  counts[1]?.(5);
  await Promise.resolve();
  expect([pages.total, pages.more]).toEqual([1_000, false]);
});
