import { cleanup } from "@testing-library/svelte";
import { afterEach } from "vitest";

afterEach(() => {
  cleanup();
  location.hash = "";
});

// jsdom lays nothing out.
Element.prototype.scrollIntoView = () => undefined;
