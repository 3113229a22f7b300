import { fireEvent, render, screen } from "@testing-library/svelte";
import { createRawSnippet } from "svelte";
import { expect, it, vi } from "vitest";
import { closeInnermost } from "$lib/escape";
import { say, toasts } from "$lib/toasts.svelte";
import Button from "./Button.svelte";
import CodeField from "./CodeField.svelte";
import Dialog from "./Dialog.svelte";
import RelativeTime from "./RelativeTime.svelte";
import TextField from "./TextField.svelte";
import Toasts from "./Toasts.svelte";

const words = (text: string) => createRawSnippet(() => ({ render: () => `<span>${text}</span>` }));

it("takes a pasted code with spaces and tells once that it is complete", async () => {
  const oncomplete = vi.fn();
  render(CodeField, { label: "Code", value: "", oncomplete });
  const input = screen.getByLabelText<HTMLInputElement>("Code");
  await fireEvent.input(input, { target: { value: "12a 34" } });
  expect(input.value).toBe("1234");
  await fireEvent.input(input, { target: { value: " 123 456 789" } });
  expect(input.value).toBe("123456");
  expect(oncomplete).toHaveBeenCalledExactlyOnceWith("123456");
});

it("ties a field's error to the field", () => {
  render(TextField, { label: "Login", value: "", error: "Choose a login." });
  const input = screen.getByLabelText("Login");
  expect(input.getAttribute("aria-invalid")).toBe("true");
  const described = input.getAttribute("aria-describedby") ?? "";
  expect(document.getElementById(described)?.textContent).toContain("Choose a login.");
});

it("is not pressed a second time while it works", async () => {
  const onclick = vi.fn();
  const { rerender } = render(Button, { children: words("Save"), busy: true, onclick });
  await fireEvent.click(screen.getByRole("button"));
  expect(onclick).not.toHaveBeenCalled();
  await rerender({ busy: false });
  await fireEvent.click(screen.getByRole("button"));
  expect(onclick).toHaveBeenCalledOnce();
});

it("closes the innermost dialog first", () => {
  const outer = vi.fn();
  const inner = vi.fn();
  render(Dialog, { title: "Outer", onclose: outer, children: words("a") });
  const second = render(Dialog, { title: "Inner", onclose: inner, children: words("b") });
  closeInnermost();
  expect(inner).toHaveBeenCalledOnce();
  expect(outer).not.toHaveBeenCalled();
  second.unmount();
  closeInnermost();
  expect(outer).toHaveBeenCalledOnce();
});

it("undoes from a toast, once", async () => {
  render(Toasts);
  const undo = vi.fn();
  say("Blocked 203.0.113.9 for 1 day", undo);
  await fireEvent.click(await screen.findByRole("button", { name: "Undo" }));
  expect(undo).toHaveBeenCalledOnce();
  expect(toasts()).toEqual([]);
});

it("shows the absolute time beside the relative one", () => {
  render(RelativeTime, { at: Date.now() - 3.5 * 60_000 });
  const time = screen.getByText("3 min ago");
  expect(time.getAttribute("title")).toMatch(/\d{4}/);
});
