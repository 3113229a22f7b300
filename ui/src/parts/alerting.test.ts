import { beforeEach, expect, test, vi } from "vitest";
import { host } from "$host";
import type { Alert, AlertChange, Problem } from "$host/host";
import { dismiss, toasts } from "$lib/toasts.svelte";
import { sampleAlert } from "../test-samples";
import { change, changeMany, isChangeable, remedy } from "./alerting";

const alert = (id: string, state: Alert["state"] = "open"): Alert => ({
  ...sampleAlert,
  id,
  severity: "attention",
  state,
  title: `failures of ${id}`,
});

let asked: [string, AlertChange][];

beforeEach(() => {
  asked = [];
  for (const toast of [...toasts()]) dismiss(toast.id);
  vi.spyOn(host, "changeAlert").mockImplementation((id, wanted) => {
    asked.push([id, wanted]);
    const problem: Problem = { code: "stale", message: "Somebody changed it.", details: null };
    return id === "taken"
      ? Promise.reject(problem as unknown as Error)
      : Promise.resolve(alert(id));
  });
});

test("does the same about many, goes on after a failure, and says which failed and why", async () => {
  const far: string[] = [];
  const alerts = [alert("a"), alert("taken"), alert("b", "acknowledged")];
  const failures = await changeMany(alerts, { state: "resolved" }, ({ done, total }) =>
    far.push(`${done}/${total}`),
  );
  expect(far).toEqual(["0/3", "1/3", "2/3"]);
  expect(asked.map(([id]) => id)).toEqual(["a", "taken", "b"]);
  expect(failures.map(({ alert: { id }, problem }) => [id, problem.message])).toEqual([
    ["taken", "Somebody changed it."],
  ]);
  expect(toasts().map(({ text }) => text)).toEqual(["2 alerts resolved"]);

  // The undo makes each of them stand as it stood, and leaves what was not changed alone.
  toasts()[0]?.undo?.();
  await vi.waitFor(() => {
    expect(asked.slice(3)).toEqual([
      ["a", { state: "open" }],
      ["b", { state: "acknowledged" }],
    ]);
  });
});

test("undoes what ended a snooze by putting it off to the same time again", async () => {
  const at = new Date(Date.now() + 3_600_000).toISOString();
  await change({ ...alert("a"), snoozed_until: at }, { state: "resolved", note: "  " });
  expect(asked[0]).toEqual(["a", { state: "resolved", note: null }]);
  toasts()[0]?.undo?.();
  await vi.waitFor(() => {
    expect(asked[1]).toEqual(["a", { snooze: { kind: "until", at } }]);
  });
});

test("offers no undo for a note", async () => {
  await change(alert("a"), { note: "Asked Anna" });
  expect(toasts()[0]?.text).toBe("Noted: failures of a");
  expect(toasts()[0]?.undo).toBeUndefined();
});

test("a changed certificate is not changed as an alert but where certificates are compared", () => {
  const own: Alert = { ...alert("certificate"), kind: "certificate_changed" };
  expect([isChangeable(own), isChangeable(alert("other"))]).toEqual([false, true]);
  expect(remedy(own)?.href).toBe("#/settings/services");
});
