// Filters rules by text and severity. The page reads as well without it.
(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const search = document.getElementById("search");
  const query = document.getElementById("query");
  const matches = document.getElementById("matches");
  const nothing = document.getElementById("nothing");
  const tiles = all("[data-filter]");
  const rules = all("[data-rule]").map((card) => ({
    card,
    entry: document.querySelector(`[data-entry="${CSS.escape(card.id)}"]`),
    severity: card.dataset.severity,
    text: (card.textContent + " " + card.id + " " + card.dataset.words).toLowerCase(),
  }));
  const chosen = new Set();

  const apply = () => {
    const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const rule of rules) {
      const fits =
        (chosen.size === 0 || chosen.has(rule.severity)) && words.every((word) => rule.text.includes(word));
      rule.card.hidden = !fits;
      if (rule.entry) rule.entry.hidden = !fits;
      if (fits) shown += 1;
    }
    for (const section of all("[data-package]")) {
      const empty = !section.querySelector("[data-rule]:not([hidden])");
      section.hidden = empty;
      const group = document.querySelector(`[data-group="${section.dataset.package}"]`);
      if (group) group.hidden = empty;
    }
    const filtered = words.length > 0 || chosen.size > 0;
    nothing.hidden = shown > 0 || !filtered;
    matches.textContent = filtered ? `${shown} of ${rules.length} rules` : "";
  };

  search.hidden = rules.length === 0;
  query.addEventListener("input", apply);
  for (const tile of tiles) {
    tile.disabled = !rules.some((rule) => rule.severity === tile.dataset.filter);
    tile.addEventListener("click", () => {
      const severity = tile.dataset.filter;
      if (!chosen.delete(severity)) chosen.add(severity);
      tile.setAttribute("aria-pressed", String(chosen.has(severity)));
      apply();
    });
  }

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      query.closest("details").open = true;
      query.focus();
      query.select();
    } else if (event.key === "Escape" && typing === query) {
      query.value = "";
      apply();
      query.blur();
    }
  });

  // A link leads to its rule also while a filter hides it.
  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    const outer = target.closest("details");
    if (outer) outer.open = true;
    if (!target.closest("[hidden]")) return;
    query.value = "";
    chosen.clear();
    for (const tile of tiles) tile.setAttribute("aria-pressed", "false");
    apply();
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();

  // On narrow screens the contents begin closed; on paper all but the sources is open.
  const contents = document.querySelector(".contents");
  const narrow = matchMedia("(max-width: 60rem)");
  const fold = () => { contents.open = !narrow.matches; };
  narrow.addEventListener("change", fold);
  fold();
  contents.addEventListener("click", (event) => {
    if (narrow.matches && event.target.closest("a")) contents.open = false;
  });
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open], .source)");
    for (const one of closed) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of closed) one.open = false;
  });
})();
