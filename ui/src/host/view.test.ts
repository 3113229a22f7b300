import { expect, it, vi } from "vitest";
import type { Link, Role, View } from "./host";
import { followView, obstacle } from "./view.svelte";

const core = vi.hoisted(() => ({ view: vi.fn(), onView: vi.fn(), drawFor: vi.fn() }));
vi.mock("$host", () => ({ host: core }));

it.each<[Role, Link, string | undefined]>([
  ["owner", { kind: "live" }, undefined],
  ["admin", { kind: "catching_up", behind: 12, total: 40 }, undefined],
  ["owner", { kind: "offline", since: "2026-11-24T08:00:00Z", why: "" }, "can't be reached now"],
  ["owner", { kind: "connecting" }, "can't be reached yet"],
  ["owner", { kind: "signed_out" }, "Sign in"],
  ["auditor", { kind: "live" }, "reads only"],
])("an %s over a link that is %j: %s", (role, link, words) => {
  let push: ((view: View) => void) | undefined;
  core.view.mockReturnValue(new Promise(() => undefined));
  core.onView.mockImplementation((listen: (view: View) => void) => {
    push = listen;
    return () => undefined;
  });
  followView();
  push?.({ admin: { role }, service: { link } } as View);
  if (words === undefined) expect(obstacle()).toBeUndefined();
  else expect(obstacle()).toContain(words);
});
