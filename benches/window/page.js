// What is measured inside the window: from what a person does to the frame that shows the answer.
(() => {
  const frame = () => new Promise(requestAnimationFrame);
  const grid = () => document.querySelector('main [role="grid"]');
  const rows = () => [...(grid()?.querySelectorAll('[role="row"][aria-rowindex]') ?? [])].slice(1);
  const viewport = () => rows()[0]?.closest('[role="rowgroup"]');
  const status = () => document.querySelector("main header p, header p")?.textContent.trim() ?? "";
  const title = () => document.querySelector("h1")?.textContent.trim() ?? "";

  function inSight() {
    const view = viewport()?.getBoundingClientRect();
    if (!view) return [];
    return rows().filter((row) => {
      const box = row.getBoundingClientRect();
      return box.bottom > view.top + 1 && box.top < view.bottom - 1;
    });
  }
  const isBlank = (row) => row.getAttribute("aria-busy") === "true";
  const shown = () =>
    grid()?.getAttribute("aria-busy") !== "true" && inSight().length > 0 && !inSight().some(isBlank);
  const nothing = () => !grid() && /no |nothing/i.test(document.querySelector("main")?.textContent ?? "");

  // What the desktop core was asked for, and how long its answers took to come.
  const asked = [];
  const plain = window.fetch;
  window.fetch = async (input, init) => {
    const begun = performance.now();
    const answer = await plain(input, init);
    const what = String(input.url ?? input);
    // The whole answer, as the page needs it; its own copy of it comes in the same moment.
    void answer
      .clone()
      .text()
      .then(() => asked.push({ what, took: performance.now() - begun }));
    return answer;
  };
  const isAnswered = (what) => asked.some((one) => one.what.includes(what));
  const slowestAnswer = (what) =>
    Math.max(0, ...asked.filter((one) => one.what.includes(what)).map((one) => one.took));

  /** Milliseconds until the test holds and is painted; -1 if that takes too long. */
  async function until(begun, test, patience = 10_000) {
    while (!test()) {
      if (performance.now() - begun > patience) return -1;
      await frame();
    }
    await frame();
    return performance.now() - begun;
  }

  async function go(address, test) {
    const begun = performance.now();
    location.hash = `#${address}`;
    return await until(begun, test);
  }

  /** From another page to the first rows of Activity. */
  async function openActivity() {
    await go("/settings", () => !grid() && title() !== "");
    await frame();
    return await go("/activity", () => shown());
  }

  /** Types a filter or words into the field, and commits it. */
  async function filter(typed) {
    await go("/activity", () => shown() && !/Counting|\+/.test(status()));
    const statusBefore = status();
    const field = document.querySelector('[role="search"] input');
    field.focus();
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(field, typed);
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    await new Promise((resolve) => setTimeout(resolve, 150));
    asked.length = 0;
    const begun = performance.now();
    const enter = { key: "Enter", code: "Enter", bubbles: true, cancelable: true };
    field.dispatchEvent(new KeyboardEvent("keydown", enter));
    const page = await until(begun, () => isAnswered("/events") && (nothing() || shown()));
    const exact = await until(begun, () => status() !== statusBefore && !/Counting|\+/.test(status()));
    return { page, exact, core: slowestAnswer("/events"), count: slowestAnswer("/count"), status: status() };
  }

  /** Presses a link of the sidebar. */
  async function press(index) {
    const links = [...document.querySelectorAll("nav a[href]")];
    const link = links[index % links.length];
    const before = title();
    const begun = performance.now();
    link.click();
    const named = link.textContent.trim();
    const answered = await until(begun, () => title() !== before || link.getAttribute("aria-current"), 5_000);
    return { named, answered };
  }

  /** Scrolls for so many frames; answers for how long a row in sight was blank. */
  async function scroll(frames, place) {
    await go("/activity", () => shown());
    const view = viewport();
    const blankSince = new Map();
    const spells = [];
    let [withBlank, sampled] = [0, 0];
    const begun = performance.now();
    const look = () => {
      const now = performance.now();
      const blank = new Set(inSight().filter(isBlank).map((row) => row.getAttribute("aria-rowindex")));
      for (const row of blank) if (!blankSince.has(row)) blankSince.set(row, now);
      for (const [row, since] of blankSince)
        if (!blank.has(row)) {
          spells.push(now - since);
          blankSince.delete(row);
        }
      sampled += 1;
      if (blank.size > 0) withBlank += 1;
    };
    for (let step = 1; step <= frames; step += 1) {
      const far = view.scrollHeight - view.clientHeight;
      view.scrollTop = place === "end" ? (far * step) / frames : view.scrollTop + place;
      await frame();
      look();
    }
    const took = performance.now() - begun;
    const ended = performance.now();
    while ((blankSince.size > 0 || !shown()) && performance.now() - ended < 5_000) {
      await frame();
      look();
    }
    spells.sort((a, b) => a - b);
    return {
      longest: spells.at(-1) ?? 0,
      median: spells[Math.floor(spells.length / 2)] ?? 0,
      share: withBlank / sampled,
      frame: took / frames,
    };
  }

  /** How long a frame takes in which nothing happens: the machine's own share in all the other figures. */
  async function idleFrame(frames) {
    const begun = performance.now();
    for (let step = 0; step < frames; step += 1) await frame();
    return (performance.now() - begun) / frames;
  }

  window.measured = { idleFrame, openActivity, filter, press, scroll, shown: () => shown(), status };
})();
