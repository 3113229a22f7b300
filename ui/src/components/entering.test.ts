import { fireEvent, render, screen } from "@testing-library/svelte";
import { createRawSnippet, tick } from "svelte";
import { expect, it, vi } from "vitest";
import { closeInnermost } from "$lib/escape";
import Combobox from "./Combobox.svelte";
import ConfirmByName from "./ConfirmByName.svelte";
import Tabs from "./Tabs.svelte";

const words = (text: string) => createRawSnippet(() => ({ render: () => `<span>${text}</span>` }));

it("drops a slow answer to an older text", async () => {
  const answers: ((found: { value: string }[]) => void)[] = [];
  const complete = () => new Promise<{ value: string }[]>((resolve) => answers.push(resolve));
  render(Combobox, { label: "Account", value: "", complete });
  const input = screen.getByRole<HTMLInputElement>("combobox");
  await fireEvent.input(input, { target: { value: "a" } });
  await fireEvent.input(input, { target: { value: "an" } });
  answers[1]?.([{ value: "anna" }]);
  await screen.findByText("anna");
  answers[0]?.([{ value: "adam" }]);
  await tick();
  expect(screen.getAllByRole("option").map((option) => option.textContent.trim())).toEqual([
    "anna",
  ]);
});

it("chooses with the keyboard, keeps typed text, and closes its list first on Esc", async () => {
  const onchoose = vi.fn();
  const onenter = vi.fn();
  const complete = (text: string) => [{ value: `${text}1` }, { value: `${text}2` }];
  render(Combobox, { label: "Account", value: "", complete, onchoose, onenter });
  const input = screen.getByRole<HTMLInputElement>("combobox");
  await fireEvent.input(input, { target: { value: "x" } });
  await fireEvent.keyDown(input, { key: "Enter" });
  expect(onenter).toHaveBeenCalledExactlyOnceWith("x");
  await fireEvent.input(input, { target: { value: "x" } });
  await fireEvent.keyDown(input, { key: "ArrowUp" });
  expect(input.getAttribute("aria-activedescendant")).toMatch(/-1$/);
  await fireEvent.keyDown(input, { key: "Enter" });
  expect(onchoose).toHaveBeenCalledExactlyOnceWith({ value: "x2" });
  await fireEvent.keyDown(input, { key: "ArrowDown" });
  expect(screen.getAllByRole("option")).toHaveLength(2);
  expect(closeInnermost()).toBe(true);
  await tick();
  expect(screen.queryByRole("listbox")).toBeNull();
  expect(closeInnermost()).toBe(false);
});

it("says that completions could not be read", async () => {
  render(Combobox, {
    label: "Account",
    value: "",
    complete: () => Promise.reject(new Error("offline")),
  });
  await fireEvent.input(screen.getByRole("combobox"), { target: { value: "a" } });
  expect((await screen.findByRole("option")).textContent).toContain("could not be read");
});

it("does nothing until the name was typed", async () => {
  const onconfirm = vi.fn();
  render(ConfirmByName, {
    title: "Remove the account",
    name: "anna@example.org",
    verb: "Remove",
    children: words("3 sessions end."),
    onconfirm,
    onclose: vi.fn(),
  });
  await fireEvent.input(screen.getByRole("textbox"), { target: { value: "anna@example.com" } });
  await fireEvent.submit(screen.getByRole("textbox"));
  expect(onconfirm).not.toHaveBeenCalled();
  await screen.findByText("That is not anna@example.org.");
  await fireEvent.input(screen.getByRole("textbox"), { target: { value: "anna@example.org" } });
  await fireEvent.submit(screen.getByRole("textbox"));
  expect(onconfirm).toHaveBeenCalledOnce();
});

it("moves among tabs by arrows, around the ends", async () => {
  const onchange = vi.fn();
  render(Tabs<"a" | "b" | "c">, {
    label: "Parts",
    tabs: [
      { value: "a", label: "First" },
      { value: "b", label: "Second" },
      { value: "c", label: "Third" },
    ],
    value: "a",
    onchange,
    children: words("inside"),
  });
  const first = screen.getByRole("tab", { name: "First" });
  first.focus();
  await fireEvent.keyDown(first, { key: "ArrowLeft" });
  expect(onchange).toHaveBeenLastCalledWith("c");
  const third = screen.getByRole("tab", { name: "Third" });
  expect(document.activeElement).toBe(third);
  expect(first.tabIndex).toBe(-1);
  expect(third.tabIndex).toBe(0);
});
