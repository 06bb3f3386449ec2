// Owns sending an update piece by piece, and seeing how far it is. The address says where pieces go.
"use strict";

const PIECE = 1 << 20;

const send = async (address, token, file, told) => {
  for (let at = 0; at < file.size; at += PIECE) {
    const answer = await fetch(`${address}?at=${at}&total=${file.size}`, {
      method: "POST",
      headers: { "Content-Type": "application/octet-stream", "X-CSRFToken": token },
      body: file.slice(at, at + PIECE),
    });
    if (!answer.ok) {
      const { error, hint = "" } = await answer.json();
      throw new Error(`${error} ${hint}`);
    }
    told(Math.min(at + PIECE, file.size) / file.size);
  }
};

// <form data-upload="ADDRESS">: its file is sent there first, then the form.
for (const form of document.querySelectorAll("[data-upload]")) {
  const chosen = form.querySelector("[type=file]");
  const button = form.querySelector("button");
  const bar = form.querySelector("[data-sent]");
  const fault = form.querySelector("[data-fault]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const [file] = chosen.files;
    form.elements.name.value = file.name;
    button.disabled = fault.hidden = true;
    bar.hidden = false;
    try {
      await send(form.dataset.upload, form.elements.csrf_token.value, file, (part) => {
        bar.value = 100 * part;
      });
      form.submit();
    } catch (problem) {
      fault.textContent = problem.message || "The box does not answer.";
      fault.hidden = false;
      button.disabled = false;
      bar.hidden = true;
    }
  });
}

// <div data-fresh="ADDRESS">: its content is fetched anew every two seconds, while somebody looks.
for (const part of document.querySelectorAll("[data-fresh]")) {
  const away = document.querySelector("[data-away]");
  const version = () => part.querySelector("[data-version]").dataset.version;
  const before = version();
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const now = await fetched(part.dataset.fresh);
      if (part.innerHTML.trim() !== now.trim()) part.innerHTML = now;
      if (version() !== before) location.reload(); // what runs now may have other pages
      away.hidden = true;
    } catch {
      away.hidden = false;
    }
  }, 2000);
}
