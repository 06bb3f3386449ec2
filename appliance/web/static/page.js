// Owns what moves on the page by itself; without it the page works, only less lively.
"use strict";

const fetched = async (address) => {
  const answer = await fetch(address, { redirect: "manual", cache: "no-store" });
  if (answer.type === "opaqueredirect") location.reload(); // the session is over
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.text();
};

// <div data-live="ADDRESS" data-every="SECONDS">: its content is fetched anew, while somebody looks.
for (const live of document.querySelectorAll("[data-live]")) {
  const lost = document.querySelector("[data-lost]");
  const badge = document.querySelector("[data-badge]");
  const spoken = document.querySelector("[data-spoken]");
  const headline = () => live.querySelector("h1").textContent.trim();
  const gist = () => headline().replace(/\d+/g, ""); // who listens is not told every number
  let said = gist();
  let shown = live.innerHTML.trim();
  const refresh = async () => {
    if (document.hidden) return;
    try {
      const now = (await fetched(live.dataset.live)).trim();
      if (now !== shown) live.innerHTML = shown = now;
      spoken.textContent = gist() === said ? "" : headline();
      said = gist();
      const { needs } = live.querySelector("[data-needs]").dataset;
      badge.textContent = needs;
      badge.hidden = needs === "0";
      lost.hidden = true;
    } catch {
      lost.hidden = false;
    }
  };
  setInterval(refresh, 1000 * live.dataset.every);
  document.addEventListener("visibilitychange", refresh);
}

// <div data-try="ADDRESS">: its content is what ADDRESS answers to the form around it, while typing.
for (const tried of document.querySelectorAll("[data-try]")) {
  const form = tried.closest("form");
  let soon;
  form.addEventListener("input", () => {
    clearTimeout(soon);
    soon = setTimeout(async () => {
      const { filename, sample } = form.elements;
      const asked = new URLSearchParams({ filename: filename.value, sample: sample.value });
      tried.innerHTML = await fetched(`${tried.dataset.try}?${asked}`);
    }, 250);
  });
}

// <button data-wait="TEXT">: pressed, it says so and cannot be pressed twice.
for (const button of document.querySelectorAll("button[data-wait]")) {
  button.form.addEventListener("submit", (event) => {
    if (event.submitter !== button) return;
    setTimeout(() => {
      button.disabled = true;
      button.textContent = button.dataset.wait;
    });
  });
}

// <strong data-countdown="SECONDS">: counts down, then the page is fetched anew.
for (const left of document.querySelectorAll("[data-countdown]")) {
  const until = Date.now() + 1000 * left.dataset.countdown;
  const counting = setInterval(() => {
    const seconds = Math.max(0, Math.round((until - Date.now()) / 1000));
    left.textContent = String(seconds);
    if (seconds > 0) return;
    clearInterval(counting);
    setTimeout(() => location.reload(), 5000);
  }, 1000);
}
