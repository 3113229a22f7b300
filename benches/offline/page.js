// What is measured inside the window: from what a person does to the frame that shows the answer.
(() => {
  const frame = () => new Promise(requestAnimationFrame);
  const main = () => document.querySelector("main");
  const isBusy = () =>
    !main() || main().querySelector('[aria-busy="true"]') !== null;
  const rows = () => [
    ...(main()?.querySelectorAll('[role="grid"] [role="row"][aria-rowindex]') ??
      []),
  ];
  const first = () => rows()[1]?.textContent;

  const shows = {
    text: (wanted) => !isBusy() && main().textContent.includes(wanted),
    rows: () => !isBusy() && rows().length > 1,
    others: (_wanted, before) =>
      !isBusy() && rows().length > 1 && first() !== before,
    letter: (wanted) =>
      (
        main()?.querySelector("iframe[srcdoc]")?.srcdoc ??
        main()?.querySelector("pre")?.textContent ??
        ""
      ).includes(wanted),
  };

  /** Milliseconds from the address to the frame that shows what is wanted there; -1 if that takes too long. */
  async function go(address, kind, wanted = "", patience = 20_000) {
    await frame();
    const before = first();
    const begun = performance.now();
    location.hash = `#${address}`;
    // What is there still is not the answer.
    await frame();
    while (!shows[kind](wanted, before)) {
      if (performance.now() - begun > patience) return -1;
      await frame();
    }
    await frame();
    return performance.now() - begun;
  }

  window.measured = { go };
})();
