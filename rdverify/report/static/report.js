// Sentences: choose, search, filter; the address says what is shown. Tables: sort. Print: unfold.
"use strict";
(() => {
  const $ = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const role = (name) => $(`[data-role="${name}"]`);
  const list = role("list"), detail = role("detail"), split = $(".split"), form = $(".filters");
  const narrow = matchMedia("(max-width: 60rem)");
  const title = document.title;
  const entries = all(".entry", list);
  const chips = all(".chips > li", list);
  const links = new Map(entries.map((entry) => [entry.dataset.id, $("a", entry)]));

  // ---- which sentence is shown ----
  const FLAGS = ["fragile", "blind", "inference"];
  const CHOICES = ["verdict", "section", "system", "standing"];
  let shown = null;

  const target = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    return document.getElementById(id) || document.getElementById(id.toUpperCase());
  };

  const show = (sentence) => {
    if (shown) shown.classList.remove("current");
    for (const link of links.values()) link.removeAttribute("aria-current");
    shown = sentence;
    split.toggleAttribute("data-open", Boolean(sentence));
    document.title = sentence ? `${sentence.id}: ${title}` : title;
    if (!sentence) return;
    sentence.classList.add("current");
    const link = links.get(sentence.id);
    link.setAttribute("aria-current", "true");
    if (!narrow.matches) link.scrollIntoView({ block: "nearest" });
  };

  // what the address names: a sentence, a claim in it, or another part of the page
  const route = (focus) => {
    const part = target();
    const sentence = part && part.closest(".sentence");
    if (!sentence) {
      if (!location.hash || part === $("#sentences")) show(null);
      return;
    }
    if (sentence !== shown) show(sentence);
    detail.scrollTop = 0;
    split.scrollIntoView({ block: "nearest" });
    if (narrow.matches) split.scrollIntoView({ block: "start" });
    if (part !== sentence) part.scrollIntoView({ block: "start" });
    if (focus) $("h3, h4", part).focus({ preventScroll: true });
  };

  const address = (query, hash) => location.pathname + (query ? `?${query}` : "") + hash;

  const close = () => {
    const link = shown && links.get(shown.id);
    history.pushState(null, "", address(location.search.slice(1), ""));
    show(null);
    if (link) link.focus();
  };

  const step = (by) => {
    const open = entries.filter((entry) => !entry.hidden);
    if (!open.length) return;
    const current = document.activeElement.closest(".entry");
    const here = open.findIndex((entry) => entry === current || (!current && shown && entry.dataset.id === shown.id));
    const next = open[Math.min(open.length - 1, Math.max(0, here + by))];
    const link = $("a", next);
    if (narrow.matches && !shown) return link.focus();
    history.replaceState(null, "", address(location.search.slice(1), link.hash));
    route(false);
    if (narrow.matches) $("h3", shown).focus(); else link.focus();
  };

  // ---- search and filters ----
  // text as it is written in the paper's source: formulas by their LaTeX
  const source = (node) => {
    if (node.nodeName.toLowerCase() === "math") return `$${node.getAttribute("alttext")}$`;
    return node.childNodes.length ? [...node.childNodes].map(source).join("") : node.textContent;
  };
  const texts = new Map();
  const textOf = (item) => {
    if (!texts.has(item)) {
      const parts = [item.dataset.id, source($(".quote", item.closest(".entry")))];
      if (!item.matches(".entry")) {
        parts.push(...all("[data-find]", document.getElementById(item.dataset.id)).map(source));
      }
      texts.set(item, parts.join(" ").toLowerCase());
    }
    return texts.get(item);
  };

  const matches = (item, asked) =>
    CHOICES.every((name) => !asked[name] || item.dataset[name].split(" ").includes(asked[name])) &&
    FLAGS.every((name) => !asked[name] || name in item.dataset) &&
    asked.words.every((word) => textOf(item).includes(word));

  const asked = () => {
    const given = Object.fromEntries(new FormData(form));
    return { ...given, words: (given.q || "").toLowerCase().split(/\s+/).filter(Boolean) };
  };

  const filter = () => {
    const wanted = asked();
    const free = !wanted.words.length && ![...CHOICES, ...FLAGS].some((name) => wanted[name]);
    const claims = new Set(chips.filter((chip) => free || matches(chip, wanted)));
    const own = new Set(entries.filter((entry) => free || matches(entry, wanted)));
    let visible = 0;
    for (const chip of chips) chip.classList.toggle("dim", !claims.has(chip));
    for (const entry of entries) {
      entry.hidden = !own.has(entry) && !all(".chips > li", entry).some((chip) => claims.has(chip));
      entry.classList.toggle("dim", !own.has(entry));
      visible += !entry.hidden;
    }
    for (const group of all(".group", list)) group.hidden = all(".entry", group).every((entry) => entry.hidden);
    $(".nothing", list).hidden = visible > 0;
    const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
    const told = `${count(own.size, "sentence")}, ${count(claims.size, "claim")}`;
    role("count").textContent = free ? told : `${told} found${visible > own.size ? `, in ${count(visible, "sentence")}` : ""}`;
  };

  const toAddress = () => {
    const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
    history.replaceState(null, "", address(query.toString(), location.hash));
  };

  const fromAddress = () => {
    const query = new URLSearchParams(location.search);
    for (const field of form.elements) {
      if (!field.name) continue;
      const value = query.get(field.name);
      if (field.type === "checkbox") field.checked = value === field.value;
      else field.value = value || "";
      if (field.selectedIndex === -1) field.value = "";
    }
    filter();
  };

  // ---- what is said of a row of Table 1 while the pointer or the focus is on it ----
  let tip = null;
  const hint = (row) => {
    if (tip) tip.classList.remove("active");
    tip = row && document.getElementById(row.dataset.tip);
    if (tip) tip.classList.add("active");
  };
  for (const row of all("[data-tip]")) {
    row.addEventListener("pointerenter", () => hint(row));
    row.addEventListener("focusin", () => hint(row));
    row.addEventListener("focusout", () => hint(null));
    row.addEventListener("pointerleave", () => hint(document.activeElement.closest("[data-tip]")));
  }

  form.addEventListener("input", () => { filter(); toAddress(); });
  form.addEventListener("reset", () => setTimeout(() => { filter(); toAddress(); }));
  form.addEventListener("submit", (event) => event.preventDefault());
  role("close").addEventListener("click", close);
  addEventListener("popstate", () => { fromAddress(); route(true); });

  // the hash does not change when what was closed is opened again, nor is focus moved by it
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link && link.hash === location.hash) route(true);
  });

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea");
    if (event.key === "Escape") {
      if (typing) typing.blur();
      else if (tip) hint(null);
      else if (shown) close();
    } else if (typing || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    } else if (event.key === "/") {
      event.preventDefault();
      form.elements.q.focus();
    } else {
      const arrow = event.target.closest(".list") ? { ArrowDown: 1, ArrowUp: -1 }[event.key] : 0;
      const by = { j: 1, k: -1 }[event.key] || arrow;
      if (!by) return;
      event.preventDefault();
      step(by);
    }
  });

  // ---- the formulas, code and tests of a claim's equations, copied when they are opened ----
  const unfold = (box) => {
    if (!box.open || box.dataset.filled) return;
    box.dataset.filled = "yes";
    for (const item of all("li", box)) {
      const equation = document.getElementById($("a", item).hash.slice(1));
      if (equation) item.append($(".body", equation).cloneNode(true));
    }
  };
  for (const box of all("details.equations")) box.addEventListener("toggle", () => unfold(box));

  // ---- tables ----
  for (const table of all('[data-role="sortable"]')) {
    const body = $("tbody", table), heads = all("thead th", table);
    const given = [...body.rows];
    heads.forEach((head, column) => $("button", head).addEventListener("click", () => {
      const order = { none: "ascending", ascending: "descending", descending: "none" }[head.getAttribute("aria-sort")];
      for (const other of heads) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", order);
      const numeric = "number" in $("button", head).dataset;
      const key = (row) => {
        const cell = row.cells[column];
        if (!numeric) return ($(".name", cell) || cell).textContent.trim();
        return cell.dataset.value ? Number(cell.dataset.value) : null;
      };
      const sign = order === "descending" ? -1 : 1;
      const compare = (a, b) => {
        const [one, other] = [key(a), key(b)];
        if (one === null || other === null) return (one === null) - (other === null);
        return sign * (numeric ? one - other : one.localeCompare(other));
      };
      body.append(...(order === "none" ? given : [...given].sort(compare)));
    }));
  }

  // ---- print: everything unfolded, and folded again afterwards ----
  let folded = [];
  addEventListener("beforeprint", () => {
    document.documentElement.classList.add("printing");
    folded = all("details:not([open]):not(.equations)");
    for (const box of folded) box.open = true;
  });
  addEventListener("afterprint", () => {
    document.documentElement.classList.remove("printing");
    for (const box of folded) box.open = false;
  });

  fromAddress();
  route(false);
})();
