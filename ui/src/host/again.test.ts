import { expect, test, vi } from "vitest";
import { askedAgain, askingAgain } from "./again.svelte";

const stale = { code: "reauthentication_required", message: "Again.", details: null };

/** A command that wants a fresh factor until it was given. */
function guarded() {
  let fresh = false;
  const remove = vi.fn((id: string) => (fresh ? Promise.resolve(id) : Promise.reject(stale)));
  return { commands: askingAgain({ remove }), remove, give: () => (fresh = true) };
}

test("goes on with what was asked once the factor was given, asking once for all that wait", async () => {
  const { commands, remove, give } = guarded();
  const both = Promise.all([commands.remove("one"), commands.remove("two")]);
  await vi.waitFor(() => {
    expect(askedAgain()).toBeDefined();
  });
  give();
  askedAgain()?.over(true);
  expect(await both).toEqual(["one", "two"]);
  expect(remove).toHaveBeenCalledTimes(4);
  expect(askedAgain()).toBeUndefined();
});

test("does nothing if it is given up, and asks anew the next time", async () => {
  const { commands, remove } = guarded();
  for (const times of [1, 2]) {
    const answer = commands.remove("one");
    await vi.waitFor(() => {
      expect(askedAgain()).toBeDefined();
    });
    askedAgain()?.over(false);
    await expect(answer).rejects.toBe(stale);
    expect(remove).toHaveBeenCalledTimes(times);
  }
});

test("leaves other problems alone", async () => {
  const refused = { code: "forbidden", message: "No.", details: null };
  const commands = askingAgain({ remove: () => Promise.reject(refused as unknown as Error) });
  await expect(commands.remove()).rejects.toBe(refused);
  expect(askedAgain()).toBeUndefined();
});
